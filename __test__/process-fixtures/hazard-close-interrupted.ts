/**
 * Pollers that are closed while strace answers each close(2) with EINTR: `hazard-close-interrupted DRIVER FIFO`.
 * The number stays open then, so that a second close of it can only be a fault.
 */
import { constants, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driver, fifo = ''] = process.argv.slice(2);
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);

const pollers = [1, 2, 3].map(() => new Poller({ driver: driver as Driver }));
mark('begin');
for (const poller of pollers) {
  poller.register(fd, { duplicate: true });
  poller.close();
}
// libuv closes its handles when its loop comes round.
for (let turns = 0; turns < 10; turns += 1) await turn();
mark('end');
process.stdout.write('closed\n');
