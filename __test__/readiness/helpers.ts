/** Descriptors to watch, and looks at a poller that need no clock. */
import { closeSync, constants, openSync, readFileSync, readSync, writeSync } from 'node:fs';

import type { ExecutionContext } from 'ava';
import type { Driver, PollerOptions, ReadinessEvent, RegisterOptions } from 'edgepoll';
import { Poller } from 'edgepoll';

import { openUnder } from '../support/descriptors.js';
import { makeFifo } from '../support/process.js';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Both ends of a pipe in one descriptor. */
export interface Pipe {
  fd: number;
  path: string;
  write(length: number): void;
  read(length: number): void;
}

/** Opens `path` for the length of the test. */
export function open(t: ExecutionContext, path: string, flags: number): number {
  const fd = openSync(path, flags);
  t.teardown(() => closeSync(fd));
  return fd;
}

/** Opens `path` under the number `fd`, which was closed just now, for the length of the test. */
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

/** A pipe's reading end, and how to close its only writing end. */
export function pipeEnds(t: ExecutionContext): { reader: number; closeWriter: () => void } {
  const path = makeFifo(t);
  const reader = open(t, path, O_RDONLY | O_NONBLOCK);
  const writer = openSync(path, O_WRONLY | O_NONBLOCK);
  return { reader, closeWriter: () => closeSync(writer) };
}

/** The flags of the open file description, as the kernel shows them. */
export function flagsOf(fd: number): string | undefined {
  return /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
}

/**
 * A poller with a fence: a pipe of its own that is made ready on purpose. Whatever else is ready comes with it
 * or before it, so that a fence that comes alone proves that nothing else was.
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

  /** What is ready now, besides the fence: the names of the events, in their order. */
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
