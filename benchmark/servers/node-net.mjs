// Echo on node:net in its usual form, which is also the fastest: no pipe(), no back-pressure.

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
