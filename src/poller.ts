/**
 * Readiness of any descriptor, as an async iterator.
 *
 * It must never read, write, close or re-flag what it watches, and never hold more than one pending event per
 * registration.
 */
import type { Opened } from './binding.js';
import { PollerBinding } from './binding.js';
import type { Driver } from './driver.js';
import { chooseDriver } from './driver.js';
import { EdgepollError, systemError } from './errors.js';
import { lastResult } from './mailbox.js';
import {
  descriptor,
  keepOwn,
  oneOf,
  optionalBoolean,
  optionalInteger,
  optionalSignal,
  optionsObject,
} from './validate.js';

const EPOLLIN = 0x001;
const EPOLLPRI = 0x002;
const EPOLLOUT = 0x004;
const EPOLLERR = 0x008;
const EPOLLHUP = 0x010;
const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000;

const EPERM = 1;
const FIELDS = 3;

/** What a poller is made with. */
export interface PollerOptions {
  /** Events that one look at the kernel gives at most; the rest come with the next. Default 256. */
  maxEvents?: number;
  /** Who announces readiness. Default `uv` in Node.js, `thread` elsewhere. */
  driver?: Driver;
  /** Closes the poller; its iteration then throws the signal's reason. */
  signal?: AbortSignal;
}

/** What to watch a descriptor for. */
export interface RegisterOptions<T> {
  /** Something can be read, or an end or a connection can be taken (EPOLLIN). Default `true` if nothing else is asked for. */
  readable?: boolean;
  /** Something can be written (EPOLLOUT). Default `false`. */
  writable?: boolean;
  /** Urgent data or an exceptional condition (EPOLLPRI). Default `false`. */
  priority?: boolean;
  /** The peer will send no more (EPOLLRDHUP). Default `false`. */
  readHangup?: boolean;
  /** `level`: told for as long as it lasts, each time the consumer asks. `edge`: told once per change. Default `level`. */
  trigger?: 'level' | 'edge';
  /** Comes back in every event. */
  data?: T;
}

/** A descriptor is ready. Bits that came together, or before the consumer asked, are one event. */
export interface ReadinessEvent<T> {
  /** The descriptor. */
  fd: number;
  /** What the registration was given. */
  data: T;
  /** EPOLLIN */
  readable: boolean;
  /** EPOLLOUT */
  writable: boolean;
  /** EPOLLPRI */
  priority: boolean;
  /** EPOLLRDHUP */
  readHangup: boolean;
  /** EPOLLHUP; always told */
  hangup: boolean;
  /** EPOLLERR; always told */
  error: boolean;
  /** The kernel's own bits. */
  mask: number;
}

interface Entry<T> {
  registration: Registration<T>;
  /** Its descriptor was closed and the number registered anew, by somebody who opened it since. */
  succeeded: boolean;
  fd: number;
  data: T;
  slot: number;
  generation: number;
  /** Bits that the consumer has not been told. */
  mask: number;
}

function interestOf(options: RegisterOptions<unknown>): number {
  optionsObject('options', options);
  const bit = (name: 'writable' | 'priority' | 'readHangup', value: number): number =>
    optionalBoolean(name, options[name], false) ? value : 0;
  const others =
    bit('writable', EPOLLOUT) | bit('priority', EPOLLPRI) | bit('readHangup', EPOLLRDHUP);
  const readable = optionalBoolean('readable', options.readable, others === 0);
  const trigger = oneOf('trigger', options.trigger ?? 'level', ['level', 'edge']);
  return ((readable ? EPOLLIN : 0) | others | (trigger === 'edge' ? EPOLLET : 0)) >>> 0;
}

function failure(errno: number, fd: number): EdgepollError {
  if (errno === EPERM) {
    const message =
      `fd ${fd} cannot be polled: it is a regular file, a directory or a device without readiness, ` +
      'which never makes a reader wait; read it directly';
    return new EdgepollError('ERR_NOT_POLLABLE', message, {
      errno: -EPERM,
      syscall: 'epoll_ctl',
      fd,
    });
  }
  return systemError(errno, { syscall: 'epoll_ctl', fd });
}

let makeRegistration: <T>(
  poller: PollerBinding,
  entry: () => Entry<T>,
  drop: () => void,
) => Registration<T>;

/** One watched descriptor of a poller. */
export class Registration<T> {
  readonly #native: PollerBinding;
  readonly #entry: () => Entry<T>;
  readonly #drop: () => void;
  #active = true;

  private constructor(native: PollerBinding, entry: () => Entry<T>, drop: () => void) {
    this.#native = native;
    this.#entry = entry;
    this.#drop = drop;
  }

  static {
    makeRegistration = (native, entry, drop) => new Registration(native, entry, drop);
  }

  /** The descriptor. */
  get fd(): number {
    return this.#entry().fd;
  }

  /** False after `unregister()` and after the poller was closed. */
  get active(): boolean {
    return this.#active;
  }

  /**
   * Changes what is watched for (EPOLL_CTL_MOD). The kernel looks anew: a condition that holds is told again.
   * Throws `EBADF` or `ENOENT` when the descriptor was closed, `ERR_DESCRIPTOR_CLOSED` when its number was
   * registered anew since, `ERR_CLOSED` after `unregister()`.
   */
  modify(options: RegisterOptions<T>): void {
    const interest = interestOf(options);
    const entry = this.#entry();
    if (entry.succeeded) {
      throw new EdgepollError(
        'ERR_DESCRIPTOR_CLOSED',
        `fd ${entry.fd} was closed and belongs to another file now`,
      );
    }
    if (!this.#active)
      throw new EdgepollError('ERR_CLOSED', `fd ${entry.fd} is not registered any more`);
    const errno = this.#native.modify(entry.slot, entry.generation, interest);
    if (errno !== 0) throw failure(errno, entry.fd);
    if (options.data !== undefined) entry.data = options.data;
  }

  /** Watches no longer (EPOLL_CTL_DEL). Its pending event is dropped. Twice is allowed. */
  unregister(): void {
    if (!this.#active) return;
    this.#active = false;
    const entry = this.#entry();
    // EBADF and ENOENT: the owner closed the descriptor first, and the kernel has forgotten it already.
    this.#native.unregister(entry.slot, entry.generation);
    this.#drop();
  }
}

/**
 * Watches descriptors: sockets, pipes, ttys, eventfds, timerfds, signalfds, inotify, devices — whatever epoll takes.
 * The descriptors stay their owners': they are not read, written, re-flagged or closed.
 *
 * @example
 * const poller = new Poller();
 * poller.register(fd);
 * for await (const event of poller) readSync(event.fd, buffer);
 */
export class Poller<T = undefined>
  implements AsyncIterable<ReadinessEvent<T>, undefined>, AsyncDisposable
{
  readonly #native: PollerBinding;
  readonly #records: Int32Array;
  readonly #entries = new Map<number, Entry<T>>();
  readonly #byDescriptor = new Map<number, Entry<T>>();
  readonly #signal: AbortSignal | undefined;
  readonly #forgetOwn: () => void;
  #ready: Entry<T>[] = [];
  #waiters: ((result: IteratorResult<ReadinessEvent<T>, undefined> | Promise<never>) => void)[] =
    [];
  #closed = false;
  #refed = true;
  #error: unknown;

  /** Throws `EMFILE` or `ENFILE` when no descriptor is left for it, `TypeError` and `RangeError` for bad options. */
  constructor(options: PollerOptions = {}) {
    optionsObject('options', options);
    const maxEvents = optionalInteger('maxEvents', options.maxEvents, 1, 65_536, 256);
    this.#signal = optionalSignal('signal', options.signal);
    this.#signal?.throwIfAborted();
    this.#records = new Int32Array(maxEvents * FIELDS);
    this.#native = new PollerBinding(chooseDriver(options.driver), this.#records, (count) =>
      this.#deliver(count),
    );
    this.#forgetOwn = keepOwn(this.#native.descriptors);
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Descriptors watched. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Watches a descriptor (EPOLL_CTL_ADD).
   *
   * Throws `ERR_NOT_POLLABLE` for a regular file, `EEXIST` when this poller watches it already, `ENOSPC` when the
   * user's limit of watches is reached; `TypeError` or `RangeError` for what is not an open descriptor.
   */
  register(fd: number, options: RegisterOptions<T> = {}): Registration<T> {
    const interest = interestOf(options);
    descriptor('fd', fd);
    if (this.#closed) throw new EdgepollError('ERR_CLOSED', 'the poller is closed');
    const { slot, generation } = this.#add(fd, interest);
    const registration = makeRegistration<T>(
      this.#native,
      () => entry,
      () => this.#drop(entry),
    );
    const data = options.data as T;
    const entry: Entry<T> = { registration, succeeded: false, fd, data, slot, generation, mask: 0 };
    this.#entries.set(slot, entry);
    this.#byDescriptor.set(fd, entry);
    if (this.#entries.size === 1 && this.#refed) this.#native.ref();
    return registration;
  }

  #add(fd: number, interest: number): Opened {
    const added = this.#native.register(fd, interest);
    if (added.errno !== 0) throw failure(added.errno, fd);
    const old = this.#byDescriptor.get(fd);
    if (old === undefined) return added;
    // The kernel knows one registration by this number, and it is the new one: its owner closed the old file.
    // To end the old one would end the new one with it, so the new one is made again afterwards.
    this.#native.unregister(added.slot, added.generation);
    old.succeeded = true;
    old.registration.unregister();
    const again = this.#native.register(fd, interest);
    if (again.errno !== 0) throw failure(again.errno, fd);
    return again;
  }

  #drop(entry: Entry<T>): void {
    if (this.#entries.get(entry.slot) === entry) this.#entries.delete(entry.slot);
    if (this.#byDescriptor.get(entry.fd) === entry) this.#byDescriptor.delete(entry.fd);
    entry.mask = 0;
    if (this.#entries.size === 0 && this.#refed) this.#native.unref();
  }

  #deliver(count: number): void {
    for (let record = 0; record < count; record += 1) {
      const at = record * FIELDS;
      const entry = this.#entries.get(this.#records[at] as number);
      if (entry === undefined || entry.generation !== this.#records[at + 1]) continue;
      if (entry.mask === 0) this.#ready.push(entry);
      entry.mask |= this.#records[at + 2] as number;
    }
    while (this.#waiters.length > 0) {
      const event = this.#shift();
      if (event === undefined) break;
      this.#waiters.shift()?.({ value: event, done: false });
    }
    if (this.#waiters.length > 0) this.#native.want();
  }

  #shift(): ReadinessEvent<T> | undefined {
    for (let entry = this.#ready.shift(); entry !== undefined; entry = this.#ready.shift()) {
      const { fd, data, mask } = entry;
      entry.mask = 0;
      // 0: it was unregistered meanwhile.
      if (mask === 0) continue;
      return {
        fd,
        data,
        readable: (mask & EPOLLIN) !== 0,
        writable: (mask & EPOLLOUT) !== 0,
        priority: (mask & EPOLLPRI) !== 0,
        readHangup: (mask & EPOLLRDHUP) !== 0,
        hangup: (mask & EPOLLHUP) !== 0,
        error: (mask & EPOLLERR) !== 0,
        mask,
      };
    }
    return undefined;
  }

  #next(): Promise<IteratorResult<ReadinessEvent<T>, undefined>> {
    const event = this.#shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#closed) {
      const error = this.#error;
      this.#error = undefined;
      if (error !== undefined) return Promise.reject(error);
      return Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#native.want();
    });
  }

  /** Events until the poller is closed. Leaving the loop early closes the poller. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.close();
        return Promise.resolve({ value: undefined, done: true });
      },
      throw: (error?: unknown) => {
        this.close();
        return Promise.reject(error);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Watches nothing any more and gives its own descriptor back; what was watched stays open. Twice is allowed. */
  close(): void {
    this.#close(undefined);
  }

  #close(error: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    for (const { registration } of this.#entries.values()) registration.unregister();
    this.#ready = [];
    this.#forgetOwn();
    this.#native.close();
    const [first, ...others] = this.#waiters.splice(0);
    if (first === undefined) this.#error = error;
    else first(lastResult(error));
    for (const waiter of others) waiter({ value: undefined, done: true });
  }

  readonly #abort = (): void => {
    this.#close(this.#signal?.reason);
  };

  /** As {@link Poller.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Keeps the process alive while something is watched; the default. */
  ref(): this {
    if (!this.#refed && this.#entries.size > 0 && !this.#closed) this.#native.ref();
    this.#refed = true;
    return this;
  }

  /** Lets the process end while something is watched. */
  unref(): this {
    if (this.#refed && this.#entries.size > 0 && !this.#closed) this.#native.unref();
    this.#refed = false;
    return this;
  }
}
