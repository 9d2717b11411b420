/**
 * A callback that throws: `epoll-throwing DRIVER FIFO PLACE KEEP`. With KEEP `yes` a handler keeps the process, and
 * two more events have to come.
 */
import { constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';

const internals = (await import(
  new URL('epoll.js', import.meta.resolve('edgepoll/epoll')).href
)) as { useDriver: (driver: Driver) => void };

const [driver, fifo = '', place, keep] = process.argv.slice(2);
internals.useDriver(driver as Driver);

const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
writeSync(fd, 'x');
let count = 0;

function thrower(): never {
  throw new TypeError(`thrown by the user ${count}`);
}

if (keep === 'yes') {
  process.on('uncaughtException', (error, origin) => {
    process.stdout.write(`${origin}: ${String(error)}\n`);
    if (count === 3) poller.close();
  });
}

const poller = new Epoll(() => {
  count += 1;
  if (place === 'callback') thrower();
  if (place === 'microtask') queueMicrotask(thrower);
  else process.nextTick(thrower);
}).add(fd, Epoll.EPOLLIN);
