// The parts of docs/packaging.md that are made from the list of targets and the limits of qemu. Each stands between two comments
// with its name.

import { readFileSync, writeFileSync } from 'node:fs';
import { inProject } from '../lib/root.mjs';
import { limitsText } from './limits.mjs';
import { targets } from './list.mjs';
import { howItRuns } from './runtime.mjs';

const page = 'docs/packaging.md';
const parts = { targets: targetsText, 'qemu-limits': limitsText };

function targetsText() {
  const rows = targets.map((target) => {
    const { name, triple, glibc, rust } = target;
    const builtWith = rust === 'installed' ? 'the installed Rust, zig' : 'Debian’s Rust, zig';
    const floor = glibc === undefined ? 'musl 1.2' : `glibc ${glibc}`;
    const cells = [`\`${name}\``, `\`${triple}\``, floor, builtWith, howItRuns(target)];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| Target | Rust | Needs | Built with | Tried with |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The page with the parts as they must be. */
function made() {
  let text = readFileSync(inProject(page), 'utf8');
  for (const [name, make] of Object.entries(parts)) {
    const place = new RegExp(`(?<=^<!-- ${name} -->\n)[^]*?(?=^<!-- end of ${name} -->$)`, 'm');
    if (!place.test(text)) throw new Error(`${page} has no comments for the part ${name}`);
    text = text.replace(place, () => `${make()}\n`);
  }
  return text;
}

export function writeDocs() {
  writeFileSync(inProject(page), made());
}

/** What is wrong with the page: one line or none. */
export function wrongInDocs() {
  const isRight = made() === readFileSync(inProject(page), 'utf8');
  return isRight ? [] : [`${page}: the list of targets or of qemu's limits is an old one`];
}
