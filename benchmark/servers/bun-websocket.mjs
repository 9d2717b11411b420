// WebSocket echo on Bun.serve.

import { announce } from './listening.mjs';

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request) {
    return server.upgrade(request) ? undefined : new Response('', { status: 426 });
  },
  websocket: {
    message(socket, message) {
      socket.send(message);
    },
  },
});

announce('127.0.0.1', server.port, process.pid);
