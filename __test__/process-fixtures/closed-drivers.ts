/**
 * Pollers that are closed long before their environment ends: `closed-drivers DRIVER`. The end is that of a worker, then that of
 * the process. Whatever still knows them by an address then, finds there what malloc's environment variables put.
 */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const COUNT = 50;

const driver = (isMainThread ? process.argv[2] : workerData) as Driver;
for (let count = 0; count < COUNT; count += 1) new Poller({ driver }).close();
// The host gives the thread-safe functions back when its loop comes round, and the bindings are collected.
for (let turns = 0; turns < 10; turns += 1) {
  globalThis.gc?.();
  await turn();
}

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: driver });
  const [code] = (await once(worker, 'exit')) as [number];
  process.stdout.write(`${JSON.stringify({ code })}\n`);
}
