/**
 * A descriptor that is always ready, and a consumer that is busy elsewhere for a second: `poller-busy DRIVER FIFO`.
 * The second lies between two marks for strace, which counts how often anybody asks the kernel meanwhile.
 */
import { constants, openSync, writeSync } from 'node:fs';
import { setTimeout as second } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driver, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
writeSync(fd, 'x');

const poller = new Poller({ driver: driver as Driver });
poller.register(fd, { trigger: 'level', writable: true, readable: true });
let events = 0;
for await (const event of poller) {
  if (event.fd === fd) events += 1;
  if (events === 10) break;
  if (events !== 5) continue;
  mark('begin');
  await second(1000);
  mark('end');
}
process.stdout.write(`${events}\n`);
