/** Pollers, pipes and what they tell, for the facts of the kernel and the hazards of readiness. */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';

import type { ExecutionContext } from 'ava';
import type { Driver, PollerOptions, ReadinessEvent } from 'edgepoll';
import { Poller } from 'edgepoll';

import { makeFifo } from '../support/process.js';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * read(2) and write(2) by number, because node:fs of some runtimes refuses a number that it has not opened itself. The
 * functions of edgepoll/fd keep the kind of file of each number that an object owns. These numbers have no owner, so each call
 * adopts the number and releases it again: that drops what was kept for an earlier file with the same number.
 */
const { fd: native } = (await import(
  new URL('../native/binding.js', import.meta.resolve('edgepoll')).href
)) as {
  fd: {
    reader: () => (fd: number, into: Uint8Array) => number;
    writer: () => (fd: number, from: Uint8Array, care: number) => number;
    adopt(fd: number): number;
    release(fd: number): boolean;
  };
};
const [readBytes, writeBytes] = [native.reader(), native.writer()];

/** Drops what was kept for the number. adopt() refuses a number that an object owns, and that one keeps it. */
function forget(fd: number): void {
  if (native.adopt(fd) >= 0) native.release(fd);
}

function readInto(fd: number, into: Uint8Array): number {
  forget(fd);
  return readBytes(fd, into);
}

function writeFrom(fd: number, from: Uint8Array): number {
  forget(fd);
  return writeBytes(fd, from, 0);
}

const BITS: [number, string][] = [
  [0x1, 'IN'],
  [0x2, 'PRI'],
  [0x4, 'OUT'],
  [0x8, 'ERR'],
  [0x10, 'HUP'],
  [0x2000, 'RDHUP'],
];

/** A mask in the words of epoll(7). Throws when the event's own fields say something else. */
export function words(event: Omit<ReadinessEvent<unknown>, 'registration'>): string {
  const { mask, readable, priority, writable, error, hangup, readHangup } = event;
  const found = BITS.filter(([bit]) => (mask & bit) !== 0).map(([, word]) => word);
  const fields = [readable, priority, writable, error, hangup, readHangup];
  const said = BITS.filter((_, at) => fields[at] === true).map(([, word]) => word);
  if (found.join('|') !== said.join('|'))
    throw new Error(`the mask says ${found.join('|')}, the fields say ${said.join('|')}`);
  return found.join('|');
}

/** A poller that is gone when the test is. */
export function pollerOf<T = string | undefined>(
  t: ExecutionContext,
  driver: Driver,
  options: PollerOptions = {},
): Poller<T> {
  const poller = new Poller<T>({ driver, ...options });
  t.teardown(() => poller.close());
  return poller;
}

/** What is ready now, without a wait. */
export async function now(poller: Poller<string | undefined>): Promise<string[]> {
  return (await poller.poll({ timeout: 0 })).map((event) => words(event));
}

/** What the next batch tells; waits for it, with the driver. */
export async function soon(poller: Poller<string | undefined>): Promise<string[]> {
  return (await poller.poll()).map((event) => words(event));
}

/** The ends of a pipe. Those that the test has not closed go with it. */
export interface Ends {
  path: string;
  reader: number;
  writer: number;
  closeReader: () => void;
  closeWriter: () => void;
}

/** Opens a pipe, neither end of which blocks. */
export function pipePair(t: ExecutionContext): Ends {
  const path = makeFifo(t);
  const reader = openSync(path, O_RDONLY | O_NONBLOCK);
  const writer = openSync(path, O_WRONLY | O_NONBLOCK);
  const once = (fd: number): (() => void) => {
    let open = true;
    return () => {
      if (open) closeSync(fd);
      open = false;
    };
  };
  const [closeReader, closeWriter] = [once(reader), once(writer)];
  t.teardown(closeReader);
  t.teardown(closeWriter);
  return { path, reader, writer, closeReader, closeWriter };
}

/** Reads, and gives what came as text, `end` for the end, or the error's code. */
export function readText(fd: number, length = 100): string {
  const into = Buffer.alloc(length);
  const count = readInto(fd, into);
  if (count < 0) return getSystemErrorName(count);
  return count === 0 ? 'end' : into.toString('latin1', 0, count);
}

/** Writes, and gives how much, or the error's code. */
export function writeText(fd: number, text: string | Uint8Array): number | string {
  const count = writeFrom(fd, Buffer.from(text));
  return count < 0 ? getSystemErrorName(count) : count;
}

/** Reads all there is; gives how much. */
export function drain(fd: number): number {
  const into = Buffer.alloc(65_536);
  let total = 0;
  for (;;) {
    const count = readInto(fd, into);
    if (count === 0) return total;
    if (count < 0) {
      const code = getSystemErrorName(count);
      if (code === 'EAGAIN') return total;
      throw new Error(`read: ${code}`);
    }
    total += count;
  }
}

/** True when the number is an epoll descriptor now. */
export function isEpoll(fd: number): boolean {
  return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]';
}
