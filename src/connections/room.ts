/**
 * How many received bytes the consumers of a server keep, all connections together, and how many a single one may keep.
 *
 * The core has the sum with what it holds itself, and says how much is free. It is asked again when the sum has changed much, so
 * counting a message takes two additions.
 */

/** This side reports the sum to the core when it has changed by this part of the limit. */
const STEPS = 256;

export class Room {
  /** Bytes that consumers have not taken, and {@link ITEM_COST} for each chunk or message. */
  unread = 0;
  /** A connection with more unread bytes stops receiving. */
  most: number;
  readonly #mark: number;
  readonly #step: number;
  readonly #report: (unread: number) => number;
  #reported = 0;

  /** `mark`: `readHighWaterMark`. `report` gives the core the sum, and returns how much is free of `limit`. */
  constructor(mark: number, limit: number, report: (unread: number) => number) {
    this.#mark = mark;
    this.most = mark;
    this.#step = limit / STEPS;
    this.#report = report;
  }

  /** Counts bytes as unread, or as read if there are less than none. */
  count(bytes: number): void {
    this.unread += bytes;
    if (Math.abs(this.unread - this.#reported) < this.#step) return;
    this.#reported = this.unread;
    this.most = Math.min(this.#mark, this.#report(this.unread));
  }
}
