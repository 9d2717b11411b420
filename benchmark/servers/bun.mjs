// Echo on Bun.listen. `write` takes as much as the kernel takes; the rest is kept here, in order, until `drain`.

import { announce } from './listening.mjs';

/** @param {any} socket */
function flush(socket) {
  while (socket.data.length > 0) {
    const first = socket.data[0];
    const written = socket.write(first);
    if (written < first.length) {
      if (written > 0) socket.data[0] = first.subarray(written);
      return;
    }
    socket.data.shift();
  }
}

const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      // Created at the first short write, so that an idle connection costs no memory for it.
      socket.data = undefined;
    },
    data(socket, data) {
      if (socket.data?.length > 0) {
        socket.data.push(Buffer.from(data));
        return;
      }
      const written = socket.write(data);
      // Copied, because Bun may use the chunk's memory again after this call.
      if (written < data.length)
        (socket.data ??= []).push(Buffer.from(data.subarray(Math.max(written, 0))));
    },
    drain(socket) {
      if (socket.data) flush(socket);
    },
    error(_socket, error) {
      // A peer that resets ends its own connection only.
      if (error.code !== 'ECONNRESET') console.error(`connection failed: ${error.message}`);
    },
  },
});

// For the idle benchmark, which compares memory without garbage. collect.mjs does the same for Node.js.
process.on('SIGUSR2', () => {
  Bun.gc(true);
  console.log('collected');
});

announce('127.0.0.1', server.port, process.pid);
