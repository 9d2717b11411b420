/**
 * Readiness of any descriptor, as an async iterator and in batches.
 *
 * It must never read, write, close or re-flag what it watches, and never hold more than one pending event per
 * registration.
 */
import { PollerBinding } from '../internal/binding.js';
import { follow, unfollow } from '../internal/closing.js';
import { EdgepollError, lookNative, openNative } from '../internal/errors.js';
import { everySecond, forget } from './every-second.js';
import type { Engine, GivenOptions, RegisterArguments } from './interest.js';
import { showAs } from '../internal/inspect.js';
import { interestOf } from './interest.js';
import { iteratorsOver } from '../internal/iterator.js';
import { optionsObject } from '../internal/option-names.js';
import { POLL_OPTIONS, pollerConfig, statsOf } from './poller-options.js';
import type { PollerOptions, PollerStats, PollOptions } from './poller-options.js';
import type { ReadinessEvent } from './readiness-event.js';
import * as told from './readiness-event.js';
import * as layout from '../internal/layout.js';
import type { Entry, Registration } from './registration.js';
import { closedUnderUs, makeRegistration, refusal } from './registration.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { Waited, Waiter } from './waiter.js';
import { nothing, waitForBatch } from './waiter.js';
import {
  abortReason,
  descriptorOf,
  keepOwn,
  milliseconds,
  optionalBoolean,
  optionalSignal,
  throwIfAborted,
} from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { DELIVERING, READINESS_FIELDS: FIELDS, LOOK, LOST, MOVED, WANTED } = layout;
const { eventOf } = told;

/** Looks that found something, of one who never waits, until one asks after a registration. */
const BATCHES_PER_CHECK = 64;

/** The iterator of a poller. */
let iterate: <T>(
  poller: Poller<T>,
) => AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined>;

/**
 * Watches descriptors: sockets, pipes, ttys, eventfds, timerfds, signalfds, inotify, devices — whatever epoll takes.
 * The descriptors stay their owners': they are not read, written, re-flagged or closed.
 *
 * **Closing a watched object of `edgepoll/fd`** in this thread ends its registrations with every poller, before the number is
 * free: `active` becomes false, a pending event is dropped, and there is no error. `release()` does the same for registrations of
 * the object; registrations of its plain number go on. A batch that the program already has keeps its events: check
 * `registration.active` if the handling of an earlier event may have closed a later one's descriptor. A poller whose last
 * registration has ended goes on waiting for later registrations, but does not keep the process alive.
 *
 * **Any other descriptor** that is closed while it is watched causes an error: the next event or batch is a rejection with
 * `ERR_DESCRIPTOR_CLOSED` and the `fd`, its registration ends, and the poller goes on. The poller finds the close while a consumer
 * waits, or in one of many calls of `poll({ timeout: 0 })`; within a second at the latest. With up to 64 registrations it finds a
 * close in this thread after some ten milliseconds: with the driver `uv` at any time; with the driver `thread` if the close came
 * before the wait, or if events come. Events of a new file with the same number are never reported for the old registration. If
 * the closed file is still open as a duplicate or in another process, its events may be reported for ten milliseconds. After
 * that the poller checks the first 64 events of each batch for it.
 *
 * A poller is never collected as garbage: its own descriptors, and the objects that it watches, are held until `close()`,
 * `using`, its signal, or the end of its loop.
 *
 * @example
 * const poller = new Poller();
 * poller.register(fd);
 * for await (const event of poller) readSync(event.fd, buffer);
 */
export class Poller<T = undefined>
  implements AsyncIterable<ReadinessEvent<T>, undefined>, Disposable, AsyncDisposable
{
  readonly #native: PollerBinding;
  readonly #engine: Engine;
  readonly #maxEvents: number;
  readonly #records: Int32Array;
  /** Where the control field stands in the records. */
  readonly #control: number;
  readonly #fill: () => number;
  /** By slot. */
  readonly #entries: (Entry<T> | undefined)[] = [];
  readonly #signal: AbortSignal | undefined;
  #size = 0;
  #forgetOwn: () => void;
  /** Entries with something to tell, each once: a chain by `next`, because the ends of an array cost more. */
  #first: Entry<T> | undefined;
  #last: Entry<T> | undefined;
  #waiters: Waiter<T>[] = [];
  /** The functions of this poller that a wait for a batch needs. */
  readonly #waited: Waited<T> = {
    isRefed: () => this.#refed,
    join: (waiter) => {
      this.#want();
      this.#waiters.push(waiter);
    },
    leave: (waiter) => this.#leave(waiter),
    giveUp: (waiter) => this.#giveUp(waiter),
  };
  /** {@link Poller.#check} is asked once a second. */
  #isAsked = false;
  /** Whether a consumer has waited since the last check. */
  #askedSince = false;
  #batches = 0;
  #finalStats: PollerStats | undefined;
  #closed = false;
  #refed = true;
  #error: unknown;

  static {
    iterate = iteratorsOver<Poller<unknown>, ReadinessEvent<unknown>>(
      (poller) => poller.#next(),
      (poller) => poller.close(),
    ) as unknown as typeof iterate;
    showAs<Poller<unknown>>(Poller, (poller) => {
      if (!(#closed in poller)) return undefined;
      const { isOpen, size } = poller;
      return { engine: poller.#engine, isOpen, size, refed: poller.#refed };
    });
  }

  /**
   * Throws `EMFILE` or `ENFILE` when no descriptor is left for it, `ERR_FD_SETSIZE` when its own do not fit into a set of the
   * engine select, `TypeError` and `RangeError` for bad options, the
   * signal's reason when it is aborted already.
   */
  constructor(options: PollerOptions = {}) {
    const { engine, maxEvents, signal, driver } = pollerConfig(options);
    this.#engine = engine;
    this.#maxEvents = maxEvents;
    this.#signal = signal;
    throwIfAborted(signal);
    this.#control = maxEvents * FIELDS;
    this.#records = new Int32Array(this.#control + 1);
    this.#native = openNative(
      () =>
        new PollerBinding(driver, engine, this.#records, (count, moved) => {
          if (moved !== 0) this.#learnOwn();
          this.#deliver(count);
        }),
    );
    this.#fill = this.#native.looker();
    this.#forgetOwn = keepOwn(this.#native.descriptors);
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** False after `close()`, after its signal's abort, and once its loop was left. */
  get isOpen(): boolean {
    return !this.#closed;
  }

  /** Descriptors watched. */
  get size(): number {
    return this.#size;
  }

  /** Counters. */
  stats(): PollerStats {
    if (this.#finalStats !== undefined) return { ...this.#finalStats };
    return statsOf(this.#native.counters(), this.#batches);
  }

  /**
   * Watches a descriptor (EPOLL_CTL_ADD), given by its number or by an object that has it as `fd` (a `FileHandle`, an
   * `OwnedFd`, a tty stream): the object is then held, so that its collection cannot close the descriptor.
   *
   * Throws `ERR_NOT_POLLABLE` for a regular file with the engine epoll, `EEXIST` when this poller watches it already,
   * `ENOSPC` when the user's limit of watches is reached, `ELOOP` for epoll descriptors in a circle, `ERR_FD_SETSIZE`
   * for a number above 1,023 with the engine select, `EMFILE` when no duplicate can be had, `EMFILE` or `EAGAIN` when
   * there is no descriptor or thread left for a file that needs them (see `pollConsumes`), `ERR_CLOSED` when the
   * poller is closed; `TypeError` or `RangeError` for what is not an open descriptor, and for a combination of options
   * that the kernel or the engine does not take. After an error nothing is registered.
   */
  register(fd: number | DescriptorOwner, ...options: RegisterArguments<T>): Registration<T>;
  register(fd: number | DescriptorOwner, options: GivenOptions<T> = {}): Registration<T> {
    const interest = interestOf(options, this.#engine);
    const duplicate = optionalBoolean('duplicate', options.duplicate, false);
    // Like the rest before anything is registered: it may be a getter, which throws or closes this poller.
    const data = options.data as T;
    const number = descriptorOf(fd);
    if (this.#closed) throw new EdgepollError('ERR_CLOSED', 'the poller is closed');
    const added = this.#native.register(number, interest.bits, duplicate);
    const state = this.#records[this.#control] as number;
    if ((state & MOVED) !== 0) {
      this.#records[this.#control] = state & ~MOVED;
      this.#learnOwn();
    }
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
    const registration = makeRegistration<T>(this.#native, this.#engine, entry, drop);
    entry.registration = registration;
    this.#entries[entry.slot] = entry;
    // A duplicate stays open when the original is closed.
    if (!duplicate) follow(entry);
    this.#size += 1;
    if (this.#size === 1 && this.#refed) this.#native.ref();
    return registration;
  }

  /** Its place is free: the glue has given it back. */
  #drop(entry: Entry<T>): void {
    if (this.#entries[entry.slot] === entry) this.#entries[entry.slot] = undefined;
    unfollow(entry);
    entry.owner = undefined;
    if (entry.state !== 'closed') entry.mask = 0;
    this.#size -= 1;
    if (this.#size === 0 && this.#refed && !this.#closed) this.#native.unref();
  }

  /** Ends the registration, because the object of its descriptor is about to be closed or released. */
  #end(entry: Entry<T>): void {
    if (this.#native.unregister(entry.slot, entry.generation) === 0) {
      entry.state = 'unregistered';
      this.#drop(entry);
      entry.whenEnded?.();
      return;
    }
    // Other code had closed the number, and the kernel has given it to another file. The consumer gets ERR_DESCRIPTOR_CLOSED.
    this.#lose(entry);
    this.#serveOthers();
  }

  /** The descriptor was closed while it was watched. The consumer gets that error next for this entry, and no event. */
  #lose(entry: Entry<T>): void {
    entry.state = 'closed';
    entry.mask = -1;
    this.#drop(entry);
    if (!entry.isListed) this.#list(entry);
  }

  #learnOwn(): void {
    this.#forgetOwn();
    this.#forgetOwn = keepOwn(this.#native.descriptors);
  }

  /** Reads a batch and settles the waits. */
  #deliver(count: number): void {
    this.#read(count);
    this.#serve();
    while (this.#waiters.length > 0 && this.#lookForLost()) this.#serve();
    if (this.#waiters.length > 0) this.#want();
  }

  #read(count: number): void {
    if (count > 0) this.#batches += 1;
    for (let record = 0; record < count; record += 1) {
      const at = record * FIELDS;
      const entry = this.#entries[this.#records[at] as number];
      if (entry === undefined || entry.generation !== this.#records[at + 1]) continue;
      const mask = this.#records[at + 2] as number;
      if (mask === 0) {
        this.#lose(entry);
        continue;
      }
      entry.mask |= mask;
      if (!entry.isListed) this.#list(entry);
    }
  }

  #list(entry: Entry<T>): void {
    entry.isListed = true;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  /** After a look that the glue did not make: it does not know what became of those who wait. */
  #serveOthers(): void {
    if (this.#waiters.length === 0 || this.#first === undefined) return;
    this.#serve();
    if (this.#waiters.length === 0) this.#native.unwant();
  }

  #serve(): void {
    let served = 0;
    for (const waiter of this.#waiters) {
      if (waiter.isBatch) {
        const events = this.#take();
        if (events === undefined) break;
        waiter.batch(events);
      } else {
        const event = this.#shift();
        if (event === undefined) break;
        if (event instanceof EdgepollError) waiter.one(Promise.reject(event));
        else waiter.one({ value: event, done: false });
      }
      served += 1;
    }
    if (served === this.#waiters.length) this.#waiters.length = 0;
    else if (served > 0) this.#waiters.splice(0, served);
  }

  /** What is ready, up to one batch; or the rejection, if that is first; `undefined` when there is nothing. */
  #take(): ReadinessEvent<T>[] | Promise<never> | undefined {
    let entry = this.#found();
    if (entry === undefined) return undefined;
    if (entry.state === 'closed') {
      this.#pass(entry);
      return Promise.reject(closedUnderUs(entry.fd));
    }
    // Most batches have one event, for which an array that may grow costs more than the event.
    const events = [eventOf(entry, this.#pass(entry))];
    entry = this.#found();
    // What was closed is a rejection, which is the next batch's.
    while (entry !== undefined && entry.state !== 'closed' && events.length < this.#maxEvents) {
      events.push(eventOf(entry, this.#pass(entry)));
      entry = this.#found();
    }
    return events;
  }

  /** {@link Poller.#take} for who asks now. One event alone is a literal where V8 sees it resolve, and looks for no `then` in it. */
  #batch(): Promise<ReadinessEvent<T>[]> | undefined {
    const entry = this.#found();
    if (entry !== undefined && entry.next === undefined && entry.state !== 'closed')
      return Promise.resolve([eventOf(entry, this.#pass(entry))]);
    const events = this.#take();
    return events === undefined ? undefined : Promise.resolve(events);
  }

  /** The next event, or the error of a descriptor that was closed. */
  #shift(): ReadinessEvent<T> | EdgepollError | undefined {
    const entry = this.#found();
    if (entry === undefined) return undefined;
    const mask = this.#pass(entry);
    return entry.state === 'closed' ? closedUnderUs(entry.fd) : eventOf(entry, mask);
  }

  /** The first entry that has something to tell; those that were unregistered meanwhile have not. */
  #found(): Entry<T> | undefined {
    let entry = this.#first;
    while (entry !== undefined && entry.mask === 0) {
      this.#pass(entry);
      entry = this.#first;
    }
    return entry;
  }

  /** Takes the first entry's bits and goes on to the next one. */
  #pass(entry: Entry<T>): number {
    const { mask, next } = entry;
    entry.mask = 0;
    entry.isListed = false;
    entry.next = undefined;
    this.#first = next;
    if (next === undefined) this.#last = undefined;
    return mask;
  }

  /** A consumer waits. */
  #want(): void {
    const state = this.#records[this.#control] as number;
    // Inside a delivery the glue looks for this by itself, which spares a call per event.
    if ((state & DELIVERING) === 0) this.#native.want();
    else this.#records[this.#control] = state | WANTED;
    this.#askedSince = true;
    if (!this.#isAsked) {
      this.#isAsked = true;
      everySecond(this.#check);
    }
  }

  /**
   * The glue looks after closed descriptors when libuv's loop is about to wait, and after 64 at most; this does always, once
   * a second: a loop that sleeps is not woken by another thread's close.
   */
  readonly #check = (): boolean => {
    // Not for a consumer that has not come back: it looks for itself then. One that waits for less than a second, again and
    // again, has come back.
    this.#isAsked = this.#askedSince || this.#waiters.length > 0;
    this.#askedSince = false;
    if (this.#native.check(this.#entries.length)) {
      do {
        this.#read(this.#lookNow());
        this.#serveOthers();
      } while (this.#waiters.length > 0 && this.#lookForLost());
    }
    return this.#isAsked;
  };

  /**
   * Inside a delivery, when handling an event has made the next one ready before: what is there is taken at once, which
   * spares leaving JavaScript and coming back. How often in a turn of the loop, the glue decides.
   */
  #lookAgain(): boolean {
    if (((this.#records[this.#control] as number) & LOOK) === 0) return false;
    if (this.#closed || this.#waiters.length > 0) return false;
    const count = this.#lookNow();
    this.#read(count);
    return count > 0;
  }

  /**
   * Looks again if more descriptors were closed than one look could report, because no event announces the others. Gives whether
   * it found any.
   */
  #lookForLost(): boolean {
    if (((this.#records[this.#control] as number) & LOST) === 0 || this.#closed) return false;
    const count = this.#lookNow();
    this.#read(count);
    return count > 0;
  }

  #next(): Promise<IteratorResult<ReadinessEvent<T>, undefined>> {
    let event = this.#shift();
    try {
      if (event === undefined && this.#lookAgain()) event = this.#shift();
      else if (event === undefined && this.#lookForLost()) {
        event = this.#shift();
        this.#serveOthers();
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (event instanceof EdgepollError) return Promise.reject(event);
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#closed) return Promise.resolve(this.#lastResult());
    return new Promise((resolve) => {
      this.#want();
      this.#waiters.push({ isBatch: false, one: resolve, batch: nothing });
    });
  }

  #lastResult(): IteratorReturnResult<undefined> | Promise<never> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? { value: undefined, done: true } : Promise.reject(error);
  }

  /**
   * One batch of events: what is pending, else what is ready within `timeout`, else none. Never more than `maxEvents`.
   *
   * Rejects with `ERR_DESCRIPTOR_CLOSED` for a descriptor that was closed under the poller, `ERR_CLOSED` when the
   * poller is or becomes closed, what the kernel gives, the reason of either signal; throws `TypeError` or `RangeError` for bad options.
   */
  poll(options: PollOptions = {}): Promise<ReadinessEvent<T>[]> {
    optionsObject('options', options, POLL_OPTIONS);
    const timeout = milliseconds('timeout', options.timeout);
    const signal = optionalSignal('signal', options.signal);
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    let batch: Promise<ReadinessEvent<T>[]> | undefined;
    try {
      if (timeout === 0 && !this.#closed) this.#look();
      batch = this.#batch();
      if (timeout === 0) this.#serveOthers();
      else if (batch === undefined && this.#lookAgain()) batch = this.#batch();
      else if (batch === undefined && this.#lookForLost()) {
        batch = this.#batch();
        this.#serveOthers();
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (batch !== undefined) return batch;
    if (this.#closed) return this.#closedBatch();
    if (timeout === 0) return Promise.resolve([]);
    return waitForBatch(this.#waited, timeout, signal);
  }

  /** Fills the records; gives how many. Throws what the kernel refuses. */
  #lookNow(): number {
    const result = lookNative(this.#fill);
    if (result >= 0) return result;
    this.#learnOwn();
    return -1 - result;
  }

  /**
   * Who never waits must be told of a close, too: a look that finds nothing asks after one registration, in turn, and so
   * does now and then one that finds something, because the next may do that too.
   */
  #look(): void {
    const count = this.#lookNow();
    this.#read(count);
    const asks = count === 0 || this.#batches % BATCHES_PER_CHECK === 0;
    if (asks && this.#native.check(1)) this.#read(this.#lookNow());
  }

  async #closedBatch(): Promise<never> {
    await this.#lastResult();
    throw new EdgepollError('ERR_CLOSED', 'the poller is closed');
  }

  /** The time of a wait is over. A host that was busy finds that out before it is told what came in time: one look more. */
  #giveUp(waiter: Waiter<T>): void {
    try {
      this.#read(this.#lookNow());
      this.#serveOthers();
    } catch (error) {
      this.#leave(waiter);
      waiter.batch(Promise.reject(error));
      return;
    }
    if (!this.#waiters.includes(waiter)) return;
    this.#leave(waiter);
    waiter.batch([]);
  }

  #leave(waiter: Waiter<T>): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
    if (this.#waiters.length === 0) this.#native.unwant();
  }

  /**
   * Events until the poller is closed. Leaving the loop early closes the poller; the rejection with
   * `ERR_DESCRIPTOR_CLOSED` does not, so that another loop may go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined> {
    return iterate(this);
  }

  /** Watches nothing any more and gives its own descriptor back; what was watched stays open. Twice is allowed. */
  close(): void {
    this.#close(undefined);
  }

  #close(error: unknown): void {
    if (this.#closed) return;
    this.#finalStats = this.stats();
    this.#closed = true;
    // Before the registrations go, each of which would otherwise be followed by another wait for the rest.
    this.#native.unwant();
    this.#signal?.removeEventListener('abort', this.#abort);
    for (const entry of this.#entries) entry?.registration?.unregister();
    this.#first = undefined;
    this.#last = undefined;
    forget(this.#check);
    this.#forgetOwn();
    this.#native.close();
    this.#error = error;
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.isBatch) waiter.batch(this.#closedBatch());
      else waiter.one(this.#lastResult());
    }
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

  /** Keeps the process alive while something is watched or a `poll()` with a timeout waits; the default. */
  ref(): this {
    if (!this.#refed && this.#size > 0 && !this.#closed) this.#native.ref();
    for (const { timer } of this.#waiters) timer?.ref();
    this.#refed = true;
    return this;
  }

  /** Lets the process end while something is watched or waited for. */
  unref(): this {
    if (this.#refed && this.#size > 0 && !this.#closed) this.#native.unref();
    for (const { timer } of this.#waiters) timer?.unref();
    this.#refed = false;
    return this;
  }
}
