/** Pipes and other descriptors to watch, and a poller with a fence in place of a timeout. */
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';

import type { ExecutionContext } from 'ava';
import type { Driver, PollerOptions, ReadinessEvent, RegisterOptions } from 'edgepoll';
import { Poller } from 'edgepoll';

import { openUnder } from '../support/descriptors.js';
import { makeFifo } from '../support/process.js';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** A pipe whose one descriptor reads and writes. */
export interface Pipe {
  fd: number;
  path: string;
  write(length: number): void;
  read(length: number): void;
}

/** Opens `path`; the descriptor is closed when the test ends. */
export function open(t: ExecutionContext, path: string, flags: number): number {
  const fd = openSync(path, flags);
  t.teardown(() => closeSync(fd));
  return fd;
}

/** Opens `path` under the number `fd`, which was just closed; it is closed when the test ends. */
export function openAs(t: ExecutionContext, path: string, flags: number, fd: number): void {
  openUnder(path, flags, fd);
  t.teardown(() => closeSync(fd));
}

export function pipe(t: ExecutionContext): Pipe {
  const path = makeFifo(t);
  const fd = open(t, path, O_RDWR | O_NONBLOCK);
  return {
    fd,
    path,
    write: (length) => void writeSync(fd, Buffer.alloc(length)),
    read: (length) => void readSync(fd, Buffer.alloc(length)),
  };
}

/** A pipe's reading end, and a function that closes its only writing end. */
export function pipeEnds(t: ExecutionContext): { reader: number; closeWriter: () => void } {
  const path = makeFifo(t);
  const reader = open(t, path, O_RDONLY | O_NONBLOCK);
  const writer = openSync(path, O_WRONLY | O_NONBLOCK);
  return { reader, closeWriter: () => closeSync(writer) };
}

/** The flags of the open file description, in octal, from /proc. */
export function flagsOf(fd: number): string | undefined {
  return /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
}

/**
 * A poller with a fence: a pipe of its own that the test makes ready. Events of other ready descriptors come with the
 * fence or before it, so a fence that comes alone proves that nothing else was ready.
 */
export class Fenced {
  readonly poller: Poller<string | undefined>;
  readonly next: () => Promise<ReadinessEvent<string | undefined> | undefined>;
  readonly #fence: Pipe;

  constructor(t: ExecutionContext, driver: Driver, options: PollerOptions = {}) {
    this.poller = new Poller<string | undefined>({ driver, ...options });
    t.teardown(() => this.poller.close());
    const iterator = this.poller[Symbol.asyncIterator]();
    this.next = async () => (await iterator.next()).value;
    this.#fence = pipe(t);
    this.poller.register(this.#fence.fd, { trigger: 'edge', data: 'fence' });
  }

  watch(fd: number, options: RegisterOptions<string | undefined> = {}) {
    return this.poller.register(fd, { data: 'watched', ...options });
  }

  /** The `data` of all events that come before the fence, in their order. */
  async ready(): Promise<string[]> {
    this.#fence.write(1);
    const found: string[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      if (event.data === 'fence') {
        this.#fence.read(1);
        break;
      }
      found.push(String(event.data));
    }
    return found;
  }
}
