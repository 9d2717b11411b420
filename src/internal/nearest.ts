/** The known name that a misspelt one resembles, for error messages. */

/** The most similar known name, if at most a third of its letters differ. The case of letters does not matter. */
export function nearest<T extends string>(name: string, known: readonly T[]): T | undefined {
  let found: T | undefined;
  let least = Infinity;
  for (const word of known) {
    const most = Math.floor(word.length / 3);
    if (Math.abs(word.length - name.length) > most) continue;
    const edits = distance(name.toLowerCase(), word.toLowerCase());
    if (edits > most || edits >= least) continue;
    found = word;
    least = edits;
  }
  return found;
}

/**
 * How many letters must be inserted, left out, replaced, or exchanged with their neighbour to make `from` into `to`
 * (the optimal string alignment distance).
 */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const at = (line: number[], index: number): number => line[index] ?? Infinity;
      let edits = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isSame ? 0 : 1),
      );
      const isExchange = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && isExchange)
        edits = Math.min(edits, at(beforeLast, column - 2) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? Infinity;
}
