// The one line that tells the runner where a server listens and which process serves.
// Must never do anything else: every server here shows its own way of echoing in full.

/** @param {string} host @param {number} port @param {number} pid */
export function announce(host, port, pid) {
  console.log(`listening on ${host}:${port} pid ${pid}`);
}
