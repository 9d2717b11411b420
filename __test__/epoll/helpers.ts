/**
 * `Epoll` objects with a chosen driver, pipes for them, and a fence that replaces timeouts: an event that did not come
 * before the fence was not pending.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync, readSync, writeSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

import type { ExecutionContext } from 'ava';
import type { Driver } from 'edgepoll';
import type { EpollCallback } from 'edgepoll/epoll';
import { Epoll } from 'edgepoll/epoll';

import { pipe } from '../readiness/helpers.js';
import { descriptorOf } from '../support/socket-number.js';

// Not part of the public interface: the class chooses the driver by the runtime, and the tests need both drivers.
const internals = (await import(
  new URL('epoll.js', import.meta.resolve('edgepoll/epoll')).href
)) as { useDriver: (driver: Driver) => void };

/** An object with that driver. With `t` it is closed when the test ends, unless it was closed before. */
export function epoll(
  t: ExecutionContext | undefined,
  driver: Driver,
  callback: EpollCallback,
): Epoll {
  internals.useDriver(driver);
  const made = new Epoll(callback);
  t?.teardown(() => {
    if (!made.closed) made.close();
  });
  return made;
}

/** A pipe that contains one byte. */
export function ready(t: ExecutionContext): number {
  const { fd } = pipe(t);
  writeSync(fd, 'x');
  return fd;
}

/** Empties a pipe that contains at most 4096 bytes. */
export function drain(fd: number): void {
  readSync(fd, Buffer.alloc(4096));
}

/** Resolves when all events that were ready before the call have been delivered. */
export function fence(t: ExecutionContext, driver: Driver): Promise<void> {
  return new Promise((resolve) => {
    const fd = ready(t);
    const made = epoll(t, driver, () => {
      made.close();
      resolve();
    });
    made.add(fd, Epoll.EPOLLIN | Epoll.EPOLLET);
  });
}

/** An `Epoll` object that records its events, so that a test can await them. */
export class Recorder {
  readonly epoll: Epoll;
  /** The event bits of all callbacks, in order. */
  readonly events: number[] = [];
  #next: (() => void) | undefined;

  constructor(t: ExecutionContext, driver: Driver, also: (fd: number) => void = () => {}) {
    this.epoll = epoll(t, driver, (_error, fd, events) => {
      this.events.push(events);
      also(fd);
      this.#next?.();
    });
  }

  /** Resolves when `count` events have come in total. */
  async count(count: number): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => (this.#next = resolve));
    }
  }
}

/** For each character of its input, sends an urgent byte and then the character, and prints `sent`. */
const URGENT = `
use Socket; $| = 1;
socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!;
setsockopt($s, 6, 1, 1);
connect($s, sockaddr_in($ARGV[0], inet_aton('127.0.0.1'))) or die $!;
while (sysread(STDIN, my $c, 1)) {
  defined send($s, '!', MSG_OOB) or die $!;
  defined send($s, $c, 0) or die $!;
  print "sent\\n";
}
`;

/** A descriptor that behaves like the value of a GPIO pin: each change is an EPOLLPRI event, which a read clears. */
export interface Pin {
  fd: number;
  /** Sets the value, '0' or '1'. Resolves when it was sent. */
  readonly set: (this: void, value: string) => Promise<void>;
}

/** Makes a pin from a connection's urgent data. perl sends it, because Node.js cannot. */
export async function pin(t: ExecutionContext): Promise<Pin> {
  const server = createServer({ pauseOnConnect: true });
  t.teardown(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const sender = spawn('perl', ['-e', URGENT, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => sender.kill());
  const [socket] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => socket.destroy());
  const fd = descriptorOf(socket);
  const lines = createInterface({ input: sender.stdout })[Symbol.asyncIterator]();
  return {
    fd,
    set: async (value) => {
      sender.stdin.write(value);
      await lines.next();
    },
  };
}

/** Reads a pin, which clears its event. Returns the last byte that arrived, or `before` if none did. */
export function valueOf(fd: number, before: string): string {
  const buffer = Buffer.alloc(64);
  try {
    const length = readSync(fd, buffer);
    return buffer.toString('latin1', 0, length).at(-1) ?? before;
  } catch (error) {
    // The urgent byte has arrived, and the normal byte after it has not yet.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return before;
    throw error;
  }
}

/** Opens one end of a named pipe without waiting for the other. */
export function openEnd(path: string, end: 'reader' | 'writer'): number {
  const flag = end === 'reader' ? constants.O_RDONLY : constants.O_WRONLY;
  return openSync(path, flag | constants.O_NONBLOCK);
}
