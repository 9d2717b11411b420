/**
 * The class that programs written for npm `epoll` know: a callback per event, and numbers for descriptors.
 *
 * It must keep that package's argument rules, messages and order of checks, also where this package would do
 * otherwise: its users match them. The descriptors themselves are kept in watches.ts. Exported by index.ts.
 */
import { AsyncResource } from 'node:async_hooks';

import type { ContextBinding } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import type { Owner, Watch } from './watches.js';
import { Watches } from './watches.js';

/**
 * Told of one event: `err` is null, `fd` is the descriptor, `events` the kernel's bits (`Epoll.EPOLLIN` …).
 * It is called with `this` set to the global object. What it throws is an uncaught exception, and the next event
 * comes as if nothing had been thrown.
 */
export type EpollCallback = (err: Error | null, fd: number, events: number) => void;

/** One for all instances of a thread: a descriptor has one owner in it, as it had in the original. */
let current = new Watches(undefined);

const byDriver = new Map<Driver, Watches>();

/** The instances made from now on are announced by that driver. For tests of both. */
export function useDriver(driver: Driver): void {
  current = byDriver.get(driver) ?? new Watches(driver);
  byDriver.set(driver, current);
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Object.is(value, value | 0);
}

/** A plain `Error`, as the original throws for arguments too, with this package's code beside the message. */
function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** As it was at the import, and found once: both stand where each event passes. */
const { apply } = Reflect;
const global = globalThis;

/** As the original has it. */
const RESOURCE = 'Epoll:DispatchEvent';

/**
 * Calls back as the work of whoever made the object. In a context of the glue's that costs nothing more; entering
 * one from JavaScript, inside the glue's own, costs a tenth of an event.
 */
function ownerOf(callback: EpollCallback, context: ContextBinding | undefined): Owner {
  const watches = new Set<Watch>();
  if (context !== undefined) {
    return {
      tell: (fd, events) => apply(callback, global, [null, fd, events]),
      context,
      watches,
      end: () => context.close(),
    };
  }
  const resource = new AsyncResource(RESOURCE);
  return {
    tell: (fd, events) => resource.runInAsyncScope(callback, global, null, fd, events),
    context,
    watches,
    end: () => void resource.emitDestroy(),
  };
}

/**
 * Watches descriptors and calls back, with epoll(7): the interface of npm `epoll` 4.
 *
 * One event a call: the kernel is not asked for the next before the callback and its microtasks are done, so an event
 * is never about what an earlier callback drained or removed. A watched descriptor keeps the process and this object
 * alive until it is removed or closed.
 *
 * @example
 * const { Epoll } = require('edgepoll/epoll');
 * const poller = new Epoll((err, fd, events) => readSync(fd, buffer));
 * poller.add(fd, Epoll.EPOLLIN);
 */
export class Epoll {
  /** Something can be read, or an end (0x1). */
  static readonly EPOLLIN = 0x0001;
  /** Something can be written (0x4). */
  static readonly EPOLLOUT = 0x0004;
  /** The peer will send no more (0x2000). */
  static readonly EPOLLRDHUP = 0x2000;
  /** Urgent data or an exceptional condition; an interrupt of a GPIO (0x2). */
  static readonly EPOLLPRI = 0x0002;
  /** An error; told without being asked for (0x8). */
  static readonly EPOLLERR = 0x0008;
  /** Both sides are gone; told without being asked for (0x10). */
  static readonly EPOLLHUP = 0x0010;
  /** Told once per change instead of for as long as it lasts (2 to the 31st). */
  static readonly EPOLLET = 0x8000_0000;
  /** Told once, then silent until `modify()` (2 to the 30th). */
  static readonly EPOLLONESHOT = 0x4000_0000;

  static {
    for (const name of Object.keys(Epoll)) Object.defineProperty(Epoll, name, { writable: false });
  }

  readonly #watches: Watches = current;
  readonly #owner: Owner;
  #closed = false;

  /** Watches nothing yet. Throws an `Error` when `callback` is not a function. */
  constructor(callback: EpollCallback) {
    // The word is spelt as the original has it: programs compare the whole text.
    if (typeof callback !== 'function')
      throw refusal('ERR_INVALID_ARG_TYPE', 'First argument to construtor must be a callback');
    this.#watches.open();
    this.#owner = ownerOf(callback, this.#watches.openContext(RESOURCE));
  }

  /** True after `close()`. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Watches a descriptor for `events`, any of the constants ORed together (EPOLL_CTL_ADD, epoll_ctl(2)). Gives
   * this object.
   *
   * Throws an `Error`: after `close()`; for an `fd` that is no 32-bit integer or `events` that are no number
   * (`code` is `ERR_INVALID_ARG_TYPE`); and with strerror(3)'s text as message and the symbol as `code` for what
   * the kernel refuses: `EEXIST` when any instance of this thread watches it already, `EPERM` for a regular file,
   * `EBADF`, `EINVAL`, `ENOMEM`, `ENOSPC`, `ELOOP`.
   */
  add(fd: number, events: number): this {
    this.#mustBeOpen('add');
    this.#mustBeNumbers('add', fd, events);
    this.#watches.add(this.#owner, fd, events >>> 0);
    return this;
  }

  /**
   * Changes what a descriptor is watched for (EPOLL_CTL_MOD). After an `EPOLLONESHOT` event it watches again. Gives
   * this object. Throws as `add()` does, and `ENOENT` when the descriptor is not watched.
   */
  modify(fd: number, events: number): this {
    this.#mustBeOpen('modify');
    this.#mustBeNumbers('modify', fd, events);
    this.#watches.modify(fd, events >>> 0);
    return this;
  }

  /**
   * Watches a descriptor no longer (EPOLL_CTL_DEL). Gives this object. Throws as `modify()` does: `EBADF` or
   * `ENOENT` also when the descriptor was closed before, which then counts as removed.
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
   * Removes every descriptor that this object watches; they stay open. No callback comes after it. Throws an
   * `Error` when called twice, and, after everything was removed, the first error of a removal: `EBADF` or
   * `ENOENT` when a watched descriptor was closed before.
   */
  close(): null {
    if (this.#closed) throw refusal('ERR_CLOSED', "close can't be called more than once");
    this.#closed = true;
    this.#owner.end();
    this.#watches.removeAll(this.#owner);
    return null;
  }

  /** The same as `close()`, for `using`. Does nothing after `close()`. */
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
