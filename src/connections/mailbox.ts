/**
 * A queue between a producer that cannot wait and a consumer that awaits. The iterators of a server are built on it.
 *
 * It has no bound of its own. The producer keeps one by counting the values that `taken` reports.
 */
import type { Waiter } from '../internal/iterator.js';
import { NO_MORE } from '../internal/iterator.js';

/** A first-in, first-out queue. Every pull settles once, in the order of the pulls. */
export class Mailbox<T> {
  // A ring buffer, because shifting an array of thousands of values would move all of them.
  #ring: (T | undefined)[] = Array.from({ length: 16 });
  #head = 0;
  #size = 0;
  #waiters: Waiter<T>[] = [];
  #over = false;
  /** The reason of a failure, until a pull was rejected with it. */
  #failure: { reason: unknown } | undefined;
  readonly #taken: (value: T) => void;

  /** `taken` is called with each value when it goes to the consumer, and with each value that is thrown away. */
  constructor(taken: (value: T) => void) {
    this.#taken = taken;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether a pull waits. Then nothing is queued, and the next value that is pushed goes to the consumer at once. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** The value that has waited longest. */
  get first(): T | undefined {
    return this.#ring[this.#head];
  }

  /** Hands a value to the longest waiting pull, or keeps it. */
  push(value: T): void {
    if (this.#waiters.length > 0) {
      const waiter = this.#waiters.length === 1 ? this.#waiters.pop() : this.#waiters.shift();
      waiter?.({ value, done: false });
      this.#taken(value);
      return;
    }
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = value;
    this.#size += 1;
  }

  #grow(): void {
    const { length } = this.#ring;
    const bigger: (T | undefined)[] = Array.from({ length: length * 2 });
    for (let at = 0; at < length; at += 1)
      bigger[at] = this.#ring[(this.#head + at) & (length - 1)];
    this.#ring = bigger;
    this.#head = 0;
  }

  /** The next value, or the end. */
  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#size > 0) {
      const value = this.shift();
      this.#taken(value);
      return Promise.resolve({ value, done: false });
    }
    if (this.#over) return Promise.resolve(this.#last());
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Nothing will be pushed any more. What is queued is still delivered, then the end. */
  finish(): void {
    this.#over = true;
    for (const waiter of this.#waiters.splice(0)) waiter(this.#last());
  }

  /** Drops the queued values, and ends: the next pull rejects with `reason`, later ones get the end. */
  fail(reason: unknown): void {
    this.clear(() => {});
    this.#failure = { reason };
    this.finish();
  }

  #last(): IteratorReturnResult<undefined> | Promise<never> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? NO_MORE : Promise.reject(failure.reason);
  }

  /** Removes the value that has waited longest, which must exist. `taken` is not called. */
  shift(): T {
    const value = this.#ring[this.#head] as T;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    return value;
  }

  /** Throws away the queued values. Calls `taken` and then `each` with every one of them. */
  clear(each: (value: T) => void): void {
    while (this.#size > 0) {
      const value = this.shift();
      this.#taken(value);
      each(value);
    }
  }
}
