/**
 * A descriptor with one owner.
 *
 * It must never close a number twice or one that is not its own, and never make a system call after close().
 */
import { closeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

import { fd as native } from '../binding.js';
import { ByNumber } from '../by-number.js';
import { closing, releasing } from '../closing.js';
import { chooseDriver } from '../driver.js';
import { EdgepollError, systemError } from '../errors.js';
import { showAs } from '../inspect.js';
import { descriptor, isBytes, rangeError, typeError } from '../validate.js';
import { followBrokenPipes, survival } from './broken-pipe.js';
import type { WaitOptions } from './ready.js';
import { ready } from './ready.js';
import type { Direction } from './shared-poller.js';
import { writeAll } from './write-all.js';

/** What is known of a number; shared with the garbage collector's watch, so it must never lead to the object. */
interface State {
  readonly fd: number;
  readonly kind: string;
  readonly isAdopted: boolean;
  open: boolean;
}

/** Reads without waiting, whatever the descriptor's flags are: the kernel's result. */
export const readInto: (fd: number, into: Uint8Array) => number = native.reader();

/** Writes without waiting: the kernel's result. `care` is {@link survival}. */
export const writeFrom: (fd: number, from: Uint8Array, care: number) => number = native.writer();

export const EBADF = 9;
const EAGAIN = 11;
const EEXIST = 17;

/** A result of a native call: a number, or below 0 an error. */
export function checked(result: number, syscall: string, details: { fd?: number } = {}): number {
  if (result < 0) throw systemError(-result, { syscall, ...details });
  return result;
}

/** As {@link checked}, with `null` where it would have to wait. */
export function unlessWaiting(result: number, syscall: string, fd: number): number | null {
  return result === -EAGAIN ? null : checked(result, syscall, { fd });
}

/** The value of a native call that gives one or an error; `null` where it would have to wait. */
export function valueUnlessWaiting<T extends object>(
  result: T | number,
  syscall: string,
  fd: number,
): T | null {
  if (typeof result !== 'number') return result;
  if (result === -EAGAIN) return null;
  throw systemError(-result, { syscall, fd });
}

/**
 * A worker of Node.js closes at its end, by number, what node:fs opened in it: a number that came from there
 * must be closed by node:fs, or Node.js would close the number's next owner. It warns when the number did not come from there.
 */
const nodeCloses = !isMainThread && chooseDriver(undefined) === 'uv';

const byNumber = new ByNumber<State>();

const abandoned = new FinalizationRegistry<State>((state) => {
  if (!state.open) return;
  const { fd, kind } = state;
  forget(state);
  process.emitWarning(
    `${kind} fd ${fd} was not closed: close() it, or declare it with 'using'`,
    'EdgepollWarning',
  );
  closing(fd);
  native.close(fd);
});

function forget(state: State): void {
  state.open = false;
  if (byNumber.get(state.fd) === state) byNumber.delete(state.fd);
}

/** Memory to read into: a `Uint8Array` (a `Buffer` is one) with room. */
export function room(name: string, value: unknown): Uint8Array {
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array', value);
  if (value.length === 0) throw rangeError(name, 'an array with room', 'an empty one');
  return value;
}

/** Bytes to send: a `Uint8Array`, or a string in UTF-8. */
export function data(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array or a string', value);
  return value;
}

/** Makes the object for a number that the native side holds. */
export let makeOwned: (fd: number, kind: string) => OwnedFd;

/** What is shown of one: the number that it has or had, and what it is. */
export let describeDescriptor: (object: Descriptor) => Record<string, unknown> | undefined;

/** Calls `tell` when `owner` is closed, before its number is free; gives what takes that back. */
export let onClose: (owner: Descriptor, tell: () => void) => () => void;

/**
 * A descriptor that belongs to this object alone. It is closed by {@link Descriptor.close}, by `using`, or, with a
 * warning, when the object is collected as garbage. An open one does not keep the process alive.
 *
 * After `close()` or `release()` every use but `close()` and `isOpen` throws `ERR_CLOSED`, without a system call.
 */
export abstract class Descriptor implements Disposable {
  readonly #state: State;
  #whenClosed: Set<() => void> | undefined;

  protected constructor(fd: number, kind: string, isAdopted = false) {
    const stale = byNumber.get(fd);
    // The number was closed without its object, and the kernel gave it out again.
    if (stale !== undefined) forget(stale);
    this.#state = { fd, kind, isAdopted, open: true };
    byNumber.set(fd, this.#state);
    abandoned.register(this, this.#state, this.#state);
  }

  static {
    describeDescriptor = (object) => {
      if (!(#state in object)) return undefined;
      const { fd, kind, open } = object.#state;
      return { fd, kind, isOpen: open };
    };
    showAs(Descriptor, describeDescriptor);
    onClose = (owner, tell) => {
      owner.#whenClosed ??= new Set();
      owner.#whenClosed.add(tell);
      return () => owner.#whenClosed?.delete(tell);
    };
  }

  /** The number. Throws `ERR_CLOSED`. */
  get fd(): number {
    const { open, fd, kind } = this.#state;
    if (!open) throw new EdgepollError('ERR_CLOSED', `${kind} fd ${fd} is closed`);
    return fd;
  }

  /** False after `close()` and `release()`. */
  get isOpen(): boolean {
    return this.#state.open;
  }

  /**
   * Closes (close(2)), once; twice is allowed. An iteration over it ends, and so does its registration with each `Poller`, loop of
   * `watch()` and object of `edgepoll/epoll` in this thread, before the number is free: none of them tells an event or an error
   * of it any more. Only a registration with `duplicate: true` goes on. Throws what close(2) reports (`EBADF`: other code
   * closed the number before; `EIO`); it is closed all the same.
   */
  close(): void {
    if (!this.#state.open) return;
    const { fd, isAdopted } = this.#state;
    closing(fd);
    this.#end();
    if (isAdopted && nodeCloses) {
      if (!native.release(fd)) throw systemError(EBADF, { syscall: 'close', fd });
      closeSync(fd);
    } else {
      checked(native.close(fd), 'close', { fd });
    }
  }

  /** As {@link Descriptor.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Gives up the number: from now on the caller has to close it. What was registered with a poller by this object ends as with
   * {@link Descriptor.close}; what was registered by the number goes on. Throws `ERR_CLOSED`, and `EBADF` when the number was closed
   * outside this object and now belongs to another thread.
   */
  release(): number {
    const { fd } = this;
    releasing(fd, this);
    this.#end();
    if (!native.release(fd)) throw systemError(EBADF, { syscall: 'release', fd });
    return fd;
  }

  #end(): void {
    forget(this.#state);
    abandoned.unregister(this.#state);
    const told = this.#whenClosed;
    this.#whenClosed = undefined;
    // Before the number is free, so that no waiter is left with the number of another file.
    if (told !== undefined) for (const tell of told) tell();
  }

  /**
   * Resolves when a read would not have to wait: there is something to read, the end, or an error; at once if there is. The
   * descriptor is not read. A pidfd is readable once its process has ended.
   *
   * All waits of a thread share one poller, and a descriptor stays registered with it, silent, until it is closed. A wait
   * keeps the process alive. Several may wait at once: all are woken, and some of them may find nothing left. Rejects with `ERR_CLOSED` when it is closed or released,
   * before or meanwhile, with the signal's reason, with `ERR_NOT_POLLABLE` for a regular file or a directory, and with
   * `ENOSPC`, `EMFILE` or `ENFILE` when it cannot be watched.
   *
   * @example
   * let count: number | null;
   * while ((count = reader.read(into)) === null) await reader.readable();
   */
  readable(options: WaitOptions = {}): Promise<void> {
    return this.#ready('readable', options);
  }

  /**
   * Resolves when a write would not have to wait: there is room, or an error to tell. As {@link Descriptor.readable}
   * otherwise. A descriptor that cannot be written to never becomes writable.
   */
  writable(options: WaitOptions = {}): Promise<void> {
    return this.#ready('writable', options);
  }

  async #ready(direction: Direction, options: WaitOptions): Promise<void> {
    // Throws: it is closed.
    void this.fd;
    if (!(await ready(this, direction, options))) void this.fd;
  }

  /**
   * A second descriptor of the same open file, close-on-exec (F_DUPFD_CLOEXEC). Throws `ERR_CLOSED`, `EMFILE`.
   */
  duplicate(): OwnedFd {
    const { fd } = this;
    const copy = checked(native.duplicate(fd), 'fcntl', { fd });
    return makeOwned(copy, `duplicate of ${this.#state.kind}`);
  }
}

/** A descriptor to read from and write to. */
export class OwnedFd extends Descriptor {
  /** Not for callers: {@link OwnedFd.adopt} is. */
  protected constructor(fd: number, kind: string, isAdopted = false) {
    super(fd, kind, isAdopted);
    followBrokenPipes();
  }

  static {
    makeOwned = (fd, kind) => new OwnedFd(fd, kind);
  }

  /**
   * Takes over a descriptor that was opened elsewhere; from now on no other code may close it. It may be a blocking one:
   * its flags stay as they are, and reads and writes do not wait all the same. To a blocking FIFO at most 4,096 bytes are
   * written at once.
   * `close()` in a worker of Node.js goes by node:fs, which would close at the worker's end what it opened there; of a
   * number that it did not open it warns then.
   *
   * Throws `TypeError` or `RangeError` for what is not an open descriptor, for 0, 1 and 2, for one of this package's own
   * and for one that another owner has.
   */
  static adopt(fd: number): OwnedFd {
    return new OwnedFd(adoptNumber(fd), 'adopted', true);
  }

  /**
   * Reads what is there (read(2)): the count, 0 at the end, `null` when it would have to wait. Of a datagram socket 0 is
   * an empty datagram. Throws `RangeError` for an empty or detached array, `ERR_CLOSED`, and what read(2) gives.
   */
  read(into: Uint8Array): number | null {
    const { fd } = this;
    return unlessWaiting(readInto(fd, room('into', into)), 'read', fd);
  }

  /**
   * Writes as much as goes at once (write(2)): the count, `null` when it would have to wait. A string is sent as UTF-8.
   * Throws `ERR_CLOSED`, `EPIPE` and what else write(2) gives.
   */
  write(bytes: Uint8Array | string): number | null {
    const { fd } = this;
    return unlessWaiting(writeFrom(fd, data('bytes', bytes), survival), 'write', fd);
  }

  /**
   * Writes everything, waiting for room as often as it takes. A string is sent as UTF-8. Calls that overlap are written one
   * after the other, in the order in which they were made; `write()` does not wait for them. The array must not be changed
   * before the promise settles.
   *
   * Rejects with an {@link EdgepollError} for what write(2) gives and for `ERR_CLOSED`: its `bytesWritten` says how many of
   * these bytes were written before. Rejects with the signal's reason when it aborts, after whole calls of write(2). What
   * was written stays written, and later calls go on. Rejects with `TypeError` for what is neither bytes nor a string.
   */
  // oxlint-disable-next-line require-await -- async for its rejection
  async writeAll(bytes: Uint8Array | string, options: WaitOptions = {}): Promise<void> {
    return writeAll(this, data('bytes', bytes), options);
  }
}

/** Checks a number and makes it ours. */
export function adoptNumber(value: unknown): number {
  const fd = descriptor('fd', value);
  if (fd <= 2) throw rangeError('fd', 'above 2: stdio is not ours to own', fd);
  const result = native.adopt(fd);
  if (result === -EEXIST) throw rangeError('fd', 'a descriptor that has no other owner', fd);
  checked(result, 'adopt', { fd });
  return fd;
}
