// Ping-pong between two descriptors in one process: each event reads one and makes the other ready. The reads and writes
// are the same in every style; `work` does only them. Started by the runner through `readiness hold`, with the style.

import { readSync, writeSync } from 'node:fs';
import { heldDescriptors, Meter, serveWindows } from './meter.mjs';
import { edgepoll, epollClass } from './package-api.mjs';

const { readers, writers, token } = heldDescriptors();
const buffer = new Uint8Array(token.length);
const meter = new Meter(64);

/** @param {number} side */
function play(side) {
  writeSync(writers[side], token, 0, token.length, null);
}

/** Reads one token; nothing there, or less, ends the process with an error. @param {number} side */
function consume(side) {
  const length = readSync(readers[side], buffer, 0, buffer.length, null);
  if (length !== token.length) throw new Error(`read ${length} bytes instead of ${token.length}`);
}

/** Answers the event of one side. When the window is over, the ball stays away. @param {number} side */
function serve(side) {
  consume(side);
  if (meter.add(1)) play(1 - side);
}

async function poller() {
  const { Poller } = await edgepoll();
  const created = new Poller();
  for (const side of [0, 1]) created.register(readers[side], { readable: true, data: side });
  return created;
}

/** @param {'edgepoll/epoll' | 'epoll'} name */
async function byEpollClass(name) {
  const Epoll = await epollClass(name);
  const epoll = new Epoll((error, fd) => {
    if (error) throw error;
    serve(fd === readers[0] ? 0 : 1);
  });
  for (const fd of readers) epoll.add(fd, Epoll.EPOLLIN);
}

/** How each style comes to its events. @type {Record<string, () => Promise<void>>} */
const styles = {
  'edgepoll-iterate': async () => {
    for await (const { data } of await poller()) serve(data);
  },
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

const style = process.argv[2];
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
