/**
 * A hundred events for one who comes back for the next a turn of the loop later, between two marks for strace:
 * `late-consumer DRIVER WHEN FIFO`. The event is used up before that turn or `after` it. Says how many were told.
 */
import { constants, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const EVENTS = 100;

const [driver, when, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
const buffer = Buffer.alloc(1);
const poller = new Poller({ driver: driver as Driver });
poller.register(fd);
// What the first waits enter into the loop's set stays there. The loop does that before it waits, between these two turns.
const first = poller.poll({ timeout: 5 });
await turn();
await turn();
await first;

mark('begin');
let told = 0;
writeSync(fd, 'x');
for await (const event of poller) {
  if (when === 'after') await turn();
  readSync(event.fd, buffer);
  if (when === 'before') await turn();
  told += 1;
  if (told === EVENTS) {
    // Before the loop closes the poller.
    mark('end');
    break;
  }
  writeSync(event.fd, 'x');
}
process.stdout.write(`${JSON.stringify({ told })}\n`);
