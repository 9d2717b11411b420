/** The registrations of a poller that have an undelivered event, in the order in which the events came. */
import type { EdgepollError } from '../internal/errors.js';
import type { Entry } from './entry.js';
import type { ReadinessEvent } from './readiness-event.js';
import * as readinessEvent from './readiness-event.js';
import { closedWhileWatched } from './registration-errors.js';

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { eventOf } = readinessEvent;

/**
 * A list of entries. Each entry is in it once; later bits of the same entry are merged. `unregister()`, for example, sets the bits
 * of a listed entry to 0: it is skipped then.
 */
export class Pending<T> {
  // A chain through `next`, because adding to one end of an array and removing from the other costs more.
  #first: Entry<T> | undefined;
  #last: Entry<T> | undefined;

  /** Whether the list has no entry. */
  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Adds an entry that is not listed. */
  add(entry: Entry<T>): void {
    entry.isListed = true;
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
  }

  /** Drops all events. */
  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
  }

  /** The next event, or the error of a closed descriptor; `undefined` if nothing is pending. */
  takeEvent(): ReadinessEvent<T> | EdgepollError | undefined {
    const entry = this.#found();
    if (entry === undefined) return undefined;
    const mask = this.#take(entry);
    return entry.state === 'closed' ? closedWhileWatched(entry.fd) : eventOf(entry, mask);
  }

  /** Up to `limit` events. A rejection if an error comes first; `undefined` if nothing is pending. */
  takeBatch(limit: number): ReadinessEvent<T>[] | Promise<never> | undefined {
    let entry = this.#found();
    if (entry === undefined) return undefined;
    if (entry.state === 'closed') {
      this.#take(entry);
      return Promise.reject(closedWhileWatched(entry.fd));
    }
    // Most batches have one event, for which an array that grows by push() would cost more than the event.
    const events = [eventOf(entry, this.#take(entry))];
    entry = this.#found();
    // The error of a closed descriptor is left for the next batch, as its rejection.
    while (entry !== undefined && entry.state !== 'closed' && events.length < limit) {
      events.push(eventOf(entry, this.#take(entry)));
      entry = this.#found();
    }
    return events;
  }

  /**
   * As {@link Pending.takeBatch}, for a call that need not wait. A single event resolves the promise as an array literal: V8 then
   * knows that the array has no `then`, and does not look for one.
   */
  takeBatchAtOnce(limit: number): Promise<ReadinessEvent<T>[]> | undefined {
    const entry = this.#found();
    if (entry !== undefined && entry.next === undefined && entry.state !== 'closed')
      return Promise.resolve([eventOf(entry, this.#take(entry))]);
    const events = this.takeBatch(limit);
    return events === undefined ? undefined : Promise.resolve(events);
  }

  /** The first entry that has bits. Removes those before it, which have none. */
  #found(): Entry<T> | undefined {
    let entry = this.#first;
    while (entry !== undefined && entry.mask === 0) {
      this.#take(entry);
      entry = this.#first;
    }
    return entry;
  }

  /** Removes `entry`, which must be the first one, and returns its bits. */
  #take(entry: Entry<T>): number {
    const { mask, next } = entry;
    entry.mask = 0;
    entry.isListed = false;
    entry.next = undefined;
    this.#first = next;
    if (next === undefined) this.#last = undefined;
    return mask;
  }
}
