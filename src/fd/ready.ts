/**
 * Iterators over what descriptors give, built on readiness.
 *
 * It must never take before its consumer asks, and never keep the event loop from turning.
 */
import { setImmediate as turn } from 'node:timers/promises';

import type { Driver } from '../internal/driver.js';
import { iteratorsOver } from '../internal/iterator.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { optionalSignal, throwIfAborted } from '../internal/validate.js';
import type { Descriptor } from './owned.js';
import type { Direction } from './shared-poller.js';
import { Waiting } from './waiting.js';

/** The options of a wait or an iteration. */
export interface WaitOptions {
  /** Who announces readiness. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
  /** Ends the wait or the iteration, which then throws the signal's reason; at once, if it is aborted already. */
  signal?: AbortSignal | undefined;
}

/** The names of {@link WaitOptions}. */
export const WAIT_OPTIONS: OptionNames<WaitOptions> = { driver: true, signal: true };

/** What {@link arrivals} is given when nothing will come any more. */
export const END: unique symbol = Symbol('end');

/** Items that are taken in a row before the event loop gets its turn. */
const MOST_IN_A_ROW = 32;

/** Resolves when the descriptor is ready; false when it was closed first. Rejects with the signal's reason. */
export async function ready(
  owner: Descriptor,
  direction: Direction,
  options: WaitOptions,
): Promise<boolean> {
  optionsObject('options', options, WAIT_OPTIONS);
  const waiting = new Waiting(owner, direction, options);
  try {
    return (await waiting.next()) !== 'closed';
  } finally {
    waiting.close(true);
  }
}

/** One iteration over the items that `take` gives. */
class Arrivals<T> {
  readonly #owner: Descriptor;
  readonly #take: () => T | null | typeof END;
  readonly #options: WaitOptions;
  #waiting: Waiting | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #inARow = 0;
  /** Nothing more will come than what can be taken now. */
  #isLast = false;
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
      while (!this.#over && this.#owner.isOpen) {
        throwIfAborted(this.#options.signal);
        if (this.#inARow === MOST_IN_A_ROW) {
          this.#inARow = 0;
          // Not a wait for readiness: what comes next may be in our hand already, and the kernel knows nothing of it.
          await turn();
          continue;
        }
        const item = this.#take();
        if (item === END) break;
        if (item !== null) {
          this.#inARow += 1;
          return { value: item, done: false };
        }
        // Readable for good, and empty for good: to wait would be to spin.
        if (this.#isLast) break;
        this.#inARow = 0;
        this.#waiting ??= new Waiting(this.#owner, 'readable', this.#options);
        const woken = await this.#waiting.next();
        if (woken === 'closed') break;
        this.#isLast = woken === 'last';
      }
    } catch (error) {
      this.end();
      throw error;
    }
    this.end();
    return { value: undefined, done: true };
  }

  /** Ends the iteration. A second call does nothing. */
  end(): void {
    this.#over = true;
    this.#waiting?.close();
  }
}

const iterate = iteratorsOver<Arrivals<unknown>, unknown>(
  (items) => items.next(),
  (items) => items.end(),
);

/**
 * Everything that `take` gives, one by one; it gives `null` when there is nothing yet. The iteration ends at `END`, when
 * the owner closes the descriptor, when it was shut down for reading and is empty, or when it is left; the descriptor
 * stays open.
 */
export function arrivals<T>(
  owner: Descriptor,
  take: () => T | null | typeof END,
  options: WaitOptions = {},
): AsyncIterableIterator<T, undefined, undefined> {
  optionsObject('options', options, WAIT_OPTIONS);
  optionalSignal('signal', options.signal);
  // An iteration that cannot start throws here, as watch() does.
  throwIfAborted(options.signal);
  return iterate(new Arrivals(owner, take, options)) as AsyncIterableIterator<
    T,
    undefined,
    undefined
  >;
}
