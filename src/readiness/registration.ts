/** The class of a registration: one watched descriptor of a poller. */
import type { PollerBinding } from '../internal/binding.js';
import { EdgepollError } from '../internal/errors.js';
import { showAs } from '../internal/inspect.js';
import { typeError } from '../internal/validate.js';
import type { Entry } from './entry.js';
import type { Engine, ModifyOptions, RegisterOptionsBase } from './interest.js';
import { interestOf } from './interest.js';
import { closedWhileWatched, refusal } from './registration-errors.js';

/** What other modules of the package may do with a registration's private fields. */
interface Access {
  makeRegistration: <T>(
    native: PollerBinding,
    engine: Engine,
    entry: Entry<T>,
    drop: () => void,
  ) => Registration<T>;
  whenEnded: <T>(registration: Registration<T>, listener: () => void) => void;
}

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: Access;

/** A registration of a poller: one watched descriptor. {@link Poller.register} returns it. */
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
      whenEnded: (registration, listener) => {
        registration.#entry.whenEnded = listener;
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
   * Whether the descriptor is still watched. False after `unregister()`, after the poller was closed, after the object of
   * `edgepoll/fd` that owns the descriptor was closed or released, and after the poller found that the descriptor was closed.
   */
  get active(): boolean {
    return this.#entry.state === 'active';
  }

  /**
   * Changes the conditions and the trigger (EPOLL_CTL_MOD, epoll_ctl(2)). Options that are left out get their defaults, except
   * `data`, which stays the same. A oneshot registration is armed again. A pending event is dropped. The kernel then reports
   * every condition that holds, with edge triggers as well.
   *
   * Throws `EBADF` or `ENOENT` if the descriptor was closed, and `ERR_DESCRIPTOR_CLOSED` if the poller has already found that; `ENOMEM`;
   * `ERR_EXCLUSIVE` if the registration is exclusive or the options make it so; `ERR_CLOSED` after `unregister()`; `TypeError` or
   * `RangeError` for bad options, for options that the engine does not support, and for `duplicate` and `pollConsumes`, which only
   * `register()` takes.
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
    // Read before anything changes, because it may be a getter that throws.
    const { data } = options;
    this.#mustBeChangeable(interest.isExclusive);
    const entry = this.#entry;
    const errno = this.#native.modify(entry.slot, entry.generation, interest.bits);
    if (errno !== 0) throw refusal(errno, 'MOD', entry.fd);
    entry.mask = 0;
    if (data !== undefined) entry.data = data;
  }

  /**
   * Arms a oneshot registration again, for the same conditions (EPOLL_CTL_MOD, epoll_ctl(2)). With other triggers it is allowed
   * too. A pending event is dropped. The kernel then reports every condition that holds. Throws as {@link Registration.modify}.
   */
  rearm(): void {
    this.#mustBeChangeable(false);
    const entry = this.#entry;
    const errno = this.#native.rearm(entry.slot, entry.generation);
    if (errno !== 0) throw refusal(errno, 'MOD', entry.fd);
    entry.mask = 0;
  }

  /** Throws if the registration cannot be changed. */
  #mustBeChangeable(isExclusive: boolean): void {
    const { state, fd } = this.#entry;
    if (state === 'closed') throw closedWhileWatched(fd);
    if (state !== 'active') {
      throw new EdgepollError('ERR_CLOSED', `fd ${fd} is not registered any more`, { fd });
    }
    if (this.#entry.isExclusive || isExclusive) {
      const message = `fd ${fd}: EPOLLEXCLUSIVE is for good and for new registrations alone (epoll_ctl(2)); unregister, and register again`;
      throw new EdgepollError('ERR_EXCLUSIVE', message, { fd });
    }
  }

  /**
   * Ends the registration (EPOLL_CTL_DEL, epoll_ctl(2)). A pending event is dropped. Does nothing if the registration has ended
   * already or the descriptor was closed.
   */
  unregister(): void {
    const entry = this.#entry;
    const { state } = entry;
    entry.state = 'unregistered';
    // Drops a pending ERR_DESCRIPTOR_CLOSED, too: the caller no longer needs it.
    if (state === 'closed') entry.mask = 0;
    if (state !== 'active') return;
    // The result is ignored. EBADF and ENOENT mean that the descriptor was closed first, which ended the kernel's registration.
    this.#native.unregister(entry.slot, entry.generation);
    this.#drop();
  }

  /** As {@link Registration.unregister}. */
  [Symbol.dispose](): void {
    this.unregister();
  }
}

/** Makes a registration: there is no public constructor. */
export const makeRegistration: Access['makeRegistration'] = access.makeRegistration;

/** Calls `listener` when the registration ends because its descriptor's object is closed or released. */
export const whenEnded: Access['whenEnded'] = access.whenEnded;
