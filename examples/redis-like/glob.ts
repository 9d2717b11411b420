/** Patterns of channels and keys, as Redis has them: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character. */

export function globToRegExp(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (character === '[') {
      const end = endOfClass(pattern, at + 1);
      source += classOf(pattern.slice(at + 1, end));
      at = end;
    } else {
      if (character === '\\' && at + 1 < pattern.length) at += 1;
      source += escaped(pattern.charAt(at));
    }
  }
  return new RegExp(`^${source}$`, 's');
}

/** Where the bracket is that closes a class; the end of the pattern if there is none. */
function endOfClass(pattern: string, from: number): number {
  for (let at = from; at < pattern.length; at += 1) {
    if (pattern[at] === '\\') at += 1;
    else if (pattern[at] === ']') return at;
  }
  return pattern.length;
}

function classOf(content: string): string {
  const isNegated = content.startsWith('^');
  const members = content.slice(isNegated ? 1 : 0);
  // A class without members matches nothing, and its opposite everything.
  if (members === '') return isNegated ? '.' : '(?!)';
  let source = '';
  for (let at = 0; at < members.length; at += 1) {
    if (members[at] === '\\' && at + 1 < members.length) at += 1;
    const first = members.charAt(at);
    if (members[at + 1] === '-' && at + 2 < members.length) {
      const [low, high] = [first, members.charAt(at + 2)].toSorted() as [string, string];
      source += `${escaped(low)}-${escaped(high)}`;
      at += 2;
    } else source += escaped(first);
  }
  return `[${isNegated ? '^' : ''}${source}]`;
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
}
