// WebSocket echo on npm's ws.

import { WebSocketServer } from 'ws';
import { announce } from './listening.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () => {
  const { address, port } = server.address();
  announce(address, port, process.pid);
});
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  // A peer that resets ends its own connection only.
  socket.on('error', (error) => console.error(`connection failed: ${error.message}`));
});
