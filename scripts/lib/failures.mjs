// Chooses what a failed check said about its failures. It is shown again at the end, which survives when a log is cut.

/** How ava, cargo and our own scripts mark a test that failed. */
const marks = /^\s*(✘|✖|not ok|test .* FAILED|error(\[|:)|FAIL|RED|GREEN)/;
/** Lines at most: those with a mark, and the end of the output, where ava and cargo explain. */
const mostMarked = 40;
const mostLast = 60;

export function failures(text) {
  const lines = text.trimEnd().split('\n');
  const last = lines.slice(-mostLast);
  const marked = lines.slice(0, -mostLast).filter((line) => marks.test(line));
  return [...marked.slice(0, mostMarked), '…', ...last].join('\n');
}
