// Ping-pong between two descriptors in one process: each event reads one and makes the other ready. Every style but
// `edgepoll-fd` reads and writes by node:fs; `work` does nothing else. Started through `readiness hold`, with the style and
// the kind of descriptor.

import { readSync, writeSync } from 'node:fs';
import { heldDescriptors, Meter, serveWindows } from './meter.mjs';
import { edgepoll, edgepollFd, epollClass } from './package-api.mjs';

const [style, kind] = process.argv.slice(2);
const meter = new Meter(64);

/**
 * The two descriptors: `play` makes one ready, `consume` reads it. A short read ends the process with an error.
 * @typedef {{ fds: number[], play: (side: number) => void, consume: (side: number) => void }} Ends
 */

/** By node:fs, on the descriptors that `readiness hold` opened. @returns {Ends} */
function byNode() {
  const { readers, writers, token } = heldDescriptors();
  const buffer = new Uint8Array(token.length);
  return {
    fds: readers,
    play: (side) => void writeSync(writers[side], token, 0, token.length, null),
    consume(side) {
      const length = readSync(readers[side], buffer, 0, buffer.length, null);
      if (length !== token.length) throw new Error(`read ${length} bytes, not ${token.length}`);
    },
  };
}

/** By edgepoll/fd, on descriptors that it opens itself. @returns {Promise<Ends>} */
async function byEdgepoll() {
  const { eventfd, pipe } = await edgepollFd();
  if (kind === 'eventfd') {
    const counters = [eventfd(), eventfd()];
    return {
      fds: counters.map(({ fd }) => fd),
      play: (side) => void counters[side].write(),
      consume(side) {
        const count = counters[side].read();
        if (count !== 1n) throw new Error(`read ${count}, not 1`);
      },
    };
  }
  const pipes = [pipe(), pipe()];
  const token = new Uint8Array([1]);
  const buffer = new Uint8Array(1);
  return {
    fds: pipes.map(({ reader }) => reader.fd),
    play: (side) => void pipes[side].writer.write(token),
    consume(side) {
      const length = pipes[side].reader.read(buffer);
      if (length !== 1) throw new Error(`read ${length} bytes, not 1`);
    },
  };
}

const { fds, play, consume } = style === 'edgepoll-fd' ? await byEdgepoll() : byNode();

/** Answers the event of one side. When the window is over, neither becomes ready again. @param {number} side */
function serve(side) {
  consume(side);
  if (meter.add(1)) play(1 - side);
}

async function poller() {
  const { Poller } = await edgepoll();
  const created = new Poller();
  for (const side of [0, 1]) created.register(fds[side], { readable: true, data: side });
  return created;
}

/** @param {'edgepoll/epoll' | 'epoll'} name */
async function byEpollClass(name) {
  const Epoll = await epollClass(name);
  const epoll = new Epoll((error, fd) => {
    if (error) throw error;
    serve(fd === fds[0] ? 0 : 1);
  });
  for (const fd of fds) epoll.add(fd, Epoll.EPOLLIN);
}

async function iterate() {
  for await (const { data } of await poller()) serve(data);
}

/** How each style gets its events. @type {Record<string, () => Promise<void>>} */
const styles = {
  'edgepoll-iterate': iterate,
  'edgepoll-fd': iterate,
  'edgepoll-poll': async () => {
    const created = await poller();
    for (;;) {
      for (const { data } of await created.poll()) serve(data);
    }
  },
  'edgepoll-epoll': () => byEpollClass('edgepoll/epoll'),
  'npm-epoll': () => byEpollClass('epoll'),
  work: async () => {},
};

if (!Object.hasOwn(styles, style)) throw new Error(`no style is named '${style}'`);

// The loops never end by themselves; an error in one ends the process.
void styles[style]();

serveWindows((seconds, warmup) => {
  const report = meter.window(seconds, warmup);
  if (style !== 'work') play(0);
  else
    for (let side = 0; meter.running; side = 1 - side) {
      play(side);
      consume(side);
      meter.add(1);
    }
  return report;
});
