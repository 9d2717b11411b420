/**
 * The descriptors that the `Epoll` objects of a thread watch. One epoll descriptor serves all objects. It is opened with the first of
 * them, and stays open.
 *
 * A second event is read from the kernel only after the callback of the first has returned. That callback may drain, remove or close
 * the descriptor of the second event, and a program that reads after a stale event would block.
 */
import type { Opened } from '../internal/binding.js';
import { ContextBinding, errorText, PollerBinding } from '../internal/binding.js';
import { ByNumber } from '../internal/by-number.js';
import type { Follower } from '../internal/closing.js';
import { follow, unfollow } from '../internal/closing.js';
import type { Driver } from '../internal/driver.js';
import { chooseDriver } from '../internal/driver.js';
import type { ErrorDetails } from '../internal/errors.js';
import { codeOf, EdgepollError, refusedNumber } from '../internal/errors.js';
import * as layout from '../internal/layout.js';
import { keepOwn } from '../internal/validate.js';

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { DELIVERING, READINESS_FIELDS: FIELDS, MOVED, REFUSED_CLOSED, WANTED } = layout;

/** Read at the import, because a program may replace the global function later. No module exports it. */
const { queueMicrotask } = globalThis;

/** The texts of strerror(3) for the errors of epoll(7). Programs for npm `epoll` compare them. */
const texts: Record<string, string> = {
  EBADF: 'Bad file descriptor',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
  ELOOP: 'Too many levels of symbolic links',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  EPERM: 'Operation not permitted',
};

const ENOENT = 2;
const EBADF = 9;
const NO_EVENTS = 0;
/** An argument of the native `register()`: no duplicate of the descriptor is watched. */
const NO_DUPLICATE = false;
const RESOLVED = Promise.resolve();

/** The state of one `Epoll` object. It is referenced, and so not collected, while the object watches a descriptor. */
export interface Instance {
  /** Calls the program's callback. */
  readonly dispatch: (fd: number, events: number) => void;
  /** The async context of that call; `undefined` if `dispatch` enters it. */
  readonly context: ContextBinding | undefined;
  /** The descriptors that the object watches. */
  readonly watches: Set<Watch>;
  /** Reports to async hooks that no call follows. */
  readonly end: () => void;
}

/** One descriptor that an `Epoll` object watches. */
export interface Watch extends Follower {
  readonly owner: Instance;
  readonly slot: number;
  readonly generation: number;
}

/** The error for `errno`, with the message that npm `epoll` gives it. */
function failure(errno: number, details: ErrorDetails): EdgepollError {
  const code = codeOf(errno);
  const text = texts[code] ?? errorText(errno);
  const error = new EdgepollError(code, text, { errno: -errno, ...details });
  // Its toString() is then that of the plain error of npm `epoll`.
  error.name = 'Error';
  return error;
}

function refused(errno: number, fd: number): EdgepollError {
  return failure(errno, { syscall: 'epoll_ctl', fd });
}

/** The watched descriptors of one thread. */
export class Watches {
  readonly #driver: Driver | undefined;
  /** Room for one event, and the control field behind it. */
  readonly #records = new Int32Array(FIELDS + 1);
  readonly #bySlot = new ByNumber<Watch>();
  readonly #byDescriptor = new ByNumber<Watch>();
  /** The descriptors of the native side. */
  #own: readonly number[] = [];
  #forgetOwn: () => void = () => {};
  #made: PollerBinding | undefined;
  /** With the driver `uv` the native side delivers in a native context, and polls again after the microtasks of the callback. */
  #isUv = false;

  constructor(driver: Driver | undefined) {
    this.#driver = driver;
  }

  /** Opens the epoll descriptor, unless it is open. Throws the kernel's error if no descriptor is left. */
  open(): void {
    if (this.#made !== undefined) return;
    const deliver = (count: number, moved: number): void => this.#deliver(count, moved !== 0);
    try {
      const driver = chooseDriver(this.#driver);
      this.#isUv = driver === 'uv';
      this.#made = new PollerBinding(driver, 'epoll', this.#records, deliver);
    } catch (error) {
      const errno = refusedNumber(error);
      if (errno === undefined) throw error;
      throw failure(errno, { syscall: 'epoll_create1' });
    }
    this.#keepOwnAgain();
  }

  /** Marks the native side's present descriptors as the package's own, and removes the mark from the earlier ones. */
  #keepOwnAgain(): void {
    this.#forgetOwn();
    this.#own = this.#native.descriptors;
    this.#forgetOwn = keepOwn(this.#own);
  }

  get #native(): PollerBinding {
    if (this.#made === undefined) throw new TypeError('open() comes first');
    return this.#made;
  }

  /** Opens an async context with the type `name`. With the driver `thread` there is none, because the host calls with a context of its own. */
  openContext(name: string): ContextBinding | undefined {
    return this.#isUv ? new ContextBinding(name) : undefined;
  }

  add(owner: Instance, fd: number, events: number): void {
    const { errno, slot, generation } = this.#register(fd, events);
    if (errno !== 0) throw refused(errno, fd);
    const old = this.#byDescriptor.get(fd);
    const watch: Watch = {
      fd,
      owner,
      slot,
      generation,
      follower: undefined,
      ended: () => this.#end(watch),
    };
    follow(watch);
    this.#bySlot.set(slot, watch);
    if (owner.context !== undefined) this.#native.deliverIn(slot, owner.context);
    if (this.#bySlot.size === 1) {
      this.#native.ref();
      this.#native.want();
    }
    if (old !== undefined) {
      // The old file was closed without a remove(), and the kernel has given its number to a new one.
      this.#native.unregister(old.slot, old.generation);
      this.#drop(old);
    }
    this.#byDescriptor.set(fd, watch);
    owner.watches.add(watch);
  }

  /** Registers a descriptor. A number that only the package itself uses is refused as closed. */
  #register(fd: number, events: number): Opened {
    if (this.#own.includes(fd))
      return { slot: 0, generation: 0, errno: EBADF, syscall: 'epoll_ctl' };
    const opened = this.#native.register(fd, events, NO_DUPLICATE);
    const state = this.#records[FIELDS] as number;
    if ((state & MOVED) !== 0) {
      this.#records[FIELDS] = state & ~MOVED;
      this.#keepOwnAgain();
    }
    return opened;
  }

  modify(fd: number, events: number): void {
    const watch = this.#byDescriptor.get(fd);
    if (watch === undefined) throw refused(this.#whyUnknown(fd), fd);
    const errno = this.#native.modify(watch.slot, watch.generation, events);
    if (errno !== 0) throw this.#refused(errno, fd);
  }

  remove(fd: number): void {
    const watch = this.#byDescriptor.get(fd);
    if (watch === undefined) throw refused(this.#whyUnknown(fd), fd);
    const errno = this.#native.unregister(watch.slot, watch.generation);
    this.#drop(watch);
    if (errno !== 0) throw this.#refused(errno, fd);
  }

  /** Ends the watch, because the object of `edgepoll/fd` that owns the descriptor is about to close or release it. */
  #end(watch: Watch): void {
    this.#native.unregister(watch.slot, watch.generation);
    this.#release(watch);
  }

  /** Removes all descriptors of `owner`, and then throws the first error, if there was one. */
  removeAll(owner: Instance): void {
    let error: unknown;
    for (const { fd } of owner.watches) {
      try {
        this.remove(fd);
      } catch (thrown) {
        error ??= thrown;
      }
    }
    if (error !== undefined) throw error;
  }

  /**
   * The error for a refusal of the native side. For a descriptor that the native side had found closed, it made no system call, so this
   * finds out which error the kernel has for the number now.
   */
  #refused(errno: number, fd: number): EdgepollError {
    const isLost = errno === REFUSED_CLOSED || errno === ENOENT;
    return refused(isLost ? this.#whyUnknown(fd) : errno, fd);
  }

  #drop(watch: Watch): void {
    this.#byDescriptor.delete(watch.fd);
    watch.owner.watches.delete(watch);
    this.#release(watch);
  }

  /** Ends the delivery of the watch's events. */
  #release(watch: Watch): void {
    unfollow(watch);
    // If the slot was released before, another watch may have it now.
    if (this.#bySlot.get(watch.slot) !== watch) return;
    this.#bySlot.delete(watch.slot);
    if (this.#bySlot.size > 0) return;
    this.#native.unwant();
    this.#native.unref();
  }

  /** The kernel's error number for a descriptor that is not watched. To find it out, this registers the descriptor for no events. */
  #whyUnknown(fd: number): number {
    const { errno, slot, generation } = this.#register(fd, NO_EVENTS);
    if (errno !== 0) return errno;
    this.#native.unregister(slot, generation);
    return ENOENT;
  }

  /** Lets the native side deliver the next event. Inside a delivery it reads the bit `WANTED` afterwards, which saves a call per event. */
  #want(): void {
    const state = this.#records[FIELDS] as number;
    if ((state & DELIVERING) === 0) this.#native.want();
    else this.#records[FIELDS] = state | WANTED;
  }

  #deliver(count: number, moved: boolean): void {
    try {
      if (moved) this.#keepOwnAgain();
      const records = this.#records;
      const watch = count === 0 ? undefined : this.#bySlot.get(records[0] as number);
      if (watch === undefined || watch.generation !== records[1]) return;
      const events = records[2] as number;
      // A record without events means that the descriptor was closed while it was watched. npm `epoll` does not report that, so programs
      // may close without a remove(). The number is kept, because a later remove() has to throw.
      if (events === NO_EVENTS) this.#release(watch);
      else watch.owner.dispatch(watch.fd, events);
    } catch (error) {
      // Thrown from here, an error would be an uncaught exception in Node.js only. In other runtimes the program would go on for a while.
      queueMicrotask(() => {
        throw error;
      });
    } finally {
      // The driver `uv` polls again only after the microtasks of the callback have run. The driver `thread` may poll earlier, so it has to
      // wait for a microtask.
      if (this.#isUv) this.#goOn();
      else void RESOLVED.then(this.#goOn);
    }
  }

  readonly #goOn = (): void => {
    if (this.#bySlot.size > 0) this.#want();
  };
}
