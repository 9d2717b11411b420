/**
 * Iterators over what descriptors give, built on readiness.
 *
 * It must never read ahead of its consumer, never keep the event loop from turning, and never touch a number after
 * its owner closed it.
 */
import type { Driver } from '../driver.js';
import { optionalSignal, optionsObject } from '../validate.js';
import { watch } from '../watch.js';
import type { Descriptor } from './owned.js';
import { onClose } from './owned.js';

/** How an iteration waits. */
export interface WaitOptions {
  /** Who announces readiness. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver;
  /** Ends the iteration, which then throws the signal's reason. */
  signal?: AbortSignal;
}

/** What {@link arrivals} is given when nothing will come any more. */
export const END: unique symbol = Symbol('end');

/** Items that are taken in a row before the event loop gets its turn. */
const MOST_IN_A_ROW = 32;

/** Waits again and again for one descriptor, which its owner may close meanwhile. */
class Waiting {
  readonly #events: AsyncIterableIterator<unknown, undefined, undefined>;
  readonly #forget: () => void;

  constructor(owner: Descriptor, direction: 'readable' | 'writable', options: WaitOptions) {
    this.#events = watch(owner, { ...options, maxEvents: 1, [direction]: true });
    this.#forget = onClose(owner, () => this.close());
  }

  /** True when the descriptor is ready, false when this or the descriptor was closed. */
  async next(): Promise<boolean> {
    return (await this.#events.next()).done !== true;
  }

  close(): void {
    this.#forget();
    void this.#events.return?.();
  }
}

/** Resolves when the descriptor is ready; false when it was closed first. Rejects with the signal's reason. */
export async function ready(
  owner: Descriptor,
  direction: 'readable' | 'writable',
  options: WaitOptions,
): Promise<boolean> {
  const waiting = new Waiting(owner, direction, options);
  try {
    return await waiting.next();
  } finally {
    waiting.close();
  }
}

class Arrivals<T> implements AsyncIterableIterator<T, undefined, undefined> {
  readonly #owner: Descriptor;
  readonly #take: () => T | null | typeof END;
  readonly #options: WaitOptions;
  #waiting: Waiting | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #inARow = 0;
  #over = false;

  constructor(owner: Descriptor, take: () => T | null | typeof END, options: WaitOptions) {
    this.#owner = owner;
    this.#take = take;
    this.#options = options;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    // One pull after the other: two that waited together would both be woken by one item.
    const pulled = this.#last.then(() => this.#pull());
    this.#last = pulled.catch(() => {});
    return pulled;
  }

  async #pull(): Promise<IteratorResult<T, undefined>> {
    try {
      while (!this.#over && !this.#owner.closed) {
        this.#options.signal?.throwIfAborted();
        if (this.#inARow < MOST_IN_A_ROW) {
          const item = this.#take();
          if (item === END) break;
          if (item !== null) {
            this.#inARow += 1;
            return { value: item, done: false };
          }
        }
        this.#inARow = 0;
        this.#waiting ??= new Waiting(this.#owner, 'readable', this.#options);
        if (!(await this.#waiting.next())) break;
      }
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#end();
    return { value: undefined, done: true };
  }

  #end(): void {
    this.#over = true;
    this.#waiting?.close();
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  throw(error?: unknown): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/**
 * Everything that `take` gives, one by one; it gives `null` when there is nothing yet. The iteration ends at `END`, when
 * the owner closes the descriptor, or when it is left; the descriptor stays open.
 */
export function arrivals<T>(
  owner: Descriptor,
  take: () => T | null | typeof END,
  options: WaitOptions = {},
): AsyncIterableIterator<T, undefined, undefined> {
  optionsObject('options', options);
  optionalSignal('signal', options.signal);
  return new Arrivals(owner, take, options);
}
