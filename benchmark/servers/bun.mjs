// Echo on Bun.listen. `write` takes what the kernel takes, so the rest is kept here, in order, until `drain`.
// Started by the benchmark runner under Bun.

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
      // Made only when a write falls short: an idle connection pays nothing for it.
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

// For the idle benchmark: memory is compared after garbage is gone (see collect.mjs, which does this for Node).
process.on('SIGUSR2', () => {
  Bun.gc(true);
  console.log('collected');
});

announce('127.0.0.1', server.port, process.pid);
