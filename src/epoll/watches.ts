/**
 * The descriptors that the `Epoll` objects of a thread watch: one epoll descriptor for all of them, made with
 * the first object and kept.
 *
 * It must never look at a second event before the callback of the first has returned: that callback may have
 * drained, removed or closed what the second was about, and a read that follows a stale event blocks. Called by
 * epoll.ts.
 */
import type { Opened } from '../binding.js';
import { errorName, errorText, PollerBinding } from '../binding.js';
import type { Driver } from '../driver.js';
import { chooseDriver } from '../driver.js';
import { EdgepollError } from '../errors.js';
import { keepOwn } from '../validate.js';

/** strerror(3)'s words for what epoll_ctl(2) gives, as users of the original compare them. */
const texts: Record<string, string> = {
  EBADF: 'Bad file descriptor',
  EEXIST: 'File exists',
  EINVAL: 'Invalid argument',
  ELOOP: 'Too many levels of symbolic links',
  ENOENT: 'No such file or directory',
  ENOMEM: 'Cannot allocate memory',
  ENOSPC: 'No space left on device',
  EPERM: 'Operation not permitted',
};

const ENOENT = 2;
const EBADF = 9;
const NOTHING = 0;
const FIELDS = 3;

/** Who has descriptors watched; held, and so not collected, while one is. */
export interface Owner {
  readonly tell: (fd: number, events: number) => void;
  /** What it has watched; kept here, not by the owner. */
  readonly descriptors: Set<number>;
}

interface Watch {
  readonly fd: number;
  readonly owner: Owner;
  readonly slot: number;
  readonly generation: number;
}

function failure(errno: number, fd: number): EdgepollError {
  const code = errorName(errno);
  const error = new EdgepollError(code, texts[code] ?? errorText(errno), {
    errno: -errno,
    syscall: 'epoll_ctl',
    fd,
  });
  // As text it reads like the plain error of the original.
  error.name = 'Error';
  return error;
}

/** What one thread watches. */
export class Watches {
  readonly #driver: Driver | undefined;
  /** Room for one event: see above. */
  readonly #records = new Int32Array(FIELDS);
  readonly #bySlot = new Map<number, Watch>();
  readonly #byDescriptor = new Map<number, Watch>();
  #own: readonly number[] = [];
  #made: PollerBinding | undefined;

  constructor(driver: Driver | undefined) {
    this.#driver = driver;
  }

  /** Opens the epoll descriptor, unless it is open. Throws what the kernel says when there is no descriptor left. */
  open(): void {
    if (this.#made !== undefined) return;
    const deliver = (count: number): void => this.#deliver(count);
    this.#made = new PollerBinding(chooseDriver(this.#driver), this.#records, deliver);
    this.#own = this.#made.descriptors;
    keepOwn(this.#own);
  }

  get #native(): PollerBinding {
    if (this.#made === undefined) throw new TypeError('open() comes first');
    return this.#made;
  }

  add(owner: Owner, fd: number, events: number): void {
    const { slot, generation } = this.#register(fd, events);
    const watch: Watch = { fd, owner, slot, generation };
    owner.descriptors.add(fd);
    this.#bySlot.set(slot, watch);
    this.#byDescriptor.set(fd, watch);
    if (this.#bySlot.size > 1) return;
    this.#native.ref();
    this.#native.want();
  }

  #register(fd: number, events: number): Opened {
    const added = this.#try(fd, events);
    if (added.errno !== 0) throw failure(added.errno, fd);
    const old = this.#byDescriptor.get(fd);
    if (old === undefined) return added;
    // The number came back: the old file was closed without a remove(). The kernel knows one registration by this
    // number, the new one, so to end the old one here would end it too: it is made again afterwards.
    this.#native.unregister(added.slot, added.generation);
    this.#native.unregister(old.slot, old.generation);
    this.#drop(old);
    const again = this.#native.register(fd, events);
    if (again.errno !== 0) throw failure(again.errno, fd);
    return again;
  }

  /** To the user, a number under which only this package has something open is closed. */
  #try(fd: number, events: number): Opened {
    if (this.#own.includes(fd))
      return { slot: 0, generation: 0, errno: EBADF, syscall: 'epoll_ctl' };
    return this.#native.register(fd, events);
  }

  modify(fd: number, events: number): void {
    const watch = this.#byDescriptor.get(fd);
    if (watch === undefined) throw failure(this.#whyUnknown(fd), fd);
    const errno = this.#native.modify(watch.slot, watch.generation, events);
    if (errno !== 0) throw failure(errno, fd);
  }

  remove(fd: number): void {
    const watch = this.#byDescriptor.get(fd);
    if (watch === undefined) throw failure(this.#whyUnknown(fd), fd);
    const errno = this.#native.unregister(watch.slot, watch.generation);
    this.#drop(watch);
    if (errno !== 0) throw failure(errno, fd);
  }

  /** Removes all that `owner` watches, then throws the first error that there was. */
  removeAll(owner: Owner): void {
    let error: unknown;
    for (const fd of owner.descriptors) {
      try {
        this.remove(fd);
      } catch (thrown) {
        error ??= thrown;
      }
    }
    if (error !== undefined) throw error;
  }

  #drop(watch: Watch): void {
    this.#bySlot.delete(watch.slot);
    this.#byDescriptor.delete(watch.fd);
    watch.owner.descriptors.delete(watch.fd);
    if (this.#bySlot.size > 0) return;
    this.#native.unwant();
    this.#native.unref();
  }

  /** The error number that the kernel has for a descriptor which nobody watches: it is asked by watching it. */
  #whyUnknown(fd: number): number {
    const { errno, slot, generation } = this.#try(fd, NOTHING);
    if (errno !== 0) return errno;
    this.#native.unregister(slot, generation);
    return ENOENT;
  }

  #deliver(count: number): void {
    try {
      const [slot, generation, events] = this.#records;
      const watch = count === 0 ? undefined : this.#bySlot.get(slot as number);
      if (watch === undefined || watch.generation !== generation) return;
      // Without events it says that the descriptor was closed under us. The original is silent then, and programs
      // that close without a remove() go on.
      if (events === NOTHING) this.#drop(watch);
      else watch.owner.tell(watch.fd, events as number);
    } finally {
      if (this.#bySlot.size > 0) this.#native.want();
    }
  }
}
