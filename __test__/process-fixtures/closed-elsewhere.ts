/**
 * Another thread closes what this one waits for, while nothing else happens here: `closed-elsewhere DRIVER ENGINE FIFO`.
 * Says what the wait is told, how many milliseconds lie between two questions after closed descriptors, and how many
 * began when it was closed already.
 */
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { setInterval as RealInterval } from 'node:timers';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

import type { Driver, Engine } from 'edgepoll';

interface Shared {
  fd: number;
  /** 1: the first thread waits. */
  turn: Int32Array;
  /** 1: it is closed. */
  closed: Int32Array;
}

/** Every interval of `node:timers` runs as ever; says how long each is, and calls `before` whenever one has passed. */
function watchIntervals(before: () => void): number[] {
  const delays: number[] = [];
  const timers = createRequire(import.meta.url)('node:timers') as {
    setInterval: typeof RealInterval;
  };
  const { setInterval: real } = timers;
  const setInterval = (ask: () => void, delay: number): NodeJS.Timeout => {
    delays.push(delay);
    return real(() => {
      before();
      ask();
    }, delay);
  };
  Object.assign(timers, { setInterval });
  syncBuiltinESMExports();
  return delays;
}

if (isMainThread) {
  const [driver, engine, fifo = ''] = process.argv.slice(2);
  let asked = 0;
  const closed = new Int32Array(new SharedArrayBuffer(4));
  const delays = watchIntervals(() => {
    asked += Atomics.load(closed, 0);
  });
  // Not before: in Bun an import stays what it was.
  const { Poller } = await import('edgepoll');
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const poller = new Poller({ driver: driver as Driver, engine: engine as Engine });
  poller.register(fd);
  const turn = new Int32Array(new SharedArrayBuffer(8));
  const data: Shared = { fd, turn, closed };
  await once(new Worker(new URL(import.meta.url), { workerData: data }), 'online');
  const wait = poller.poll();
  Atomics.store(turn, 0, 1);
  Atomics.notify(turn, 0);
  try {
    await wait;
  } catch (error) {
    const { code, fd: whose } = error as NodeJS.ErrnoException & { fd?: number };
    process.stdout.write(`${JSON.stringify({ code, right: whose === fd, delays, asked })}\n`);
  }
  process.exit(0);
} else {
  const { OwnedFd } = await import('edgepoll/fd');
  const { fd, turn, closed } = workerData as Shared;
  Atomics.wait(turn, 0, 0);
  // The loop over there falls asleep. Should it not have yet, this shows nothing and does no harm.
  Atomics.wait(turn, 1, 0, 200);
  OwnedFd.adopt(fd).close();
  Atomics.store(closed, 0, 1);
  // Its end would wake the other one.
  Atomics.wait(turn, 1, 0);
}
