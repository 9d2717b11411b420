// The line that gives the runner a server's address and pid.

/** @param {string} host @param {number} port @param {number} pid */
export function announce(host, port, pid) {
  console.log(`listening on ${host}:${port} pid ${pid}`);
}
