/** What a poller opens it gives back when its loop is left: `poller-descriptors DRIVER FIFO`. */
import { constants, fstatSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

const [driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;
const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
writeSync(fd, 'x');

function counts(): { descriptors: number; threads: number } {
  const threads = readdirSync('/proc/self/task').filter(
    (id) => readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'edgepoll',
  );
  return { descriptors: readdirSync('/proc/self/fd').length, threads: threads.length };
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
// libuv closes its handles when its loop comes round.
for (let turns = 0; turns < 10; turns += 1) await turn();
const after = counts();
const report = {
  opened:
    during.descriptors > before.descriptors && during.threads === (driver === 'thread' ? 1 : 0),
  given: after.descriptors === before.descriptors && after.threads === before.threads,
  watchedIsOpen: fstatSync(fd).isFIFO(),
};
process.stdout.write(`${JSON.stringify(report)}\n`);
