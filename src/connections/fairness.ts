/**
 * Keeps consumers from blocking the event loop.
 *
 * As long as there are items and writes need not wait, a consumer goes on in microtasks, which run before timers and before
 * other sockets. So after a few milliseconds of such work the next item waits for one turn of the event loop.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';

import * as layout from '../internal/layout.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { CONTROL_BEHIND, CONTROL_CALLBACKS } = layout;

/** How many items and writes there may be between two readings of the clock, if they take little time. */
const MOST_ITEMS = 16;
/** They take little time if those between two readings took less than this, in milliseconds. */
const SHORT = 0.5;
/** Milliseconds of consumers' work after which the event loop gets its turn. */
const LONGEST = 5;

/** Bound at the import, because the program may replace `performance.now` later. */
const now = performance.now.bind(performance);

export class Fairness {
  readonly #control: Int32Array;
  /** Set while consumers have to wait for the event loop: the next item and the next write wait for it. */
  #yielding: Promise<void> | undefined = undefined;
  /** How many items and writes do not read the clock before one does. */
  #items = 1;
  /** The value that `#items` gets at each reading of the clock. */
  #most = 1;
  /** The number of the driver's callback at the last reading. */
  #callback = -1;
  /** The time of the first reading within that callback. */
  #since = 0;
  /** The time of the last reading. */
  #read = 0;

  constructor(control: Int32Array) {
    this.#control = control;
  }

  /**
   * The driver hands over what has arrived. How long items took before says nothing about those that come now, so the next item
   * reads the clock. The first one does not if a consumer waits for it.
   */
  begin(): void {
    this.#items = 0;
  }

  /**
   * Counts an item that a consumer takes, or a write: a loop that awaits its writes works without taking items. Returns a promise that the
   * caller has to wait for if consumers have worked for {@link LONGEST} milliseconds, else `undefined`. A reading of the clock costs a
   * tenth of an item, so there is one for several items.
   */
  next(): Promise<void> | undefined {
    return (this.#items -= 1) < 0 ? this.#check() : undefined;
  }

  #check(): Promise<void> | undefined {
    if (this.#yielding === undefined) this.#readClock();
    return this.#yielding;
  }

  #readClock(): void {
    const time = now();
    const callback = this.#control[CONTROL_CALLBACKS] as number;
    if (callback === this.#callback) {
      const isShort = time - this.#read < SHORT;
      this.#most = isShort ? Math.min(this.#most * 2, MOST_ITEMS) : 1;
    } else {
      // The event loop has had its turn since the last reading.
      this.#callback = callback;
      this.#since = time;
      this.#most = 1;
    }
    this.#read = time;
    this.#items = this.#most;
    if (time - this.#since >= LONGEST) this.#yield();
  }

  #yield(): void {
    this.#items = 0;
    this.#control[CONTROL_BEHIND] = 1;
    this.#yielding = new Promise((resolve) => {
      setImmediate(() => {
        this.#yielding = undefined;
        this.#control[CONTROL_BEHIND] = 0;
        this.#items = this.#most;
        this.#since = this.#read = now();
        resolve();
      });
    });
  }
}
