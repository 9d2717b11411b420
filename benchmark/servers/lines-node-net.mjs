// Line echo on node:net, careful: limits of connections, of an address and of a line, an idle timeout, and back-pressure.

import { createServer } from 'node:net';
import { announce } from './listening.mjs';

const MAX_CONNECTIONS = 16_000;
const MAX_PER_ADDRESS = 8000;
const MAX_LINE = 65_536;
const IDLE_MS = 60_000;
const LF = 10;

const counters = { accepted: 0, dropped: 0, overAddressLimit: 0, lineTooLong: 0, timeouts: 0 };
/** @type {Map<string, number>} */
const byAddress = new Map();

/** Whether the address may have one more connection. @param {string} address */
function admit(address) {
  const open = byAddress.get(address) ?? 0;
  if (open >= MAX_PER_ADDRESS) return false;
  byAddress.set(address, open + 1);
  return true;
}

/** @param {string} address */
function forget(address) {
  const open = byAddress.get(address) ?? 0;
  if (open > 1) byAddress.set(address, open - 1);
  else byAddress.delete(address);
}

const server = createServer({ noDelay: true }, (socket) => {
  const address = socket.remoteAddress ?? '';
  if (!admit(address)) {
    counters.overAddressLimit += 1;
    socket.resetAndDestroy();
    return;
  }
  counters.accepted += 1;
  /** @type {Buffer[]} the parts of a line that have come */
  let parts = [];
  let length = 0;
  socket.setTimeout(IDLE_MS);
  socket.on('timeout', () => {
    counters.timeouts += 1;
    socket.destroy();
  });
  socket.on('close', () => forget(address));
  // A peer that resets ends its own connection only.
  socket.on('error', () => {});
  socket.on('drain', () => socket.resume());
  socket.on('data', (/** @type {Buffer} */ data) => {
    let begin = 0;
    let room = true;
    socket.cork();
    for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF, begin)) {
      const line = Buffer.concat([...parts, data.subarray(begin, end + 1)]);
      parts = [];
      length = 0;
      begin = end + 1;
      room = socket.write(line);
    }
    socket.uncork();
    if (begin < data.length) {
      parts.push(data.subarray(begin));
      length += data.length - begin;
    }
    if (length > MAX_LINE) {
      counters.lineTooLong += 1;
      socket.destroy();
    } else if (!room) {
      socket.pause();
    }
  });
});
server.maxConnections = MAX_CONNECTIONS;
server.on('drop', () => (counters.dropped += 1));
process.on('SIGUSR2', () => console.log(`stats ${JSON.stringify(counters)}`));

server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const { address, port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  announce(address, port, process.pid);
});
