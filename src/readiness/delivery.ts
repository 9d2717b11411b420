/**
 * Delivers a poller's events to its consumers: from the records of the native side to the promises of `next()` and `poll()`.
 *
 * At most one event per registration is pending: bits that come while no consumer waits are merged into it.
 */
import { PollerBinding } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import { EdgepollError, pollNative, openNative } from '../internal/errors.js';
import * as layout from '../internal/layout.js';
import type { Entry } from './entry.js';
import { cancelEverySecond, everySecond } from './every-second.js';
import type { Engine } from './interest.js';
import { Pending } from './pending.js';
import type { ReadinessEvent } from './readiness-event.js';
import type { Waiter, WaiterQueue } from './waiter.js';
import { nothing, waitForBatch } from './waiter.js';

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { DELIVERING, READINESS_FIELDS: FIELDS, POLL_AGAIN, LOST, MOVED, WANTED } = layout;

/** `poll({ timeout: 0 })` checks one registration for a closed descriptor once per this many batches. */
const BATCHES_PER_CHECK = 64;

/** The functions of a poller that the delivery calls. */
export interface DeliveryHost<T> {
  /** Removes `entry`: the native side has freed its slot. */
  drop(entry: Entry<T>): void;
  /** The native side has replaced descriptors of its own. */
  descriptorsChanged(): void;
  /** The consumer has left the loop. */
  close(): void;
}

/** How the native side watches. */
export interface DeliveryConfig {
  driver: Driver;
  engine: Engine;
  maxEvents: number;
}

/** The events of one poller. */
export class Delivery<T> implements WaiterQueue<T> {
  readonly native: PollerBinding;
  /** The registrations by slot. */
  readonly entries: (Entry<T> | undefined)[] = [];
  readonly #host: DeliveryHost<T>;
  readonly #maxEvents: number;
  /** The memory that both sides share: a record per event, and a control field behind them. */
  readonly #records: Int32Array;
  /** The index of the control field. */
  readonly #control: number;
  /** Polls the kernel without waiting and fills the records. */
  readonly #fill: () => number;
  readonly #pending = new Pending<T>();
  #waiters: Waiter<T>[] = [];
  #batches = 0;
  #isClosed = false;
  #isRefed = true;
  /** Whether {@link Delivery.#check} runs once a second. */
  #isChecking = false;
  /** Whether a consumer has waited since the last check. */
  #waitedSince = false;
  /** The reason of an aborted signal, until a consumer has received it. */
  #error: unknown;

  /** Throws the kernel's error if it refuses the descriptors. */
  constructor(config: DeliveryConfig, host: DeliveryHost<T>) {
    const { driver, engine, maxEvents } = config;
    this.#host = host;
    this.#maxEvents = maxEvents;
    this.#control = maxEvents * FIELDS;
    this.#records = new Int32Array(this.#control + 1);
    this.native = openNative(
      () =>
        new PollerBinding(driver, engine, this.#records, (count, moved) => {
          if (moved !== 0) this.#host.descriptorsChanged();
          this.#deliver(count);
        }),
    );
    this.#fill = this.native.pollFunction();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Polls of the kernel that found something. */
  get batches(): number {
    return this.#batches;
  }

  /** Whether waits with a timeout keep the process alive. */
  get isRefed(): boolean {
    return this.#isRefed;
  }

  set isRefed(isRefed: boolean) {
    this.#isRefed = isRefed;
    for (const { timer } of this.#waiters) {
      if (isRefed) timer?.ref();
      else timer?.unref();
    }
  }

  /** Whether `register()` has changed the native side's own descriptors since the last call. */
  takeMoved(): boolean {
    const state = this.#records[this.#control] as number;
    if ((state & MOVED) === 0) return false;
    this.#records[this.#control] = state & ~MOVED;
    return true;
  }

  /** The native side calls it with a batch of `count` records. Settles the waits. */
  #deliver(count: number): void {
    this.#read(count);
    this.#settle();
    while (this.#waiters.length > 0 && this.#pollForClosed()) this.#settle();
    if (this.#waiters.length > 0) this.#want();
  }

  /** Merges the records into the pending events. */
  #read(count: number): void {
    if (count > 0) this.#batches += 1;
    for (let record = 0; record < count; record += 1) {
      const at = record * FIELDS;
      const entry = this.entries[this.#records[at] as number];
      if (entry === undefined || entry.generation !== this.#records[at + 1]) continue;
      const mask = this.#records[at + 2] as number;
      if (mask === 0) {
        this.lose(entry);
        continue;
      }
      entry.mask |= mask;
      if (!entry.isListed) this.#pending.add(entry);
    }
  }

  /** The descriptor was closed while it was watched. The consumer gets that error for the entry, and no event. */
  lose(entry: Entry<T>): void {
    entry.state = 'closed';
    entry.mask = -1;
    this.#host.drop(entry);
    if (!entry.isListed) this.#pending.add(entry);
  }

  /** Settles the waits after a poll that the native side did not start. If no wait is left, the native side stops delivering. */
  settleWaits(): void {
    if (this.#waiters.length === 0 || this.#pending.isEmpty) return;
    this.#settle();
    if (this.#waiters.length === 0) this.native.unwant();
  }

  /** Gives the pending events to the waits, in the order of the waits. */
  #settle(): void {
    let settled = 0;
    for (const waiter of this.#waiters) {
      if (waiter.isBatch) {
        const events = this.#pending.takeBatch(this.#maxEvents);
        if (events === undefined) break;
        waiter.batch(events);
      } else {
        const event = this.#pending.takeEvent();
        if (event === undefined) break;
        if (event instanceof EdgepollError) waiter.one(Promise.reject(event));
        else waiter.one({ value: event, done: false });
      }
      settled += 1;
    }
    if (settled === this.#waiters.length) this.#waiters.length = 0;
    else if (settled > 0) this.#waiters.splice(0, settled);
  }

  /** Makes the native side deliver the next batch, because a consumer waits. Throws the kernel's error. */
  #want(): void {
    const state = this.#records[this.#control] as number;
    // Inside a delivery the native side reads this bit afterwards, which saves a call per event.
    if ((state & DELIVERING) === 0) this.native.want();
    else this.#records[this.#control] = state | WANTED;
    this.#waitedSince = true;
    if (!this.#isChecking) {
      this.#isChecking = true;
      everySecond(this.#check);
    }
  }

  /**
   * Checks all registrations for closed descriptors. The native side checks when libuv's loop is about to wait, and only 64
   * registrations at a time. A close by another thread does not wake a loop that sleeps, so this check runs once a second as well.
   */
  readonly #check = (): boolean => {
    // Without a consumer that waits, the next check is not needed: the consumer's next call polls. A consumer whose waits are each
    // shorter than a second sets #waitedSince.
    this.#isChecking = this.#waitedSince || this.#waiters.length > 0;
    this.#waitedSince = false;
    if (this.native.check(this.entries.length)) {
      do {
        this.#read(this.#pollKernel());
        this.settleWaits();
      } while (this.#waiters.length > 0 && this.#pollForClosed());
    }
    return this.#isChecking;
  };

  /** Polls the kernel without waiting and fills the records. Returns how many. Throws the kernel's error. */
  #pollKernel(): number {
    const result = pollNative(this.#fill);
    if (result >= 0) return result;
    // Below 0 the native side has also replaced descriptors of its own.
    this.#host.descriptorsChanged();
    return -1 - result;
  }

  /**
   * Polls the kernel again inside a delivery, if the native side has found that worthwhile: handling one event often makes the
   * next one ready, and this saves a return to the native side and a call back. Returns whether there was an event.
   */
  #pollAgain(): boolean {
    if (((this.#records[this.#control] as number) & POLL_AGAIN) === 0) return false;
    if (this.#isClosed || this.#waiters.length > 0) return false;
    const count = this.#pollKernel();
    this.#read(count);
    return count > 0;
  }

  /**
   * Polls the kernel again if more descriptors were closed than one batch could report: no event announces the others. Returns
   * whether there was one.
   */
  #pollForClosed(): boolean {
    if (((this.#records[this.#control] as number) & LOST) === 0 || this.#isClosed) return false;
    const count = this.#pollKernel();
    this.#read(count);
    return count > 0;
  }

  /**
   * Polls the kernel for a `poll({ timeout: 0 })`. A consumer that only makes such calls never waits, so the checks of a wait do
   * not run for it. Instead each call without an event checks one registration, in turn, and so does one call in 64 with events.
   */
  #pollAtOnce(): void {
    const count = this.#pollKernel();
    this.#read(count);
    const isCheck = count === 0 || this.#batches % BATCHES_PER_CHECK === 0;
    if (isCheck && this.native.check(1)) this.#read(this.#pollKernel());
  }

  /** The result of an iterator's `next()`. */
  next(): Promise<IteratorResult<ReadinessEvent<T>, undefined>> {
    let event = this.#pending.takeEvent();
    try {
      if (event === undefined && this.#pollAgain()) event = this.#pending.takeEvent();
      else if (event === undefined && this.#pollForClosed()) {
        event = this.#pending.takeEvent();
        this.settleWaits();
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (event instanceof EdgepollError) return Promise.reject(event);
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#isClosed) return Promise.resolve(this.#lastResult());
    return new Promise((resolve) => {
      this.#want();
      this.#waiters.push({ isBatch: false, one: resolve, batch: nothing });
    });
  }

  /** The result of {@link Poller.poll}, whose options were checked. */
  poll(timeout: number | undefined, signal: AbortSignal | undefined): Promise<ReadinessEvent<T>[]> {
    let batch: Promise<ReadinessEvent<T>[]> | undefined;
    try {
      if (timeout === 0 && !this.#isClosed) this.#pollAtOnce();
      batch = this.#pending.takeBatchAtOnce(this.#maxEvents);
      if (timeout === 0) this.settleWaits();
      else if (batch === undefined && this.#pollAgain())
        batch = this.#pending.takeBatchAtOnce(this.#maxEvents);
      else if (batch === undefined && this.#pollForClosed()) {
        batch = this.#pending.takeBatchAtOnce(this.#maxEvents);
        this.settleWaits();
      }
    } catch (error) {
      return Promise.reject(error);
    }
    if (batch !== undefined) return batch;
    if (this.#isClosed) return this.#closedBatch();
    if (timeout === 0) return Promise.resolve([]);
    return waitForBatch(this, timeout, signal);
  }

  /** Adds a wait for a batch. Throws the kernel's error. */
  join(waiter: Waiter<T>): void {
    this.#want();
    this.#waiters.push(waiter);
  }

  /** Removes a wait. */
  leave(waiter: Waiter<T>): void {
    const at = this.#waiters.indexOf(waiter);
    if (at >= 0) this.#waiters.splice(at, 1);
    if (this.#waiters.length === 0) this.native.unwant();
  }

  /**
   * Ends a wait whose timeout is over. If the program was busy, its timer can run before an event is delivered that came in
   * time, so this polls once more.
   */
  expire(waiter: Waiter<T>): void {
    try {
      this.#read(this.#pollKernel());
      this.settleWaits();
    } catch (error) {
      this.leave(waiter);
      waiter.batch(Promise.reject(error));
      return;
    }
    if (!this.#waiters.includes(waiter)) return;
    this.leave(waiter);
    waiter.batch([]);
  }

  /** Closes the poller, because the consumer has left its loop. */
  closePoller(): void {
    this.#host.close();
  }

  /** Ends the registrations and the waits. If `error` is not `undefined`, the first wait or later call rejects with it. */
  close(error: unknown): void {
    this.#isClosed = true;
    // First, because otherwise the end of each registration would make the native side wait again for the rest.
    this.native.unwant();
    for (const entry of this.entries) entry?.registration?.unregister();
    this.#pending.clear();
    cancelEverySecond(this.#check);
    this.native.close();
    this.#error = error;
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.isBatch) waiter.batch(this.#closedBatch());
      else waiter.one(this.#lastResult());
    }
  }

  /** The end of the iteration, or a rejection with the error of {@link Delivery.close}, once. */
  #lastResult(): IteratorReturnResult<undefined> | Promise<never> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? { value: undefined, done: true } : Promise.reject(error);
  }

  /** A rejection with the error of {@link Delivery.close}, once, and then with `ERR_CLOSED`. */
  async #closedBatch(): Promise<never> {
    await this.#lastResult();
    throw new EdgepollError('ERR_CLOSED', 'the poller is closed');
  }
}
