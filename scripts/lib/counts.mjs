// Reads from a runner's output how many tests passed and failed. Whether the run failed, its exit code says.

/** cargo: one `test result:` line per test binary. */
export function cargoCounts(text) {
  const lines = [...text.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)];
  return { passed: sum(lines, 1), failed: sum(lines, 2) };
}

/** ava: its closing lines, one per kind; a red run has none for what passed, so its ticks count. */
export function avaCounts(text) {
  const failures =
    'tests? failed|tests? remained? pending|uncaught exceptions?|unhandled rejections?';
  const closing = [...text.matchAll(/^\s*(\d+) tests? passed/gm)];
  const ticks = [...text.matchAll(/^\s*[✔√] /gm)].length;
  return {
    passed: closing.length > 0 ? sum(closing, 1) : ticks,
    failed: sum([...text.matchAll(new RegExp(`^\\s*(\\d+) (?:${failures})`, 'gm'))], 1),
  };
}

/** Our own scripts: a last line `N passed, N failed`. */
export function plainCounts(text) {
  const lines = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].slice(-1);
  return { passed: sum(lines, 1), failed: sum(lines, 2) };
}

function sum(matches, group) {
  return matches.reduce((total, match) => total + Number(match[group]), 0);
}
