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

/** The cost of one write beside that of its bytes, expressed in bytes. */
const WRITE_COST = 4096;
/** The clock is read when writes of this cost were made, in bytes. They take a fraction of a millisecond. */
const MOST_SPENT = 256 * 1024;
/** How many items consumers may take between two readings of the clock, if the items take little time. */
const MOST_ITEMS = 16;
/** Items take little time if those between two readings took less than this, in milliseconds. */
const SHORT = 0.5;
/** Milliseconds of consumers' work after which the event loop gets its turn. */
const LONGEST = 5;

/** Bound at the import, because the program may replace `performance.now` later. */
const now = performance.now.bind(performance);

export class Fairness {
  readonly #control: Int32Array;
  /** Set while consumers have to wait for the event loop: the next item and the next write wait for it. */
  yielding: Promise<void> | undefined = undefined;
  /** How many items consumers may still take before they have to call {@link Fairness.check}. */
  items = 1;
  /** The value that `items` gets at each reading of the clock. */
  #most = 1;
  /** The approximate cost of the writes since the last reading, in bytes. */
  #spent = 0;
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
    this.items = 0;
  }

  /** Counts writes and their bytes as work. */
  spend(writes: number, bytes: number): void {
    this.#spent += writes * WRITE_COST + bytes;
    if (this.#spent >= MOST_SPENT && this.yielding === undefined) this.#readClock();
  }

  /**
   * Consumers call this when `items` is 0. Returns a promise that the next item has to wait for if consumers have worked for
   * {@link LONGEST} milliseconds, else `undefined`. A reading of the clock costs a tenth of an item, so there is one for
   * several items.
   */
  check(): Promise<void> | undefined {
    if (this.yielding === undefined) this.#readClock();
    return this.yielding;
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
    this.#spent = 0;
    this.items = this.#most;
    if (time - this.#since >= LONGEST) this.#yield();
  }

  #yield(): void {
    this.items = 0;
    this.#control[CONTROL_BEHIND] = 1;
    this.yielding = new Promise((resolve) => {
      setImmediate(() => {
        this.yielding = undefined;
        this.#control[CONTROL_BEHIND] = 0;
        this.items = this.#most;
        this.#since = this.#read = now();
        resolve();
      });
    });
  }
}
