/**
 * What a poller opens, and who gets to see it: `own-descriptors DRIVER FIFO REPORT`. The report is a file, because
 * this may run without standard streams.
 */
import { execFileSync } from 'node:child_process';
import { constants, openSync, readSync, writeFileSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { detailsOf, openDescriptors, targetOf } from '../support/descriptors.js';

const O_CLOEXEC = 0o2000000;
const [driver, fifo = '', report = ''] = process.argv.slice(2);

const before = openDescriptors();
const poller = new Poller({ driver: driver as Driver });
const own = openDescriptors().filter((fd) => !before.includes(fd));

const watched = Array.from({ length: 50 }, () =>
  openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK),
);
for (const fd of watched) poller.register(fd);
const waiting = poller[Symbol.asyncIterator]().next();

// What goes to a standard stream that is not there must not arrive in a descriptor of ours or in one that we watch.
console.log('to nobody');
console.error('to nobody');
const strays = watched.filter((fd) => {
  try {
    return readSync(fd, Buffer.alloc(64)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
});

const flags = (fd: number): number =>
  Number.parseInt(/^flags:\s*(\d+)$/m.exec(detailsOf(fd))?.[1] ?? '', 8);
const listing = execFileSync('/bin/ls', ['-l', '/proc/self/fd'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
});
const found = {
  own: own.map((fd) => ({
    fd,
    target: targetOf(fd),
    closesOnExec: (flags(fd) & O_CLOEXEC) !== 0,
  })),
  inherited: listing.split('\n').filter((line) => /eventpoll|eventfd/.test(line)),
  seen: listing.includes('->'),
  strays: strays.length,
};
poller.close();
await waiting;
writeFileSync(report, JSON.stringify(found));
