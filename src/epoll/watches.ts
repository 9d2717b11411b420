/**
 * The descriptors that the `Epoll` objects of a thread watch: one epoll descriptor for all of them, made with
 * the first object and kept.
 *
 * It must never look at a second event before the callback of the first has returned: that callback may have
 * drained, removed or closed what the second was about, and a read that follows a stale event blocks. Called by
 * epoll.ts.
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

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { DELIVERING, READINESS_FIELDS: FIELDS, MOVED, WANTED } = layout;

/** No module has it. As it was at the import: whoever replaces the global one later must not stop ours. */
const { queueMicrotask } = globalThis;

/** strerror(3)'s words for what epoll(7)'s calls give, as users of the original compare them. */
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
const NOTHING = 0;
const UNDUPLICATED = false;
const DONE = Promise.resolve();
/** The glue's answer for a descriptor that was closed, when it knows before the kernel is asked. */
const CLOSED = -3;

/** Who has descriptors watched; held, and so not collected, while one is. */
export interface Owner {
  readonly tell: (fd: number, events: number) => void;
  /** Whose work that is; undefined when `tell` sees to it. */
  readonly context: ContextBinding | undefined;
  /** What it has watched; kept here, not by the owner. */
  readonly watches: Set<Watch>;
  /** Tells async hooks that no call follows. */
  readonly end: () => void;
}

/** One descriptor of one owner. */
export interface Watch extends Follower {
  readonly owner: Owner;
  readonly slot: number;
  readonly generation: number;
}

function failure(errno: number, details: ErrorDetails): EdgepollError {
  const code = codeOf(errno);
  const text = texts[code] ?? errorText(errno);
  const error = new EdgepollError(code, text, { errno: -errno, ...details });
  // As text it reads like the plain error of the original.
  error.name = 'Error';
  return error;
}

function refused(errno: number, fd: number): EdgepollError {
  return failure(errno, { syscall: 'epoll_ctl', fd });
}

/** What one thread watches. */
export class Watches {
  readonly #driver: Driver | undefined;
  /** Room for one event: see above. */
  readonly #records = new Int32Array(FIELDS + 1);
  readonly #bySlot = new ByNumber<Watch>();
  readonly #byDescriptor = new ByNumber<Watch>();
  #own: readonly number[] = [];
  #forgetOwn: () => void = () => {};
  #made: PollerBinding | undefined;
  /** libuv calls: from a bare stack, in a context of the glue's, which looks again after the microtasks. */
  #isUv = false;

  constructor(driver: Driver | undefined) {
    this.#driver = driver;
  }

  /** Opens the epoll descriptor, unless it is open. Throws what the kernel says when there is none left. */
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
    this.#learnOwn();
  }

  #learnOwn(): void {
    this.#forgetOwn();
    this.#own = this.#native.descriptors;
    this.#forgetOwn = keepOwn(this.#own);
  }

  get #native(): PollerBinding {
    if (this.#made === undefined) throw new TypeError('open() comes first');
    return this.#made;
  }

  /** A context that async hooks know by `name`, begun here; undefined where the glue calls from inside the host's own work. */
  openContext(name: string): ContextBinding | undefined {
    return this.#isUv ? new ContextBinding(name) : undefined;
  }

  add(owner: Owner, fd: number, events: number): void {
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
      // The number came back: the old file was closed without a remove().
      this.#native.unregister(old.slot, old.generation);
      this.#drop(old);
    }
    this.#byDescriptor.set(fd, watch);
    owner.watches.add(watch);
  }

  /** To the user, a number under which only this package has something open is closed. */
  #register(fd: number, events: number): Opened {
    if (this.#own.includes(fd))
      return { slot: 0, generation: 0, errno: EBADF, syscall: 'epoll_ctl' };
    const opened = this.#native.register(fd, events, UNDUPLICATED);
    const state = this.#records[FIELDS] as number;
    if ((state & MOVED) !== 0) {
      this.#records[FIELDS] = state & ~MOVED;
      this.#learnOwn();
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

  /** Called when the object of `edgepoll/fd` that owns the descriptor is about to close or release it. */
  #end(watch: Watch): void {
    this.#native.unregister(watch.slot, watch.generation);
    this.#release(watch);
  }

  /** Removes all that `owner` watches, then throws the first error that there was. */
  removeAll(owner: Owner): void {
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

  /** The glue, which knows what was closed, has not asked the kernel then. */
  #refused(errno: number, fd: number): EdgepollError {
    const isLost = errno === CLOSED || errno === ENOENT;
    return refused(isLost ? this.#whyUnknown(fd) : errno, fd);
  }

  #drop(watch: Watch): void {
    this.#byDescriptor.delete(watch.fd);
    watch.owner.watches.delete(watch);
    this.#release(watch);
  }

  /** Nothing will be told of it any more. */
  #release(watch: Watch): void {
    unfollow(watch);
    // A slot that was released before is somebody else's by now.
    if (this.#bySlot.get(watch.slot) !== watch) return;
    this.#bySlot.delete(watch.slot);
    if (this.#bySlot.size > 0) return;
    this.#native.unwant();
    this.#native.unref();
  }

  /** The error number that the kernel has for a descriptor which nobody watches: it is asked by watching it. */
  #whyUnknown(fd: number): number {
    const { errno, slot, generation } = this.#register(fd, NOTHING);
    if (errno !== 0) return errno;
    this.#native.unregister(slot, generation);
    return ENOENT;
  }

  /** Inside a delivery the glue looks for this by itself, which spares a call per event. */
  #want(): void {
    const state = this.#records[FIELDS] as number;
    if ((state & DELIVERING) === 0) this.#native.want();
    else this.#records[FIELDS] = state | WANTED;
  }

  #deliver(count: number, moved: boolean): void {
    try {
      if (moved) this.#learnOwn();
      const records = this.#records;
      const watch = count === 0 ? undefined : this.#bySlot.get(records[0] as number);
      if (watch === undefined || watch.generation !== records[1]) return;
      const events = records[2] as number;
      // Without events it says that the descriptor was closed under us. The original is silent then, and programs
      // that close without a remove() go on; those that remove it later are told then, so its number is kept.
      if (events === NOTHING) this.#release(watch);
      else watch.owner.tell(watch.fd, events);
    } catch (error) {
      // Thrown through the glue it would be an uncaught exception in Node.js alone: others go on for a while.
      queueMicrotask(() => {
        throw error;
      });
    } finally {
      // libuv's driver looks again when what the callback left in the queues has run; others may look before.
      if (this.#isUv) this.#goOn();
      else void DONE.then(this.#goOn);
    }
  }

  readonly #goOn = (): void => {
    if (this.#bySlot.size > 0) this.#want();
  };
}
