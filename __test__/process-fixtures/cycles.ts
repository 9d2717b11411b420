/** Registers and unregisters: `cycles DRIVER FIFO COUNT`. Says what differs afterwards. */
import { constants, openSync, readSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';

import { detailsOf, openDescriptors, targetOf } from '../support/descriptors.js';

const [driver, fifo = '', count] = process.argv.slice(2);
const [kept, cycled] = [fifo, fifo].map((path) =>
  openSync(path, constants.O_RDWR | constants.O_NONBLOCK),
) as [number, number];
const poller = new Poller<string | undefined>({ driver: driver as Driver });
const iterator = poller[Symbol.asyncIterator]();
poller.register(kept, { data: 'kept' });

/**
 * Every descriptor, and of the epoll ones what is registered with them. But for sockets: a poller has none, and a
 * runtime opens its own, for signals, when it gets to it.
 */
function state(): string[] {
  return openDescriptors().flatMap((fd) => {
    const target = targetOf(fd);
    if (target.startsWith('socket:')) return [];
    const registered = target.includes('eventpoll')
      ? [...detailsOf(fd).matchAll(/^tfd:\s*(\d+) events:\s*(\w+)/gm)].map(
          ([, watched, events]) => `${watched}:${events}`,
        )
      : [];
    return [`${fd} ${target} ${registered.join(' ')}`];
  });
}

async function round(): Promise<void> {
  writeSync(cycled, 'x');
  const registration = poller.register(cycled, { data: 'cycled' });
  const { value } = await iterator.next();
  if (value === undefined) throw new Error('the poller ended');
  readSync(cycled, Buffer.alloc(8));
  registration.unregister();
}

async function cycles(total: number): Promise<void> {
  for (let cycle = 1; cycle <= total; cycle += 1) {
    // Most without an event, some with one on its way to JavaScript.
    if (cycle % 100 === 0) await round();
    else poller.register(cycled, { trigger: 'edge', writable: true }).unregister();
  }
}

// What is made when something is done for the first time stays.
await cycles(200);
const before = state();
await cycles(Number(count));
const after = state();
poller.close();
const report = { same: before.join('\n') === after.join('\n'), before, after };
process.stdout.write(`${JSON.stringify(report)}\n`);
