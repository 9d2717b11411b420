/**
 * Opens a poller with 0, 1, 2 … descriptors left until that works: `few-descriptors DRIVER FIFO`. Says how each
 * attempt before was refused and what it left behind.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { EdgepollError, Poller } from 'edgepoll';

import { isOpen, openDescriptors, ownThreads } from '../support/descriptors.js';

const [driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;
const flags = constants.O_RDWR | constants.O_NONBLOCK;

// What a runtime opens with its first poller, its first child or its first output is there from then on.
process.stdout.write('begins\n');
new Poller({ driver }).close();
const limit = Math.max(32, Math.max(...openDescriptors()) + 8);
execFileSync('prlimit', ['--pid', String(process.pid), `--nofile=${limit}:${limit}`]);
const countOpen = (): number =>
  Array.from({ length: limit }, (_, fd) => fd).filter((fd) => isOpen(fd)).length;

const fillers: number[] = [];
let full: string | undefined;
while (full === undefined) {
  try {
    fillers.push(openSync(fifo, flags));
  } catch (error) {
    full = (error as NodeJS.ErrnoException).code;
  }
}

const refused: unknown[] = [];
let poller: Poller<string | undefined> | undefined;
while (poller === undefined) {
  const before = countOpen();
  try {
    poller = new Poller<string | undefined>({ driver });
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    const typed = error instanceof EdgepollError;
    refused.push({ free: refused.length, typed, code, errno, message, left: countOpen() - before });
    const filler = fillers.pop();
    if (filler === undefined) throw new Error(JSON.stringify(refused), { cause: error });
    closeSync(filler);
  }
}

// The one that came to be works, with no descriptor to spare.
const watched = fillers[0] as number;
poller.register(watched, { data: 'watched' });
writeSync(watched, 'x');
const { value } = await poller[Symbol.asyncIterator]().next();
poller.close();
for (const fd of fillers) closeSync(fd);
const report = { full, refused, told: value?.data, threads: ownThreads() };
process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);
