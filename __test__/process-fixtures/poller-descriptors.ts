/** What a poller opens it gives back when its loop is left: `poller-descriptors DRIVER FIFO`. */
import { constants, fstatSync, openSync, readdirSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { ownThreads } from '../support/descriptors.js';

const [driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
writeSync(fd, 'x');

function counts(): { descriptors: number; threads: number } {
  return { descriptors: readdirSync('/proc/self/fd').length, threads: ownThreads() };
}

const before = counts();
let during = before;
for (let round = 0; round < 20; round += 1) {
  const poller = new Poller({ driver });
  poller.register(fd);
  for await (const event of poller) {
    if (event.fd === fd) during = counts();
    break;
  }
}
// libuv closes its handles when its loop comes round, and the kernel lists a thread a little longer than it can be joined.
let after = counts();
const isGiven = (): boolean =>
  after.descriptors === before.descriptors && after.threads === before.threads;
for (let turns = 0; turns < 10_000 && !isGiven(); turns += 1) {
  await turn();
  after = counts();
}
const report = {
  opened:
    during.descriptors > before.descriptors && during.threads === (driver === 'thread' ? 1 : 0),
  given: isGiven(),
  watchedIsOpen: fstatSync(fd).isFIFO(),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
