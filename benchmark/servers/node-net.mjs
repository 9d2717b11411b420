// Echo on node:net in the form that everybody writes, and the fastest one: no pipe(), no back-pressure.
// Started by the benchmark runner under Node.

import { createServer } from 'node:net';
import { announce } from './listening.mjs';

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('data', (data) => socket.write(data));
  // A peer that resets ends its own connection only.
  socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (error.code !== 'ECONNRESET') console.error(`connection failed: ${error.message}`);
  });
});

server.listen({ host: '127.0.0.1', port: 0 }, () => {
  const { address, port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  announce(address, port, process.pid);
});
