/** Pollers, pipes and their events as text, for the tests of kernel facts and readiness hazards. */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';

import type { ExecutionContext } from 'ava';
import type { Driver, PollerOptions, ReadinessEvent } from 'edgepoll';
import { Poller } from 'edgepoll';

import { addon } from '../support/addon.js';
import { makeFifo } from '../support/process.js';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * read(2) and write(2) by number, because node:fs of some runtimes refuses a number that it has not opened itself. The
 * functions of edgepoll/fd keep the kind of file of each number that an object owns. These numbers have no owner, so each call
 * adopts the number and releases it again: that drops what was kept for an earlier file with the same number.
 */
const { fd: native } = addon as {
  fd: {
    reader: () => (fd: number, into: Uint8Array) => number;
    writer: () => (fd: number, from: Uint8Array, care: number) => number;
    adopt(fd: number): number;
    release(fd: number): boolean;
  };
};
const [readBytes, writeBytes] = [native.reader(), native.writer()];

/** Drops the cached kind of file for the number. If an object owns the number, adopt() refuses it and the kind stays cached. */
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

/** An event's mask with the names of epoll(7), for example `IN|HUP`. Throws if the event's fields contradict the mask. */
export function words(event: Omit<ReadinessEvent<unknown>, 'registration'>): string {
  const { mask, readable, priority, writable, error, hangup, readHangup } = event;
  const found = BITS.filter(([bit]) => (mask & bit) !== 0).map(([, word]) => word);
  const fields = [readable, priority, writable, error, hangup, readHangup];
  const fromFields = BITS.filter((_, at) => fields[at] === true).map(([, word]) => word);
  if (found.join('|') !== fromFields.join('|'))
    throw new Error(`the mask is ${found.join('|')}, the fields are ${fromFields.join('|')}`);
  return found.join('|');
}

/** A poller that is closed when the test ends. */
export function pollerOf<T = string | undefined>(
  t: ExecutionContext,
  driver: Driver,
  options: PollerOptions = {},
): Poller<T> {
  const poller = new Poller<T>({ driver, ...options });
  t.teardown(() => poller.close());
  return poller;
}

/** The masks of the events that are ready now, by a poll with timeout 0. */
export async function now(poller: Poller<string | undefined>): Promise<string[]> {
  return (await poller.poll({ timeout: 0 })).map((event) => words(event));
}

/** The masks of the next batch; waits for it. */
export async function soon(poller: Poller<string | undefined>): Promise<string[]> {
  return (await poller.poll()).map((event) => words(event));
}

/** The ends of a pipe. Ends that are still open are closed when the test ends. */
export interface Ends {
  path: string;
  reader: number;
  writer: number;
  closeReader: () => void;
  closeWriter: () => void;
}

/** Opens a pipe with two non-blocking ends. */
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

/** Reads once; returns the bytes as text, `end` at the end, or the error's code. */
export function readText(fd: number, length = 100): string {
  const into = Buffer.alloc(length);
  const count = readInto(fd, into);
  if (count < 0) return getSystemErrorName(count);
  return count === 0 ? 'end' : into.toString('latin1', 0, count);
}

/** Writes once; returns the number of bytes written, or the error's code. */
export function writeText(fd: number, text: string | Uint8Array): number | string {
  const count = writeFrom(fd, Buffer.from(text));
  return count < 0 ? getSystemErrorName(count) : count;
}

/** Reads to EAGAIN or the end; returns the number of bytes. */
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

/** Whether `fd` is an epoll descriptor. */
export function isEpoll(fd: number): boolean {
  return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventpoll]';
}
