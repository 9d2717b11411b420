/**
 * The base classes of descriptors that belong to one object: `Descriptor`, and `OwnedFd` to read from and write to.
 *
 * An object closes its number only once and only while it owns it. It makes no system call after `close()`, because the kernel may
 * have given the number to another file by then.
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

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { followBrokenPipes, survival } = brokenPipe;
const { checked, unlessBlocked } = results;

/** The state of a descriptor. The finalization registry holds it, so it must not refer to the descriptor's object. */
interface State {
  readonly fd: number;
  readonly kind: string;
  readonly isAdopted: boolean;
  open: boolean;
}

/** Calls read(2) without blocking, whatever the flags of the descriptor are. Returns the kernel's result. */
export const readInto: (fd: number, into: Uint8Array) => number = native.reader();

/** Calls write(2) without blocking. Returns the kernel's result. `sigpipe` is {@link survival}'s `bits`. */
export const writeFrom: (fd: number, from: Uint8Array, sigpipe: number) => number = native.writer();

const EBADF = 9;
const EEXIST = 17;

/**
 * When a worker of Node.js ends, Node.js closes the numbers that `node:fs` opened in it. So `node:fs` has to close an adopted number:
 * otherwise Node.js would later close the number's next owner. Node.js warns if `node:fs` did not open the number.
 */
const isNodeWorker = !isMainThread && chooseDriver(undefined) === 'uv';

/** The states of the open descriptors, by number. */
const byNumber = new ByNumber<State>();

/** Closes a descriptor whose object was garbage-collected while it was open, with a warning. */
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

/** Marks the descriptor as closed. */
function forget(state: State): void {
  state.open = false;
  if (byNumber.get(state.fd) === state) byNumber.delete(state.fd);
}

/** Checks memory to read into: a `Uint8Array` (a `Buffer` is one) that is not empty. */
export function bufferToFill(name: string, value: unknown): Uint8Array {
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array', value);
  if (value.length === 0) throw rangeError(name, 'an array with room', 'an empty one');
  return value;
}

/** Checks bytes to send: a `Uint8Array`, or a string, which is encoded as UTF-8. */
export function bytesToSend(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (!isBytes(value)) throw typeError(name, 'a Uint8Array or a string', value);
  return value;
}

type MakeOwned = (fd: number, kind: string) => OwnedFd;
type Describe = (object: Descriptor) => Record<string, unknown> | undefined;
type OnClose = (owner: Descriptor, listener: () => void) => () => void;

// The classes' static blocks set these, because only code inside a class can reach its private fields.
let make: MakeOwned;
let describe: Describe;
let whenClosed: OnClose;

/**
 * A descriptor that only this object owns. {@link Descriptor.close} or `using` closes it. If the object is garbage-collected first,
 * the descriptor is closed with a warning. An open descriptor does not keep the process alive.
 *
 * After `close()` or `release()` everything except `close()` and `isOpen` throws `ERR_CLOSED`, without a system call.
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
    whenClosed = (owner, listener) => {
      owner.#whenClosed ??= new Set();
      owner.#whenClosed.add(listener);
      return () => owner.#whenClosed?.delete(listener);
    };
  }

  /** The descriptor's number. Throws `ERR_CLOSED`. */
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
   * do its registrations with each `Poller`, `watch()` loop and `Epoll` object in this thread: they report no further event and no
   * error. Only a registration with `duplicate: true` goes on. Throws the errors of close(2), such as `EIO`, and `EBADF` if other
   * code has closed the number before. The object is closed in any case.
   */
  close(): void {
    if (!this.#state.open) return;
    const { fd, isAdopted } = this.#state;
    closing(fd);
    this.#end();
    if (isAdopted && isNodeWorker) {
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
   * Returns the number and stops owning it: from now on the caller has to close it. Registrations of this object end as with
   * {@link Descriptor.close}; registrations of the plain number go on. Throws `ERR_CLOSED`, and `EBADF` if other code has closed
   * the number and another thread owns it now.
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
    const listeners = this.#whenClosed;
    this.#whenClosed = undefined;
    // Before the number is free, so that no wait continues with a number that belongs to another file.
    if (listeners !== undefined) for (const listener of listeners) listener();
    endWaits(this);
  }

  /**
   * Resolves when a read would not block, because there are bytes, the end, or an error; at once if that is the case already. It
   * does not read. A pidfd is readable once its process has ended.
   *
   * All waits of a thread share one poller. A descriptor stays registered with it until it is closed, and causes no events between
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
   * Resolves when a write would not block, because there is room, or because it would fail at once. Otherwise as
   * {@link Descriptor.readable}. A descriptor that is not open for writing never becomes writable.
   */
  writable(options: WaitOptions = {}): Promise<void> {
    return this.#ready('writable', options);
  }

  async #ready(direction: Direction, options: WaitOptions): Promise<void> {
    // The getter throws if the object is closed.
    void this.fd;
    if (!(await ready(this, direction, options))) void this.fd;
  }

  /** Returns a second descriptor of the same open file, close-on-exec (F_DUPFD_CLOEXEC, fcntl(2)). Throws `ERR_CLOSED`, `EMFILE`. */
  duplicate(): OwnedFd {
    const { fd } = this;
    const copy = checked(native.duplicate(fd), 'fcntl', { fd });
    return makeOwned(copy, `duplicate of ${this.#state.kind}`);
  }
}

/** A descriptor to read from and write to. */
export class OwnedFd extends Descriptor {
  /** Not public. Use {@link OwnedFd.adopt}. */
  protected constructor(fd: number, kind: string, isAdopted = false) {
    super(fd, kind, isAdopted);
    followBrokenPipes();
  }

  static {
    make = (fd, kind) => new OwnedFd(fd, kind);
  }

  /**
   * Takes over a descriptor that was opened elsewhere; from now on no other code may close it. A blocking descriptor is allowed: its
   * flags stay as they are, and reads and writes still do not block. A write to a blocking FIFO takes at most 4,096 bytes.
   *
   * In a worker of Node.js, `close()` calls `node:fs`, because Node.js would otherwise close the number again when the worker ends.
   * Node.js warns if `node:fs` did not open the number.
   *
   * Throws `TypeError` or `RangeError` for a value that is not an open descriptor, for 0, 1 and 2, for descriptors that the package
   * uses itself, and for one that has another owner.
   */
  static adopt(fd: number): OwnedFd {
    return new OwnedFd(adoptNumber(fd), 'adopted', true);
  }

  /**
   * Reads into an array (read(2)). Returns the number of bytes; 0 at the end, or for an empty datagram of a datagram socket; `null`
   * if a read would block. Throws `RangeError` for an empty or detached array, `ERR_CLOSED`, and the errors of read(2).
   */
  read(into: Uint8Array): number | null {
    const { fd } = this;
    return unlessBlocked(readInto(fd, bufferToFill('into', into)), 'read', fd);
  }

  /**
   * Writes as much as the kernel takes at once (write(2)). Returns the number of bytes, or `null` if a write would block. A string is
   * encoded as UTF-8. Throws `ERR_CLOSED`, and the errors of write(2), such as `EPIPE`.
   */
  write(bytes: Uint8Array | string): number | null {
    const { fd } = this;
    return unlessBlocked(writeFrom(fd, bytesToSend('bytes', bytes), survival.bits), 'write', fd);
  }

  /**
   * Writes all bytes, and waits for room as often as necessary. A string is encoded as UTF-8. The bytes of overlapping calls are
   * written one call after the other, in the order of the calls; `write()` does not wait for them. The array must not be changed
   * before the promise settles.
   *
   * Rejects with an {@link EdgepollError} for errors of write(2) and for `ERR_CLOSED`: its `bytesWritten` is the number of bytes
   * written before. Rejects with the signal's reason when it aborts, between two calls of write(2): bytes already written stay
   * written, and later calls go on. Rejects with a `TypeError` for a value that is neither bytes nor a string.
   */
  // oxlint-disable-next-line require-await -- it is async so that an error of the check rejects the promise
  async writeAll(bytes: Uint8Array | string, options: WaitOptions = {}): Promise<void> {
    return writeAll(this, bytesToSend('bytes', bytes), options);
  }
}

/** Makes the object for a number that the native side holds. */
export const makeOwned: MakeOwned = make;

/** The properties of a descriptor that util.inspect() shows. */
export const describeDescriptor: Describe = describe;

/** Calls `listener` when `owner` is closed, before its number is free. Returns a function that undoes this. */
export const onClose: OnClose = whenClosed;

/** Checks a number, and takes it over for the object that the caller makes of it. */
export function adoptNumber(value: unknown): number {
  const fd = descriptor('fd', value);
  if (fd <= 2) throw rangeError('fd', 'above 2: stdio is not ours to own', fd);
  const result = native.adopt(fd);
  if (result === -EEXIST) throw rangeError('fd', 'a descriptor that has no other owner', fd);
  checked(result, 'adopt', { fd });
  return fd;
}
