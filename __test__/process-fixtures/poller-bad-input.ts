/**
 * Registers everything that is no descriptor to watch, between two marks for strace, and then one good one:
 * `poller-bad-input DRIVER FIFO`. Says how each was refused.
 */
import { closeSync, constants, openSync, readdirSync, readlinkSync } from 'node:fs';

import type { Driver } from 'edgepoll';
import { listen, Poller } from 'edgepoll';

import { mark } from './mark.js';

const [driverName, fifo = ''] = process.argv.slice(2);
const driver = driverName as Driver;

function epollDescriptors(): number[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]' ? [Number(fd)] : [];
    } catch {
      return [];
    }
  });
}

function refusal(attempt: () => unknown): string {
  try {
    attempt();
    return 'none';
  } catch (error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return `${name} ${code}: ${message}`;
  }
}

const hosts = epollDescriptors();
const poller = new Poller<string | undefined>({ driver });
const other = new Poller({ driver });
await listen({ host: '127.0.0.1', port: 0, driver });
const own = epollDescriptors().filter((fd) => !hosts.includes(fd));
const closed = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
closeSync(closed);
const good = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);

const bad: [string, unknown][] = [
  ['NaN', Number.NaN],
  ['-1', -1],
  ['1.5', 1.5],
  ["'3'", '3'],
  ['2147483648', 2 ** 31],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['9007199254740992', 2 ** 53],
  ['4294967299', 2 ** 32 + 3],
  ['undefined', undefined],
  ['null', null],
  ["'3'", { fd: '3' }],
  ['-1', { fd: -1 }],
  ['undefined', {}],
  ['undefined', [3]],
  ['3', 3n],
  ['true', true],
  ['a function', () => 3],
  ['1000000', 1_000_000],
];

mark('begin');
const refused = bad.map(([shown, value]) => [
  shown,
  refusal(() => poller.register(value as number)),
]);
const refusedOwn = own.map((fd) => [String(fd), refusal(() => poller.register(fd))]);
const options = [
  { readable: 'yes' },
  { trigger: 'once' },
  { trigger: 1 },
  { writable: 1 },
  { priority: null },
  { readHangup: 'x' },
  5,
  null,
].map((value) => refusal(() => poller.register(good, value as never)));
mark('end');
const registration = poller.register(good, { data: 'good' });
const modified = [{ trigger: 'once' }, 'x', { readable: 0 }].map((value) =>
  refusal(() => registration.modify(value as never)),
);
const constructed = [
  { maxEvents: 0 },
  { maxEvents: '5' },
  { driver: 'kqueue' },
  { signal: {} },
  7,
].map((value) => refusal(() => new Poller(value as never)));
const { size } = poller;
poller.close();
other.close();
process.stdout.write(
  `${JSON.stringify({ own, refused, refusedOwn, options, modified, constructed, size })}\n`,
);
process.exit(0);
