/**
 * Descriptors' numbers that come back at once, in a process where nobody else keeps one:
 * `hazard-identity CASE DRIVER ENGINE FIFO FIFO FIFO FIFO`. Says in order what was told.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

import type { Driver, Engine, ReadinessEvent, Registration } from 'edgepoll';
import { Poller } from 'edgepoll';

import { openUnder } from '../support/descriptors.js';

const [name = '', driver, engine, ...fifos] = process.argv.slice(2);
const [one = '', two = '', three = '', four = ''] = fifos;

const FLAGS = constants.O_RDWR | constants.O_NONBLOCK;
const open = (path: string): number => openSync(path, FLAGS);
const read = (fd: number): void => void readSync(fd, Buffer.alloc(100));

const poller = new Poller<string>({
  driver: driver as Driver,
  engine: engine as Engine,
});
const iterator = poller[Symbol.asyncIterator]();
const told: string[] = [];

/** The next thing that is told, an error by its code. */
async function next(): Promise<ReadinessEvent<string> | undefined> {
  try {
    const { value } = await iterator.next();
    told.push(value === undefined ? 'end' : value.data);
    return value;
  } catch (error) {
    const { code, fd } = error as NodeJS.ErrnoException & { fd?: number };
    told.push(`${code} of ${fd}`);
    return undefined;
  }
}

// Opened last, so that its number is nobody's concern.
let fence = -1;

/** Everything that is told up to a pipe that becomes ready last. */
async function rest(): Promise<void> {
  writeSync(fence, 'x');
  while ((await next())?.data !== 'fence');
  read(fence);
}

const cases: Record<string, () => Promise<unknown>> = {
  // Both are ready in one batch; the first one's handler closes the other and opens a file with its number.
  async stale() {
    const [a, b] = [open(one), open(two)];
    fence = open(four);
    const registrations = new Map<number, Registration<string>>();
    for (const fd of [a, b]) registrations.set(fd, poller.register(fd, { data: `old ${fd}` }));
    poller.register(fence, { data: 'fence' });
    for (const fd of [a, b]) writeSync(fd, 'x');
    const first = await next();
    const other = first?.fd === a ? b : a;
    read(first?.fd ?? -1);
    registrations.get(other)?.unregister();
    closeSync(other);
    openUnder(three, FLAGS, other);
    poller.register(other, { data: 'new' });
    await rest();
    writeSync(other, 'x');
    await next();
    return { first: `old ${first?.fd}` };
  },

  // As before, but nobody is told that the other one goes.
  async 'stale-untold'() {
    const [a, b] = [open(one), open(two)];
    fence = open(four);
    for (const fd of [a, b]) poller.register(fd, { data: `old ${fd}` });
    poller.register(fence, { data: 'fence' });
    for (const fd of [a, b]) writeSync(fd, 'x');
    const first = await next();
    const other = first?.fd === a ? b : a;
    read(first?.fd ?? -1);
    closeSync(other);
    openUnder(three, FLAGS, other);
    await rest();
    // Nobody watches the new file: its readiness is nobody's.
    writeSync(other, 'x');
    await rest();
    // The thread looks once a second after what was closed.
    while (!told.some((what) => what.startsWith('ERR_DESCRIPTOR_CLOSED'))) await next();
    return { first: `old ${first?.fd}`, other };
  },

  // The number is registered anew, and then the old registration is used.
  async late() {
    const fd = open(one);
    fence = open(four);
    poller.register(fence, { data: 'fence' });
    const old = poller.register(fd, { data: 'old' });
    closeSync(fd);
    openUnder(two, FLAGS, fd);
    const young = poller.register(fd, { data: 'new' });
    const uses: string[] = [];
    for (const use of [
      () => old.modify({ writable: true }),
      () => old.rearm(),
      () => old.unregister(),
      () => old.unregister(),
    ]) {
      try {
        use();
        uses.push('silent');
      } catch (error) {
        uses.push(String((error as NodeJS.ErrnoException).code));
      }
    }
    await rest();
    const size = poller.size;
    writeSync(fd, 'x');
    await next();
    return { uses, size, active: [old.active, young.active] };
  },

  // Register, unregister, close and open again, many times: never a word of an earlier one.
  async churn() {
    fence = open(four);
    poller.register(fence, { data: 'fence' });
    let fd = open(one);
    for (let round = 0; round < 1000; round += 1) {
      const registration = poller.register(fd, { data: `round ${round}` });
      writeSync(fd, 'x');
      if (round % 2 === 0) registration.unregister();
      closeSync(fd);
      openUnder(round % 2 === 0 ? two : one, FLAGS, fd);
      if (round % 2 === 1) registration.unregister();
    }
    poller.register(fd, { data: 'last' });
    await rest();
    return { size: poller.size };
  },

  // A duplicate in another process keeps the old file open, and its registration in the kernel with it.
  async ghost() {
    const fd = open(one);
    fence = open(four);
    poller.register(fence, { data: 'fence' });
    const holder = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', fd] });
    await once(holder, 'spawn');
    const old = poller.register(fd, { data: 'old' });
    closeSync(fd);
    openUnder(two, FLAGS, fd);
    poller.register(fd, { data: 'new' });
    const late = open(one);
    writeSync(late, 'for the ghost');
    await rest();
    await rest();
    writeSync(fd, 'x');
    await next();
    const { size } = poller;
    const { active } = old;
    holder.stdin?.end();
    await once(holder, 'exit');
    return { active, size };
  },

  // A duplicate keeps the file open: the original's number may go to anybody.
  async duplicate() {
    const fd = open(one);
    fence = open(four);
    poller.register(fence, { data: 'fence' });
    poller.register(fd, { data: 'mine', duplicate: true, trigger: 'oneshot' });
    closeSync(fd);
    openUnder(two, FLAGS, fd);
    writeSync(fd, 'for the stranger');
    await rest();
    const writer = open(one);
    writeSync(writer, 'x');
    await next();
    return { size: poller.size };
  },
};

const run = cases[name];
if (run === undefined) throw new Error(`no case ${name}`);
const more = await run();
poller.close();
process.stdout.write(`${JSON.stringify({ told, more })}\n`);
