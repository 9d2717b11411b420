/**
 * A descriptor with one owner.
 *
 * It must never close a number twice or one that is not its own, and never make a system call after close().
 */
import { closeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

import { fd as native } from '../internal/binding.js';
import { ByNumber } from '../internal/by-number.js';
import { closing, releasing } from '../internal/closing.js';
import { chooseDriver } from '../internal/driver.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { showAs } from '../internal/inspect.js';
import { descriptor, isBytes, rangeError, typeError } from '../internal/validate.js';
import * as brokenPipe from './broken-pipe.js';
import type { WaitOptions } from './ready.js';
import { ready } from './ready.js';
import * as results from './results.js';
import type { Direction } from './shared-poller.js';
import { endWaits } from './waiting.js';
import { writeAll } from './write-all.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { followBrokenPipes, survival } = brokenPipe;
const { checked, unlessWaiting } = results;

/** What is known of a number; shared with the garbage collector's watch, so it must never lead to the object. */
interface State {
  readonly fd: number;
  readonly kind: string;
  readonly isAdopted: boolean;
  open: boolean;
}

/** Reads without waiting, whatever the descriptor's flags are; returns the kernel's result. */
export const readInto: (fd: number, into: Uint8Array) => number = native.reader();

/** Writes without waiting; returns the kernel's result. `care` are the bits of {@link survival}. */
export const writeFrom: (fd: number, from: Uint8Array, care: number) => number = native.writer();

const EBADF = 9;
const EEXIST = 17;

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

type MakeOwned = (fd: number, kind: string) => OwnedFd;
type Describe = (object: Descriptor) => Record<string, unknown> | undefined;
type OnClose = (owner: Descriptor, tell: () => void) => () => void;

// The classes' static blocks set these, because only code inside a class can reach its private fields.
let make: MakeOwned;
let describe: Describe;
let whenClosed: OnClose;

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
    // Other code closed the number of an older object, and the kernel gave it to another file.
    if (stale !== undefined) forget(stale);
    this.#state = { fd, kind, isAdopted, open: true };
    byNumber.set(fd, this.#state);
    abandoned.register(this, this.#state, this.#state);
  }

  static {
    describe = (object) => {
      if (!(#state in object)) return undefined;
      const { fd, kind, open } = object.#state;
      return { fd, kind, isOpen: open };
    };
    showAs(Descriptor, describe);
    whenClosed = (owner, tell) => {
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
   * Closes the descriptor (close(2)). A second call does nothing. Before the number is free, iterations over the object end, and so
   * do its registrations with each `Poller`, loop of `watch()` and object of `edgepoll/epoll` in this thread: no event and no error
   * of it follows. Only a registration with `duplicate: true` goes on. Throws the errors of close(2) (`EBADF`: other code closed
   * the number before; `EIO`); the object is closed all the same.
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
   * Gives up the number: from now on the caller has to close it. Registrations of this object with a poller end as with
   * {@link Descriptor.close}; registrations of the plain number go on. Throws `ERR_CLOSED`, and `EBADF` when other code closed
   * the number and it now belongs to another thread.
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
    endWaits(this);
  }

  /**
   * Resolves when a read would not have to wait, because there is data, the end, or an error; at once if that is so already. Does
   * not read. A pidfd is readable once its process has ended.
   *
   * All waits of a thread share one poller. A descriptor stays registered with it until it is closed, without events between
   * waits. A wait keeps the process alive. If there are several waits for one descriptor, all of them resolve, and some may find
   * nothing left. Rejects with `ERR_CLOSED` if the object is or becomes closed or released, with the signal's reason, with
   * `ERR_NOT_POLLABLE` for a regular file or a directory, and with `ENOSPC`, `EMFILE` or `ENFILE` if it cannot be watched.
   *
   * @example
   * let count: number | null;
   * while ((count = reader.read(into)) === null) await reader.readable();
   */
  readable(options: WaitOptions = {}): Promise<void> {
    return this.#ready('readable', options);
  }

  /**
   * Resolves when a write would not have to wait, because there is room, or because it would fail at once. Otherwise as
   * {@link Descriptor.readable}. A descriptor that cannot be written to never becomes writable.
   */
  writable(options: WaitOptions = {}): Promise<void> {
    return this.#ready('writable', options);
  }

  async #ready(direction: Direction, options: WaitOptions): Promise<void> {
    // The getter throws if the object is closed.
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
  /** Not public: use {@link OwnedFd.adopt}. */
  protected constructor(fd: number, kind: string, isAdopted = false) {
    super(fd, kind, isAdopted);
    followBrokenPipes();
  }

  static {
    make = (fd, kind) => new OwnedFd(fd, kind);
  }

  /**
   * Takes over a descriptor that was opened elsewhere; from now on no other code may close it. It may be a blocking one: its
   * flags stay as they are, and reads and writes still do not wait. A write to a blocking FIFO takes at most 4,096 bytes.
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
    return unlessWaiting(writeFrom(fd, data('bytes', bytes), survival.bits), 'write', fd);
  }

  /**
   * Writes everything, waiting for room as often as it takes. A string is sent as UTF-8. Calls that overlap are written one
   * after the other, in the order in which they were made; `write()` does not wait for them. The array must not be changed
   * before the promise settles.
   *
   * Rejects with an {@link EdgepollError} for errors of write(2) and for `ERR_CLOSED`: its `bytesWritten` is the number of bytes
   * written before. Rejects with the signal's reason when it aborts, between two calls of write(2): bytes already written stay
   * written, and later calls go on. Rejects with a `TypeError` for a value that is neither bytes nor a string.
   */
  // oxlint-disable-next-line require-await -- async turns what it throws into a rejection
  async writeAll(bytes: Uint8Array | string, options: WaitOptions = {}): Promise<void> {
    return writeAll(this, data('bytes', bytes), options);
  }
}

/** Makes the object for a number that the native side holds. */
export const makeOwned: MakeOwned = make;

/** The properties of a descriptor that util.inspect() shows. */
export const describeDescriptor: Describe = describe;

/** Calls `tell` when `owner` is closed, before its number is free. Returns a function that undoes this. */
export const onClose: OnClose = whenClosed;

/** Checks a number and makes it ours. */
export function adoptNumber(value: unknown): number {
  const fd = descriptor('fd', value);
  if (fd <= 2) throw rangeError('fd', 'above 2: stdio is not ours to own', fd);
  const result = native.adopt(fd);
  if (result === -EEXIST) throw rangeError('fd', 'a descriptor that has no other owner', fd);
  checked(result, 'adopt', { fd });
  return fd;
}
