// Says on standard error what is going on: one line that is rewritten on a terminal, one line per step elsewhere.
// Must never write to standard output, which carries the result.

const started = Date.now();

/** @param {string} text */
export function progress(text) {
  const line = `[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

export function progressEnd() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
