/**
 * What keeps a process with `Epoll` objects alive, as `alive.ts` does it: `epoll-alive CASE DRIVER FIFO`. A case that
 * gives a function holds the process until that is called.
 */
import { constants, openSync, writeSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';

import type { Release } from './lives.js';
import { tellWhetherItLives } from './lives.js';

const internals = (await import(
  new URL('epoll.js', import.meta.resolve('edgepoll/epoll')).href
)) as { useDriver: (driver: Driver) => void };

const { EPOLLIN, EPOLLONESHOT } = Epoll;
const [name = '', driver, fifo = ''] = process.argv.slice(2);

function pipe(): number {
  return openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
}

const cases: Record<string, () => Promise<Release> | Release> = {
  'free: import alone': () => {},
  'free: do-nothing': () => {
    for (let count = 0; count < 2; count += 1) void new Epoll(() => {}).closed;
  },
  'free: do-almost-nothing': () => {
    const fd = pipe();
    new Epoll(() => {}).add(fd, EPOLLIN).remove(fd).close();
  },
  'free: removed and not closed': () => {
    const fd = pipe();
    new Epoll(() => {}).add(fd, EPOLLIN).remove(fd);
  },
  'free: closed without a remove': () => {
    new Epoll(() => {}).add(pipe(), EPOLLIN).close();
  },
  'held: a descriptor is watched': () => {
    const fd = pipe();
    const poller = new Epoll(() => {}).add(fd, EPOLLIN);
    return () => poller.remove(fd);
  },
  'held: one of two is watched': () => {
    const [first, second] = [pipe(), pipe()];
    const poller = new Epoll(() => {}).add(first, EPOLLIN).add(second, EPOLLIN).remove(first);
    return () => poller.close();
  },
  'held: by the second object': () => {
    const [first, second] = [pipe(), pipe()];
    new Epoll(() => {}).add(first, EPOLLIN).close();
    const poller = new Epoll(() => {}).add(second, EPOLLIN);
    return () => poller.close();
  },
  'held: a oneshot that has fired': async () => {
    const fd = pipe();
    writeSync(fd, 'x');
    const poller = await new Promise<Epoll>((resolve) => {
      const made = new Epoll(() => resolve(made)).add(fd, EPOLLIN | EPOLLONESHOT);
    });
    return () => poller.close();
  },
};

if (name === '--list') {
  process.stdout.write(JSON.stringify(Object.keys(cases)));
} else {
  internals.useDriver(driver as Driver);
  process.on('beforeExit', () => process.stdout.write('ends\n'));
  const release = await cases[name]?.();
  process.stdout.write('begins\n');
  tellWhetherItLives(release);
}
