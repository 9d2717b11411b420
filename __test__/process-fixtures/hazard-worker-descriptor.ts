/**
 * A worker opens a file, the main thread watches it by number, and the worker ends, which closes it:
 * `hazard-worker-descriptor DRIVER FIFO`. Says what the iteration told.
 */
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import type { Driver } from 'edgepoll';
import { watch } from 'edgepoll';

const { O_NONBLOCK, O_RDWR } = constants;

if (isMainThread) {
  const [driver, fifo = ''] = process.argv.slice(2);
  const worker = new Worker(new URL(import.meta.url), { workerData: fifo });
  const [fd] = (await once(worker, 'message')) as [number];
  const events: number[] = [];
  const watching = async (): Promise<void> => {
    for await (const event of watch(fd, { driver: driver as Driver })) events.push(event.mask);
  };
  const ended = watching();
  worker.postMessage('end', []);
  let told: unknown = 'it ended without a word';
  try {
    await ended;
  } catch (error) {
    const { code, fd: of } = error as NodeJS.ErrnoException & { fd?: number };
    told = { code, right: of === fd };
  }
  process.stdout.write(`${JSON.stringify({ told, events })}\n`);
} else {
  parentPort?.postMessage(openSync(workerData as string, O_RDWR | O_NONBLOCK), []);
  parentPort?.once('message', () => process.exit(0));
}
