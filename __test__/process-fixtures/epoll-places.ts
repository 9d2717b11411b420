/**
 * A descriptor is closed without a `remove()`, another gets its place in the poller, and its number comes back:
 * `epoll-places FIFO FIFO`. Says which descriptors were told.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';

import { Epoll } from 'edgepoll/epoll';

import { openUnder } from '../support/descriptors.js';

const { EPOLLET, EPOLLIN } = Epoll;
const [firstPath = '', secondPath = ''] = process.argv.slice(2);
const FLAGS = constants.O_RDWR | constants.O_NONBLOCK;
const open = (path: string): number => openSync(path, FLAGS);

const kept = open(secondPath);
const closed = open(firstPath);
const told: string[] = [];
const epoll = new Epoll((_error, fd) => {
  told.push(fd === kept ? 'kept' : 'again');
  if (told.length === 1) return;
  process.stdout.write(`${JSON.stringify(told)}\n`);
  process.exit(0);
});
epoll.add(closed, EPOLLIN);
closeSync(closed);
// Nothing holds the process once the poller has found out.
process.once('beforeExit', () => {
  epoll.add(kept, EPOLLIN | EPOLLET);
  openUnder(firstPath, FLAGS, closed);
  epoll.add(closed, EPOLLIN | EPOLLET);
  writeSync(kept, 'x');
  writeSync(closed, 'x');
});
