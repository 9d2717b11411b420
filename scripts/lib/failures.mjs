// What a red check said about its failures, for the end of the report: of a long log only the end may be
// kept. One job: choosing those lines. Used by test.mjs.

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
