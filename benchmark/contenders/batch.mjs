// Descriptors that are always ready (level-triggered and never read), taken in batches: the cost of an event when many share
// a wait. Started through `readiness hold`, with the style.

import { heldDescriptors, Meter, serveWindows } from './meter.mjs';
import { edgepoll, epollClass } from './package-api.mjs';

const { readers } = heldDescriptors();
const meter = new Meter(64);
/** Keeps the compiler from leaving out the reading of the event. */
let sum = 0;

async function poller() {
  const { Poller } = await edgepoll();
  const created = new Poller();
  for (const [index, fd] of readers.entries()) {
    created.register(fd, { readable: true, data: index });
  }
  return created;
}

/** How each style takes its events. Between windows it waits. @type {Record<string, () => Promise<void>>} */
const styles = {
  'edgepoll-iterate': async () => {
    for await (const { data } of await poller()) {
      sum += data;
      if (!meter.add(1)) await meter.begun();
    }
  },
  'edgepoll-poll': async () => {
    const created = await poller();
    for (;;) {
      const events = await created.poll();
      for (const { data } of events) sum += data;
      if (!meter.add(events.length)) await meter.begun();
    }
  },
  // It takes one event per wake-up.
  'npm-epoll': async () => {
    const Epoll = await epollClass('epoll');
    let rest = () => {};
    const epoll = new Epoll((error, fd) => {
      if (error) throw error;
      sum += fd;
      if (!meter.add(1)) rest();
    });
    for (;;) {
      for (const fd of readers) epoll.add(fd, Epoll.EPOLLIN);
      await new Promise((resolve) => {
        rest = () => resolve(undefined);
      });
      for (const fd of readers) epoll.remove(fd);
      await meter.begun();
    }
  },
};

const style = process.argv[2];
if (!Object.hasOwn(styles, style)) throw new Error(`no style is named '${style}'`);

// The loops never end by themselves; an error in one ends the process.
void styles[style]();

serveWindows((seconds, warmup) => meter.window(seconds, warmup));

process.once('exit', () => {
  if (sum === 0) process.exitCode = 1;
});
