/**
 * Waits for a descriptor's readiness, and iterators that read an item whenever it is ready.
 *
 * An iterator reads an item only when its consumer calls `next()`, and lets the event loop run between long series of items.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

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
  /** What wakes JavaScript when the descriptor is ready. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
  /** Ends the wait or the iteration when it aborts; at once if it has already aborted. The promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export const WAIT_OPTIONS: OptionNames<WaitOptions> = { driver: true, signal: true };

/** The `take` of {@link itemsOf} returns it when no item will follow. */
export const END: unique symbol = Symbol('end');

/** The `take` of {@link itemsOf} returns it to be called again after the event loop has run. */
export const AGAIN: unique symbol = Symbol('again');

/** Takes the next item; `null` if there is none yet. */
type Take<T> = () => T | null | typeof END | typeof AGAIN;

/**
 * Follows an iteration: `begin` is called at the first `next()`, and `end` after that, when the iteration ends, is left or was
 * garbage-collected. Neither may refer to the iteration, because then it would never be collected.
 */
export interface Follower {
  begin: () => void;
  end: () => void;
}

/** Ends the following of an iteration that was garbage-collected before its end. */
const abandoned = new FinalizationRegistry<Follower>((follower) => follower.end());

/** After this many items in a row the iterator lets the event loop run. */
const MAX_IN_A_ROW = 32;

/** Resolves to true when the descriptor is ready, and to false if it is closed first. Rejects with the signal's reason. */
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

/** One iteration over the items that `take` returns. */
class Items<T> {
  readonly #owner: Descriptor;
  readonly #take: Take<T>;
  readonly #options: WaitOptions;
  readonly #follower: Follower | undefined;
  /** The follower's `begin` was called, and its `end` was not. */
  #isFollowed = false;
  #waiting: Waiting | undefined;
  /** Resolves when the last call of `next()` has settled. */
  #last: Promise<unknown> = Promise.resolve();
  /** The number of items since the event loop last ran. */
  #inARow = 0;
  /** Nothing more will arrive: the remaining items can be taken now. */
  #isLast = false;
  #over = false;

  constructor(owner: Descriptor, take: Take<T>, options: WaitOptions, follower?: Follower) {
    this.#owner = owner;
    this.#take = take;
    this.#options = options;
    this.#follower = follower;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#follower !== undefined && !this.#isFollowed && !this.#over) {
      this.#isFollowed = true;
      this.#follower.begin();
      abandoned.register(this, this.#follower, this.#follower);
    }
    // One after the other: if two pulls waited at the same time, one item would wake both.
    const pulled = this.#last.then(() => this.#pull());
    this.#last = pulled.catch(() => {});
    return pulled;
  }

  async #pull(): Promise<IteratorResult<T, undefined>> {
    try {
      while (!this.#over && this.#owner.isOpen) {
        throwIfAborted(this.#options.signal);
        if (this.#inARow === MAX_IN_A_ROW) {
          this.#inARow = 0;
          // It does not wait for readiness here, because the next item may have been read already: the kernel does not know of it.
          await nextTurn();
          continue;
        }
        const item = this.#take();
        if (item === END) break;
        if (item === AGAIN) {
          this.#inARow = 0;
          await nextTurn();
          continue;
        }
        if (item !== null) {
          this.#inARow += 1;
          return { value: item, done: false };
        }
        // The kernel reports the descriptor as readable from now on, so a wait would end at once, again and again.
        if (this.#isLast) break;
        this.#inARow = 0;
        this.#waiting ??= new Waiting(this.#owner, 'readable', this.#options);
        const outcome = await this.#waiting.next();
        if (outcome === 'closed') break;
        this.#isLast = outcome === 'last';
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
    if (this.#follower !== undefined && this.#isFollowed) {
      this.#isFollowed = false;
      abandoned.unregister(this.#follower);
      this.#follower.end();
    }
    this.#waiting?.close();
  }
}

const iterate = iteratorsOver<Items<unknown>, unknown>(
  (items) => items.next(),
  (items) => items.end(),
);

/**
 * Iterates the items that `take` returns. It returns `null` if there is none yet. The iteration ends when `take` returns `END`, when
 * the owner closes the descriptor, when a socket was shut down for reading and is empty, and when the consumer leaves the loop.
 * The descriptor stays open. Throws `ERR_CLOSED` if it is closed already.
 */
export function itemsOf<T>(
  owner: Descriptor,
  take: Take<T>,
  options: WaitOptions = {},
  follower?: Follower,
): AsyncIterableIterator<T, undefined, undefined> {
  optionsObject('options', options, WAIT_OPTIONS);
  optionalSignal('signal', options.signal);
  // Both throw here, and not from the first next(), as watch() does. The getter throws if the object is closed.
  void owner.fd;
  throwIfAborted(options.signal);
  const items = new Items(owner, take, options, follower);
  return iterate(items) as AsyncIterableIterator<T, undefined, undefined>;
}
