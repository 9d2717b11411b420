// Line echo on Bun.listen, careful: limits of connections and of a line, an idle timeout, and back-pressure.

import { announce } from './listening.mjs';

const MAX_CONNECTIONS = 16_000;
const MAX_LINE = 65_536;
const IDLE_SECONDS = 60;
const LF = 10;

const counters = { accepted: 0, dropped: 0, lineTooLong: 0, timeouts: 0 };
let open = 0;

/** Sends what waits, and receives again when nothing is left. @param {any} socket */
function flush(socket) {
  const state = socket.data;
  const written = socket.write(state.unsent);
  state.unsent = state.unsent.subarray(Math.max(written, 0));
  if (state.unsent.length > 0) return;
  state.unsent = undefined;
  socket.resume();
}

const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      open += 1;
      socket.data = { parts: [], length: 0, unsent: undefined };
      if (open > MAX_CONNECTIONS) {
        counters.dropped += 1;
        socket.terminate();
        return;
      }
      counters.accepted += 1;
      socket.setNoDelay(true);
      socket.timeout(IDLE_SECONDS);
    },
    data(socket, data) {
      const state = socket.data;
      socket.timeout(IDLE_SECONDS);
      const lines = [];
      let begin = 0;
      for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF, begin)) {
        lines.push(...state.parts, data.subarray(begin, end + 1));
        state.parts = [];
        state.length = 0;
        begin = end + 1;
      }
      if (begin < data.length) {
        // Copied, because Bun may use the chunk's memory again after this call.
        state.parts.push(Buffer.from(data.subarray(begin)));
        state.length += data.length - begin;
      }
      if (state.length > MAX_LINE) {
        counters.lineTooLong += 1;
        socket.terminate();
        return;
      }
      if (lines.length === 0) return;
      const bytes = Buffer.concat(lines);
      if (state.unsent) {
        state.unsent = Buffer.concat([state.unsent, bytes]);
        return;
      }
      const written = Math.max(socket.write(bytes), 0);
      if (written < bytes.length) {
        state.unsent = bytes.subarray(written);
        socket.pause();
      }
    },
    drain(socket) {
      if (socket.data.unsent) flush(socket);
    },
    timeout(socket) {
      counters.timeouts += 1;
      socket.terminate();
    },
    end(socket) {
      socket.end();
    },
    close() {
      open -= 1;
    },
    // A peer that resets ends its own connection only.
    error() {},
  },
});

process.on('SIGUSR2', () => console.log(`stats ${JSON.stringify(counters)}`));
announce('127.0.0.1', server.port, process.pid);
