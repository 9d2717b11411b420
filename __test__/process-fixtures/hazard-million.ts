/**
 * A million edges that nobody asks for: `hazard-million DRIVER FIFO`. Needs --expose-gc. Says by how much the heap
 * grew meanwhile, and what was told in the end.
 */
import { constants, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driver, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const EDGES = 1_000_000;

const poller = new Poller<string | undefined>({ driver: driver as Driver });
poller.register(fd, { trigger: 'edge', data: 'edge' });
const iterator = poller[Symbol.asyncIterator]();
const one = Buffer.alloc(1);

// One that was asked for, so that the driver has run.
const first = iterator.next();
writeSync(fd, one);
await first;
// That byte stays: a condition that is gone again when the kernel is asked is no event, and shows nothing.

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
async function edges(count: number): Promise<void> {
  for (let edge = 0; edge < count; edge += 1) {
    writeSync(fd, one);
    readSync(fd, one);
    // The driver may announce what it likes.
    if (edge % 10_000 === 0) await turn();
  }
}
await edges(10_000);
const before = heap();
await edges(EDGES);
const grown = heap() - before;
const told = [(await iterator.next()).value?.data];
const more = await poller.poll({ timeout: 0 });
const { batches, events } = poller.stats();
poller.close();
process.stdout.write(`${JSON.stringify({ grown, told, more: more.length, batches, events })}\n`);
