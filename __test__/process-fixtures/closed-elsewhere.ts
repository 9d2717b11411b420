/**
 * Another thread closes what this one waits for, while nothing else happens here: `closed-elsewhere DRIVER ENGINE FIFO`.
 * Says what the wait is told, and after how many milliseconds.
 */
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

import type { Driver, Engine } from 'edgepoll';
import { Poller } from 'edgepoll';
import { OwnedFd } from 'edgepoll/fd';

interface Shared {
  fd: number;
  /** 1: the first thread waits. */
  turn: Int32Array;
}

if (isMainThread) {
  const [driver, engine, fifo = ''] = process.argv.slice(2);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const poller = new Poller({ driver: driver as Driver, engine: engine as Engine });
  poller.register(fd);
  const turn = new Int32Array(new SharedArrayBuffer(8));
  const data: Shared = { fd, turn };
  await once(new Worker(new URL(import.meta.url), { workerData: data }), 'online');
  const wait = poller.poll();
  const began = performance.now();
  Atomics.store(turn, 0, 1);
  Atomics.notify(turn, 0);
  try {
    await wait;
  } catch (error) {
    const took = performance.now() - began;
    const { code, fd: whose } = error as NodeJS.ErrnoException & { fd?: number };
    process.stdout.write(`${JSON.stringify({ code, right: whose === fd, took })}\n`);
  }
  process.exit(0);
} else {
  const { fd, turn } = workerData as Shared;
  Atomics.wait(turn, 0, 0);
  // The loop over there falls asleep. Should it not have yet, this shows nothing and does no harm.
  Atomics.wait(turn, 1, 0, 200);
  OwnedFd.adopt(fd).close();
  // Its end would wake the other one.
  Atomics.wait(turn, 1, 0);
}
