/**
 * Pollers that are opened, waited on and closed within one turn of the loop, so that their descriptors' numbers come
 * back before libuv has heard of the close; and workers that are ended in the middle of it:
 * `hazard-churn DRIVER FIFO`. Says what the last ones told and that nothing stayed open.
 */
import { once } from 'node:events';
import { constants, openSync, readdirSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { ownThreads } from '../support/descriptors.js';

interface Task {
  driver: Driver;
  fifo: string;
}

const task: Task = isMainThread
  ? { driver: process.argv[2] as Driver, fifo: process.argv[3] ?? '' }
  : (workerData as Task);
const fd = openSync(task.fifo, constants.O_RDWR | constants.O_NONBLOCK);

function churn(rounds: number): Poller<number> {
  let last = new Poller<number>({ driver: task.driver });
  for (let round = 0; round < rounds; round += 1) {
    last.register(fd, { data: round });
    last.poll().catch(() => {});
    last.close();
    last = new Poller<number>({ driver: task.driver });
  }
  last.register(fd, { data: rounds });
  return last;
}

interface Counts {
  descriptors: number;
  threads: number;
}

function counts(): Counts {
  return { descriptors: readdirSync('/proc/self/fd').length, threads: ownThreads() };
}

/** Counts when `isDone`, or when that never comes true: the kernel lists a thread a little longer than it can be joined. */
async function settled(isDone: (now: Counts) => boolean): Promise<Counts> {
  let now = counts();
  for (let turns = 0; turns < 10_000 && !isDone(now); turns += 1) {
    await turn();
    now = counts();
  }
  return now;
}

/** One worker, ended in the middle of it. */
async function ended(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  await once(worker, 'message');
  await worker.terminate();
}

if (isMainThread) {
  // What the host opens for its first worker and keeps is its own affair.
  await ended();
  for (let turns = 0; turns < 20; turns += 1) await turn();
  const before = await settled(({ threads }) => threads === 0);
  const told: (number | undefined)[] = [];
  for (let round = 0; round < 5; round += 1) {
    const poller = churn(50);
    const pull = poller.poll();
    if (round === 0) writeSync(fd, 'x');
    told.push((await pull)[0]?.data);
    poller.close();
    await turn();
  }
  for (let round = 0; round < 10; round += 1) {
    await ended();
  }
  const after = await settled(
    ({ descriptors, threads }) => descriptors === before.descriptors && threads === before.threads,
  );
  process.stdout.write(
    `${JSON.stringify({
      told,
      descriptors: after.descriptors - before.descriptors,
      threads: after.threads - before.threads,
    })}\n`,
  );
  process.exit(0);
} else {
  churn(20)
    .poll()
    .catch(() => {});
  parentPort?.postMessage('in the middle', []);
  const again = (): void => {
    churn(5).close();
    setImmediate(again);
  };
  again();
}
