// Shows progress on standard error: one line that is rewritten on a terminal, else one line per step. Standard output carries
// the result alone.

const started = Date.now();

/** @param {string} text */
export function progress(text) {
  const line = `[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${text}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

export function progressEnd() {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
