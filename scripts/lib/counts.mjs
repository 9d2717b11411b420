// Reads a check's output: how many tests passed and failed, and the lines about failures. Whether the check itself failed
// depends on its exit code alone.

/** cargo: one `test result:` line per test binary. */
export function cargoCounts(text) {
  const lines = [...text.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)];
  return { passed: sum(lines, 1), failed: sum(lines, 2) };
}

/** ava: its closing lines, one per kind; a red run has none for what passed, so its ticks count. */
export function avaCounts(text) {
  const kinds = 'tests? failed|tests? remained? pending|uncaught exceptions?|unhandled rejections?';
  const closing = [...text.matchAll(/^\s*(\d+) tests? passed/gm)];
  const ticks = [...text.matchAll(/^\s*[✔√] /gm)].length;
  return {
    passed: closing.length > 0 ? sum(closing, 1) : ticks,
    failed: sum([...text.matchAll(new RegExp(`^\\s*(\\d+) (?:${kinds})`, 'gm'))], 1),
  };
}

/** `node --test`, which closes with one line per kind. */
export function nodeTestCounts(text) {
  const count = (kind) => sum([...text.matchAll(new RegExp(`^[ℹ#] ${kind} (\\d+)$`, 'gm'))], 1);
  return { passed: count('pass'), failed: count('fail') + count('cancelled') };
}

/** Our own scripts: a last line `N passed, N failed`. */
export function plainCounts(text) {
  const lines = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].slice(-1);
  return { passed: sum(lines, 1), failed: sum(lines, 2) };
}

function sum(matches, group) {
  return matches.reduce((total, match) => total + Number(match[group]), 0);
}

/** How ava, cargo, node --test and our own scripts mark a test that failed. */
const marks = /^\s*(✘|✖|not ok|test .* FAILED|error(\[|:)|FAIL|RED|GREEN)/;
/** The most lines to show: with a mark, and from the end of the output, where ava and cargo explain failures. */
const mostMarked = 40;
const mostLast = 60;
/** The most lines of one check that follow the table of all checks. */
const mostNamed = 10;

/** The first lines with a mark. Most of them have the name of a test. */
export function failedTests(text) {
  const marked = text.split('\n').filter((line) => marks.test(line));
  return marked.slice(0, mostNamed).map((line) => line.trim());
}

/** The lines about failures. They are shown again at the end, which survives when a log is cut. */
export function failures(text) {
  const lines = text.trimEnd().split('\n');
  const last = lines.slice(-mostLast);
  const marked = lines.slice(0, -mostLast).filter((line) => marks.test(line));
  return [...marked.slice(0, mostMarked), '…', ...last].join('\n');
}
