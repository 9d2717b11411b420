/**
 * Ten waits of 5 ms for what does not come, between two marks for strace: `poll-waits DRIVER FIFO`. Says how long
 * the shortest took.
 */
import { constants, openSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driver, fifo = ''] = process.argv.slice(2);
const poller = new Poller({ driver: driver as Driver });
poller.register(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
await poller.poll({ timeout: 5 });

mark('begin');
const took: number[] = [];
for (let round = 0; round < 10; round += 1) {
  const began = performance.now();
  await poller.poll({ timeout: 5 });
  took.push(performance.now() - began);
}
mark('end');
poller.close();
process.stdout.write(`${JSON.stringify({ shortest: Math.min(...took) })}\n`);
