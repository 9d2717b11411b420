/**
 * Events pulled one by one and in batches, so that something is always pending: `pending-mixed DRIVER FIFO…`. Says by
 * how many bytes the heap has grown over many rounds.
 */
import { constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driver, ...fifos] = process.argv.slice(2);
const poller = new Poller({ driver: driver as Driver, maxEvents: 4 });
for (const fifo of fifos) {
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  writeSync(fd, 'x');
  poller.register(fd);
}
await poller[Symbol.asyncIterator]().next();

async function heapAfter(rounds: number): Promise<number> {
  for (let round = 0; round < rounds; round += 1) {
    const batch = await poller.poll({ timeout: 0 });
    if (batch.length !== 4) throw new Error(`${batch.length} events`);
  }
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

const before = await heapAfter(20_000);
const after = await heapAfter(200_000);
process.stdout.write(`${after - before}\n`);
poller.close();
