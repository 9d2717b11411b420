/** The public class of a poller: it registers descriptors, and gives their readiness by an async iterator or in batches. */
import { follow, unfollow } from '../internal/closing.js';
import { EdgepollError } from '../internal/errors.js';
import { showAs } from '../internal/inspect.js';
import { iteratorsOver } from '../internal/iterator.js';
import { optionsObject } from '../internal/option-names.js';
import type { DescriptorOwner } from '../internal/validate.js';
import {
  abortReason,
  descriptorOf,
  keepOwn,
  milliseconds,
  optionalBoolean,
  optionalSignal,
  throwIfAborted,
} from '../internal/validate.js';
import { Delivery } from './delivery.js';
import type { Entry } from './entry.js';
import type { Engine, GivenOptions, RegisterArguments } from './interest.js';
import { interestOf } from './interest.js';
import type { PollerOptions, PollerStats, PollOptions } from './poller-options.js';
import { POLL_OPTIONS, pollerConfig, statsOf } from './poller-options.js';
import type { ReadinessEvent } from './readiness-event.js';
import { refusal } from './registration-errors.js';
import type { Registration } from './registration.js';
import { makeRegistration } from './registration.js';

const iterate = iteratorsOver<Delivery<unknown>, ReadinessEvent<unknown>>(
  (delivery) => delivery.next(),
  (delivery) => delivery.closePoller(),
) as unknown as <T>(
  delivery: Delivery<T>,
) => AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined>;

/**
 * Watches descriptors: sockets, pipes, ttys, eventfds, timerfds, signalfds, inotify, devices, and whatever else epoll takes.
 * It does not read, write or close what it watches, and does not change its flags.
 *
 * **An object of `edgepoll/fd`**: closing it in this thread ends its registrations with every poller, before the number is free.
 * Then `active` is false, a pending event is dropped, and there is no error. `release()` does the same for registrations of the
 * object; registrations of its plain number go on. A batch that the program already has keeps its events: check
 * `registration.active` if the handling of an earlier event may have closed a later one's descriptor. A poller whose last
 * registration has ended goes on waiting for later registrations, but does not keep the process alive.
 *
 * **Any other descriptor** that is closed while it is watched causes an error: the next event or batch is a rejection with
 * `ERR_DESCRIPTOR_CLOSED` and the `fd`. Its registration ends, and the poller goes on. The poller finds the close while a consumer
 * waits, or in one of many calls of `poll({ timeout: 0 })`; within a second at the latest. With up to 64 registrations it finds a
 * close in this thread after some ten milliseconds: with the driver `uv` at any time; with the driver `thread` if the close came
 * before the wait, or if events come. Events of a new file with the same number are never reported for the old registration. If
 * the closed file is still open as a duplicate or in another process, its events may be reported for ten milliseconds. After
 * that the poller checks the first 64 events of each batch for it.
 *
 * A poller is never garbage-collected: its own descriptors, and the objects that it watches, are held until `close()`, `using`,
 * its signal, or the end of its loop.
 *
 * @example
 * const poller = new Poller();
 * poller.register(fd);
 * for await (const event of poller) readSync(event.fd, buffer);
 */
export class Poller<T = undefined>
  implements AsyncIterable<ReadinessEvent<T>, undefined>, Disposable, AsyncDisposable
{
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined;
  readonly #delivery: Delivery<T>;
  #size = 0;
  /** Removes the mark that {@link keepOwn} has set on the poller's own descriptors. */
  #forgetOwn: () => void;
  #finalStats: PollerStats | undefined;

  static {
    showAs<Poller<unknown>>(Poller, (poller) => {
      if (!(#delivery in poller)) return undefined;
      const { isOpen, size } = poller;
      return { engine: poller.#engine, isOpen, size, refed: poller.#delivery.isRefed };
    });
  }

  /**
   * Opens the poller's own descriptors. It watches nothing yet.
   *
   * Throws `EMFILE` or `ENFILE` if no descriptor is left, `ERR_FD_SETSIZE` if the engine `select` gets one above 1,023, `TypeError`
   * and `RangeError` for bad options, and the signal's reason if it has already aborted.
   */
  constructor(options: PollerOptions = {}) {
    const { engine, signal, ...rest } = pollerConfig(options);
    this.#engine = engine;
    this.#signal = signal;
    throwIfAborted(signal);
    this.#delivery = new Delivery<T>(
      { engine, ...rest },
      {
        drop: (entry) => this.#drop(entry),
        descriptorsChanged: () => this.#keepOwnAgain(),
        close: () => this.close(),
      },
    );
    this.#forgetOwn = keepOwn(this.#delivery.native.descriptors);
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** False after `close()`, after its signal has aborted, and after its loop was left. */
  get isOpen(): boolean {
    return !this.#delivery.isClosed;
  }

  /** The number of registrations. */
  get size(): number {
    return this.#size;
  }

  /** The poller's counters. After a close they stay as they were. */
  stats(): PollerStats {
    if (this.#finalStats !== undefined) return { ...this.#finalStats };
    return statsOf(this.#delivery.native.counters(), this.#delivery.batches);
  }

  /**
   * Watches a descriptor (EPOLL_CTL_ADD, epoll_ctl(2)). `fd` is its number, or an object that has it as `fd`: a `FileHandle`, an
   * `OwnedFd`, a tty stream. The poller holds the object, so that garbage collection cannot close the descriptor.
   *
   * Throws `ERR_NOT_POLLABLE` for a regular file with the engine `epoll`; `EEXIST` if this poller watches the descriptor already;
   * `ENOSPC` at the user's limit of watches; `ELOOP` for epoll descriptors that watch each other in a circle; `ERR_FD_SETSIZE` for a
   * number above 1,023 with the engine `select`; `EMFILE` if no descriptor is left for the duplicate; `EMFILE` or `EAGAIN` if
   * no descriptor or thread is left for a file that needs them (see `pollConsumes`); `ERR_CLOSED` if the poller is closed;
   * `TypeError` or `RangeError` for a number that is not open, and for options that the kernel or the engine does not support
   * together. After an error nothing is registered.
   */
  register(fd: number | DescriptorOwner, ...options: RegisterArguments<T>): Registration<T>;
  register(fd: number | DescriptorOwner, options: GivenOptions<T> = {}): Registration<T> {
    const interest = interestOf(options, this.#engine);
    const duplicate = optionalBoolean('duplicate', options.duplicate, false);
    // Read before anything is registered, because it may be a getter that throws or closes this poller.
    const data = options.data as T;
    const number = descriptorOf(fd);
    const delivery = this.#delivery;
    if (delivery.isClosed) throw new EdgepollError('ERR_CLOSED', 'the poller is closed');
    const { native } = delivery;
    const added = native.register(number, interest.bits, duplicate);
    if (delivery.takeMoved()) this.#keepOwnAgain();
    if (added.errno !== 0) throw refusal(added.errno, 'ADD', number);
    const entry: Entry<T> = {
      registration: undefined,
      fd: number,
      owner: typeof fd === 'object' ? fd : undefined,
      data,
      slot: added.slot,
      generation: added.generation,
      mask: 0,
      isExclusive: interest.isExclusive,
      isListed: false,
      next: undefined,
      state: 'active',
      whenEnded: undefined,
      follower: undefined,
      ended: () => this.#end(entry),
    };
    const drop = (): void => this.#drop(entry);
    const registration = makeRegistration<T>(native, this.#engine, entry, drop);
    entry.registration = registration;
    delivery.entries[entry.slot] = entry;
    // A duplicate stays open when the original is closed.
    if (!duplicate) follow(entry);
    this.#size += 1;
    if (this.#size === 1 && delivery.isRefed) native.ref();
    return registration;
  }

  /** Removes the entry, whose slot the native side has freed. */
  #drop(entry: Entry<T>): void {
    const { entries, isRefed, isClosed, native } = this.#delivery;
    if (entries[entry.slot] === entry) entries[entry.slot] = undefined;
    unfollow(entry);
    entry.owner = undefined;
    if (entry.state !== 'closed') entry.mask = 0;
    this.#size -= 1;
    if (this.#size === 0 && isRefed && !isClosed) native.unref();
  }

  /** Ends the registration, because the object that owns the descriptor is about to be closed or released. */
  #end(entry: Entry<T>): void {
    if (this.#delivery.native.unregister(entry.slot, entry.generation) === 0) {
      entry.state = 'unregistered';
      this.#drop(entry);
      entry.whenEnded?.();
      return;
    }
    // Other code had closed the number, and the kernel has given it to another file. The consumer gets ERR_DESCRIPTOR_CLOSED.
    this.#delivery.lose(entry);
    this.#delivery.settleWaits();
  }

  /** Marks the poller's present descriptors as the package's own, and removes the mark from the earlier ones. */
  #keepOwnAgain(): void {
    this.#forgetOwn();
    this.#forgetOwn = keepOwn(this.#delivery.native.descriptors);
  }

  /**
   * Resolves to a batch of events, at most `maxEvents`: the pending ones; otherwise those that are ready within `timeout`;
   * otherwise none.
   *
   * Rejects with `ERR_DESCRIPTOR_CLOSED` for a descriptor that was closed while it was watched, with `ERR_CLOSED` if the poller is or
   * becomes closed, with the kernel's error, and with the reason of either signal. Throws `TypeError` or `RangeError` for bad options.
   */
  poll(options: PollOptions = {}): Promise<ReadinessEvent<T>[]> {
    optionsObject('options', options, POLL_OPTIONS);
    const timeout = milliseconds('timeout', options.timeout);
    const signal = optionalSignal('signal', options.signal);
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    return this.#delivery.poll(timeout, signal);
  }

  /**
   * Iterates the events until the poller is closed. Leaving the loop early closes the poller. A rejection with
   * `ERR_DESCRIPTOR_CLOSED` leaves the loop, too, but does not close the poller: another loop may go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined> {
    return iterate(this.#delivery);
  }

  /** Ends all registrations and closes the poller's own descriptors. The watched descriptors stay open. A second call does nothing. */
  close(): void {
    this.#close(undefined);
  }

  #close(error: unknown): void {
    if (this.#delivery.isClosed) return;
    this.#finalStats = this.stats();
    this.#forgetOwn();
    this.#delivery.close(error);
    this.#signal?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#close(abortReason(this.#signal));
  };

  /** As {@link Poller.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** As {@link Poller.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  /** Keeps the process alive while there is a registration, or a `poll()` with a timeout waits. This is the default. */
  ref(): this {
    const delivery = this.#delivery;
    if (!delivery.isRefed && this.#size > 0 && !delivery.isClosed) delivery.native.ref();
    delivery.isRefed = true;
    return this;
  }

  /** Lets the process end although there are registrations or waits. */
  unref(): this {
    const delivery = this.#delivery;
    if (delivery.isRefed && this.#size > 0 && !delivery.isClosed) delivery.native.unref();
    delivery.isRefed = false;
    return this;
  }
}
