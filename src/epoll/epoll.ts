/**
 * The class `Epoll`, with the interface of npm `epoll`.
 *
 * Its argument checks, their order and their messages are those of that package, because programs compare them. The descriptors are
 * kept in watches.ts.
 */
import { AsyncResource } from 'node:async_hooks';

import type { ContextBinding } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import type { Watch, Instance } from './watches.js';
import { Watches } from './watches.js';

/**
 * The callback of an {@link Epoll} object, called once per event. `err` is null, `fd` is the descriptor, and `events` has the kernel's bits
 * (`Epoll.EPOLLIN` …). `this` is the global object. An error that it throws is an uncaught exception; later events are delivered in any
 * case.
 */
export type EpollCallback = (err: Error | null, fd: number, events: number) => void;

/** All instances of a thread share it, because only one of them can watch a descriptor, as in npm `epoll`. */
let current = new Watches(undefined);

const byDriver = new Map<Driver, Watches>();

/** Chooses the driver of instances that are created later. For tests. @internal */
export function useDriver(driver: Driver): void {
  current = byDriver.get(driver) ?? new Watches(driver);
  byDriver.set(driver, current);
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Object.is(value, value | 0);
}

/** A plain `Error`, as npm `epoll` throws it for bad arguments, and a `code`, which that package does not have. */
function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Read once, at the import: each event uses them, and a program may replace the global ones later. */
const { apply } = Reflect;
const global = globalThis;

/** The name of the async resource, as in npm `epoll`. */
const RESOURCE = 'Epoll:DispatchEvent';

/**
 * Makes the callback run in the async context in which the `Epoll` object was created. With a native context the native side enters it,
 * which costs nothing more per event. To enter a context from JavaScript, inside a native one, costs a tenth of an event.
 */
function instanceOf(callback: EpollCallback, context: ContextBinding | undefined): Instance {
  const watches = new Set<Watch>();
  if (context !== undefined) {
    return {
      dispatch: (fd, events) => apply(callback, global, [null, fd, events]),
      context,
      watches,
      end: () => context.close(),
    };
  }
  const resource = new AsyncResource(RESOURCE);
  return {
    dispatch: (fd, events) => resource.runInAsyncScope(callback, global, null, fd, events),
    context,
    watches,
    end: () => void resource.emitDestroy(),
  };
}

/**
 * Watches descriptors with epoll(7), and calls a function for each event. It has the interface of npm `epoll` 4.
 *
 * Each event is a call of its own. The next event is read from the kernel only after the callback and its microtasks have run, so an
 * event is never about a descriptor that an earlier callback has drained or removed. A watched descriptor keeps the process and this
 * object alive until it is removed or closed.
 *
 * @example
 * const { Epoll } = require('edgepoll/epoll');
 * const poller = new Epoll((err, fd, events) => readSync(fd, buffer));
 * poller.add(fd, Epoll.EPOLLIN);
 */
export class Epoll {
  /** A read would not block: there are bytes, a connection to accept, or the end (0x1). */
  static readonly EPOLLIN = 0x0001;
  /** A write would not block (0x4). */
  static readonly EPOLLOUT = 0x0004;
  /** The peer will send no more (0x2000). */
  static readonly EPOLLRDHUP = 0x2000;
  /** Urgent data or an exceptional condition, such as an interrupt of a GPIO (0x2). */
  static readonly EPOLLPRI = 0x0002;
  /** An error. Always reported (0x8). */
  static readonly EPOLLERR = 0x0008;
  /** A hang-up: the other end of a pipe is closed, or both directions of a socket are. Always reported (0x10). */
  static readonly EPOLLHUP = 0x0010;
  /** Edge-triggered: reported once per change, instead of as long as the condition holds (2 to the 31st). */
  static readonly EPOLLET = 0x8000_0000;
  /** Reported once, and again only after `modify()` (2 to the 30th). */
  static readonly EPOLLONESHOT = 0x4000_0000;

  static {
    for (const name of Object.keys(Epoll)) Object.defineProperty(Epoll, name, { writable: false });
  }

  readonly #watches: Watches = current;
  readonly #instance: Instance;
  #closed = false;

  /** Creates an object that watches nothing yet. Throws an `Error` if `callback` is not a function, and for `EMFILE` and `ENFILE`. */
  constructor(callback: EpollCallback) {
    // 'construtor' is misspelt in npm `epoll`, too. Programs compare the whole message.
    if (typeof callback !== 'function')
      throw refusal('ERR_INVALID_ARG_TYPE', 'First argument to construtor must be a callback');
    this.#watches.open();
    this.#instance = instanceOf(callback, this.#watches.openContext(RESOURCE));
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Watches a descriptor for `events`, the bitwise OR of the constants (EPOLL_CTL_ADD, epoll_ctl(2)). Returns this object.
   *
   * Throws an `Error` after `close()` (`code` is `ERR_CLOSED`), and for an `fd` that is not a 32-bit integer or `events` that are not a number
   * (`ERR_INVALID_ARG_TYPE`). For errors of the kernel, the message is the text of strerror(3) and `code` is the name: `EEXIST` if an
   * instance of this thread watches the descriptor already, `EPERM` for a regular file, `EBADF`, `EINVAL`, `ENOMEM`, `ENOSPC`, `ELOOP`.
   */
  add(fd: number, events: number): this {
    this.#mustBeOpen('add');
    this.#mustBeNumbers('add', fd, events);
    this.#watches.add(this.#instance, fd, events >>> 0);
    return this;
  }

  /**
   * Changes the events of a watched descriptor (EPOLL_CTL_MOD, epoll_ctl(2)). It also arms `EPOLLONESHOT` again. Returns this object.
   * Throws as `add()`, and `ENOENT` if the descriptor is not watched.
   */
  modify(fd: number, events: number): this {
    this.#mustBeOpen('modify');
    this.#mustBeNumbers('modify', fd, events);
    this.#watches.modify(fd, events >>> 0);
    return this;
  }

  /**
   * Stops watching a descriptor (EPOLL_CTL_DEL, epoll_ctl(2)). Returns this object. Throws as `modify()`. If the descriptor was closed
   * before, it throws `EBADF` or `ENOENT`, and the descriptor is removed in any case.
   */
  remove(fd: number): this {
    this.#mustBeOpen('remove');
    if (!isInt32(fd)) {
      throw refusal('ERR_INVALID_ARG_TYPE', 'incorrect arguments passed to remove(int fd)');
    }
    this.#watches.remove(fd);
    return this;
  }

  /**
   * Removes all descriptors that this object watches; they stay open. The callback is not called after that. Returns null. Throws an
   * `Error` if it was called before (`code` is `ERR_CLOSED`). If a watched descriptor was closed before, it throws the first such error,
   * `EBADF` or `ENOENT`, after it has removed everything.
   */
  close(): null {
    if (this.#closed) throw refusal('ERR_CLOSED', "close can't be called more than once");
    this.#closed = true;
    this.#instance.end();
    this.#watches.removeAll(this.#instance);
    return null;
  }

  /** As `close()`, for `using`. Does nothing after `close()`. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #mustBeOpen(method: string): void {
    if (this.#closed) throw refusal('ERR_CLOSED', `${method} can't be called after calling close`);
  }

  #mustBeNumbers(method: string, fd: unknown, events: unknown): void {
    if (isInt32(fd) && typeof events === 'number') return;
    throw refusal(
      'ERR_INVALID_ARG_TYPE',
      `incorrect arguments passed to ${method}(int fd, int events)`,
    );
  }
}
