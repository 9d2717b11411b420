/**
 * One watched descriptor of a poller, and what the kernel's refusals of it mean.
 * It must never outlive its place: a number that was closed and opened anew is not this registration's any more.
 * Made by poller.ts alone.
 */
import type { PollerBinding } from '../internal/binding.js';
import type { Follower } from '../internal/closing.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import type { Engine, ModifyOptions, RegisterOptionsBase } from './interest.js';
import { showAs } from '../internal/inspect.js';
import { interestOf } from './interest.js';
import type { DescriptorOwner } from '../internal/validate.js';
import { typeError } from '../internal/validate.js';

/** What the poller knows of one registration. */
export interface Entry<T> extends Follower {
  registration: Registration<T> | undefined;
  fd: number;
  /** Whoever has the descriptor, so that its collection cannot close it while it is watched. */
  owner: DescriptorOwner | undefined;
  data: T;
  slot: number;
  generation: number;
  /** Bits that the consumer has not been told. */
  mask: number;
  isExclusive: boolean;
  /** In the poller's chain of those with something to tell, and who comes behind it there. */
  isListed: boolean;
  next: Entry<T> | undefined;
  state: 'active' | 'unregistered' | 'closed';
  /** Called when the descriptor's object was closed or released, after the registration has ended. */
  whenEnded: (() => void) | undefined;
}

const EPERM = 1;
const ENOENT = 2;
const EBADF = 9;
const ENOMEM = 12;
const EEXIST = 17;
const EINVAL = 22;
const ENOSPC = 28;
const ELOOP = 40;
/** Not the kernel's: see the glue's poller. */
const SET_SIZE = -1;
const CLOSED = -3;

/** The way out, where there is one. */
const ADVICE: Record<number, string> = {
  [ENOENT]: 'it was closed, and its number may be another file’s; register what is open now',
  [EBADF]: 'it was closed; register what is open now',
  [ENOMEM]: 'nothing was changed; try again',
  [EEXIST]: 'this poller watches it already; modify its registration, or register a duplicate',
  [EINVAL]: 'the kernel refuses this combination, or a poller that watches itself',
  [ENOSPC]: 'the limit of watches is reached; unregister some, or raise fs.epoll.max_user_watches',
  [ELOOP]: 'it is an epoll descriptor that would watch itself, or is nested more than 5 deep',
};

/** Of an addition: whether the number is open was asked just before. */
const PATH_ALONE =
  'it is a path alone (O_PATH), which gives no readiness, or was closed just now; register what was opened to be read or written';

/** The error for what a registration was refused for; `operation` is epoll_ctl(2)'s. */
export function refusal(errno: number, operation: 'ADD' | 'MOD', fd: number): EdgepollError {
  if (errno === CLOSED) return closedUnderUs(fd);
  const syscall = 'epoll_ctl';
  if (errno === SET_SIZE) {
    return new EdgepollError(
      'ERR_FD_SETSIZE',
      `fd ${fd} cannot be watched with select(2), whose sets end at 1023; use the engine 'poll' or 'epoll'`,
      { fd, syscall: 'select' },
    );
  }
  if (errno === EPERM) {
    const message =
      `fd ${fd} cannot be polled: it is a regular file, a directory or a device without readiness, ` +
      "which never makes a reader wait; read it directly, or use the engine 'poll', which calls it ready";
    return new EdgepollError('ERR_NOT_POLLABLE', message, { errno: -EPERM, syscall, fd });
  }
  const error = systemError(errno, { syscall, fd });
  const advice = errno === EBADF && operation === 'ADD' ? PATH_ALONE : ADVICE[errno];
  error.message = `EPOLL_CTL_${operation} ${error.message}${advice === undefined ? '' : `: ${advice}`}`;
  return error;
}

/** The error for a descriptor that its owner closed, or whose number is another file's by now. */
export function closedUnderUs(fd: number): EdgepollError {
  const message =
    `fd ${fd} was closed while it was watched; unregister before closing, or register with ` +
    '{ duplicate: true }';
  return new EdgepollError('ERR_DESCRIPTOR_CLOSED', message, { fd });
}

/** What other modules of the package may do with a registration's private fields. */
interface Access {
  makeRegistration: <T>(
    native: PollerBinding,
    engine: Engine,
    entry: Entry<T>,
    drop: () => void,
  ) => Registration<T>;
  whenEnded: <T>(registration: Registration<T>, tell: () => void) => void;
}

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: Access;

/** One watched descriptor of a poller. */
export class Registration<T> implements Disposable {
  readonly #native: PollerBinding;
  readonly #engine: Engine;
  readonly #entry: Entry<T>;
  readonly #drop: () => void;

  private constructor(native: PollerBinding, engine: Engine, entry: Entry<T>, drop: () => void) {
    this.#native = native;
    this.#engine = engine;
    this.#entry = entry;
    this.#drop = drop;
  }

  static {
    access = {
      makeRegistration: (native, engine, entry, drop) =>
        new Registration(native, engine, entry, drop),
      whenEnded: (registration, tell) => {
        registration.#entry.whenEnded = tell;
      },
    };
    showAs<Registration<unknown>>(Registration, (registration) => {
      if (!(#entry in registration)) return undefined;
      const { fd, state, data } = registration.#entry;
      return { fd, active: state === 'active', data };
    });
  }

  /** The descriptor that was registered. */
  get fd(): number {
    return this.#entry.fd;
  }

  /**
   * False after `unregister()`, after the descriptor was found closed, after its object of `edgepoll/fd` was closed or released, and
   * after the poller was closed.
   */
  get active(): boolean {
    return this.#entry.state === 'active';
  }

  /**
   * Changes what is watched for (EPOLL_CTL_MOD), and arms a oneshot again. The kernel looks anew: a condition that
   * holds is told again, at an edge trigger too; what was told before and not taken is dropped. What is left out of the options has its default, except `data`,
   * which stays.
   *
   * Throws `EBADF` or `ENOENT` when the descriptor was closed, `ENOMEM`, `ERR_DESCRIPTOR_CLOSED` once that was told,
   * `ERR_EXCLUSIVE` for an exclusive registration or for making one exclusive, `ERR_CLOSED` after `unregister()`, and
   * `TypeError` or `RangeError` for bad options, for what the engine does not take, or for `duplicate` and
   * `pollConsumes`, which are chosen at registration.
   */
  modify(options: ModifyOptions<T>): void {
    if ((options as ModifyOptions<T> | undefined) === undefined)
      throw typeError('options', 'an object', options);
    const interest = interestOf(options, this.#engine);
    for (const name of ['duplicate', 'pollConsumes'] as const) {
      const value = (options as RegisterOptionsBase)[name];
      if (value !== undefined)
        throw typeError(name, 'left out: it is chosen at registration', value);
    }
    // Before anything is changed: it may be a getter of the caller's.
    const { data } = options;
    this.#change(interest.isExclusive);
    const entry = this.#entry;
    const errno = this.#native.modify(entry.slot, entry.generation, interest.bits);
    if (errno !== 0) throw refusal(errno, 'MOD', entry.fd);
    entry.mask = 0;
    if (data !== undefined) entry.data = data;
  }

  /**
   * Arms a oneshot registration again, for what it was watched for (EPOLL_CTL_MOD). The kernel looks anew: a
   * condition that holds is told at once, and what was told before and not taken is dropped. Allowed with every
   * trigger. Throws as {@link Registration.modify}.
   */
  rearm(): void {
    this.#change(false);
    const entry = this.#entry;
    const errno = this.#native.rearm(entry.slot, entry.generation);
    if (errno !== 0) throw refusal(errno, 'MOD', entry.fd);
    entry.mask = 0;
  }

  #change(isExclusive: boolean): void {
    const { state, fd } = this.#entry;
    if (state === 'closed') throw closedUnderUs(fd);
    if (state !== 'active') {
      throw new EdgepollError('ERR_CLOSED', `fd ${fd} is not registered any more`, { fd });
    }
    if (this.#entry.isExclusive || isExclusive) {
      const message = `fd ${fd}: EPOLLEXCLUSIVE is for good and for new registrations alone (epoll_ctl(2)); unregister, and register again`;
      throw new EdgepollError('ERR_EXCLUSIVE', message, { fd });
    }
  }

  /** Watches no longer (EPOLL_CTL_DEL). Its pending event is dropped. Twice is allowed, and so is after a close. */
  unregister(): void {
    const entry = this.#entry;
    const { state } = entry;
    entry.state = 'unregistered';
    // Whoever ends a registration need not hear that its descriptor was closed.
    if (state === 'closed') entry.mask = 0;
    if (state !== 'active') return;
    // EBADF and ENOENT: the owner closed the descriptor first, and the kernel has forgotten it already.
    this.#native.unregister(entry.slot, entry.generation);
    this.#drop();
  }

  /** The same as {@link Registration.unregister}. */
  [Symbol.dispose](): void {
    this.unregister();
  }
}

/** Makes a registration: there is no public constructor. */
export const makeRegistration: Access['makeRegistration'] = access.makeRegistration;

/** Calls `tell` when the registration ends because its descriptor's object is closed or released. */
export const whenEnded: Access['whenEnded'] = access.whenEnded;
