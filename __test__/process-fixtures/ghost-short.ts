/**
 * A ghost while FREE descriptors are left, which do not do for a fresh epoll descriptor and its driver:
 * `ghost-short DRIVER FREE FIFO FIFO FIFO`. Says what is told meanwhile and after it.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { openDescriptors } from '../support/descriptors.js';

const [driver, free, ...fifos] = process.argv.slice(2);
const options = { driver: driver as Driver };
const [gone = -1, live = -1, late = -1] = fifos.map((path) =>
  openSync(path, constants.O_RDWR | constants.O_NONBLOCK),
);
process.stdout.write('begins\n');

const poller = new Poller<string>(options);
const other = new Poller(options);
const registration = poller.register(gone, { data: 'ghost' });
poller.register(live, { data: 'live' });
// Its duplicate keeps the file, and with it what the poller has of it.
const { fd } = other.register(gone, { duplicate: true });
writeSync(fd, 'x');
closeSync(gone);
registration.unregister();

const limit = Math.max(...openDescriptors()) + 8;
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${limit}:${limit}`]);
const fillers: number[] = [];
try {
  for (;;) fillers.push(openSync('/dev/null', constants.O_RDONLY));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
}
for (const filler of fillers.splice(0, Number(free))) closeSync(filler);

const told: string[] = [];
const tell = async (): Promise<void> => {
  for (const { data } of await poller.poll()) told.push(data);
};
/** Until the poller has seen so much of the ghost that it has tried several times, or is rid of it. */
async function tries(): Promise<void> {
  const { staleEvents } = poller.stats();
  for (let turns = 0; turns < 1_000_000; turns += 1) {
    const stats = poller.stats();
    if (stats.renewals > 0 || stats.staleEvents > staleEvents + 40) return;
    await turn();
  }
}

let wait = tell();
await tries();
writeSync(live, 'x');
await wait;
readSync(live, Buffer.alloc(1));
wait = tell();
await tries();
const during = poller.stats().renewals;
for (const filler of fillers) closeSync(filler);
poller.register(late, { data: 'late' });
writeSync(late, 'x');
await wait;
readSync(late, Buffer.alloc(1));
wait = tell();
for (let turns = 0; turns < 1_000_000 && poller.stats().renewals === 0; turns += 1) await turn();
writeSync(live, 'x');
await wait;
const { renewals } = poller.stats();
process.stdout.write(`${JSON.stringify({ told, during, renewals })}\n`);
process.exit(0);
