/** The messages of one connection with a protocol that its consumer has not taken. */

/** Each unread chunk or message counts as this many bytes more against `readHighWaterMark`, for the memory of its object. */
export const ITEM_COST = 128;
/** Taken values are removed from the list in groups of this many. */
const GROUP = 256;

/** A message as an iterator's result, and the bytes to count as read. */
export interface TakenMessage extends IteratorYieldResult<unknown> {
  readonly bytes: number;
}

export class UnreadMessages {
  /** What the connection's own iterator has not given. It is empty if the server's consumer takes the messages. */
  #values: unknown[] = [];
  /** How many of `#values` were taken. */
  #taken = 0;
  /** How many messages are unread, and the received bytes that they were made from. */
  #count = 0;
  #bytes = 0;
  /** The unread bytes of chunks that came before the connection got its protocol, and {@link ITEM_COST} for each chunk. */
  #before: number;

  /** `before`: what was unread before the first message. */
  constructor(before: number) {
    this.#before = before;
  }

  /** Counts a message that was made from so many received bytes. */
  add(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Keeps a message for {@link UnreadMessages.shift}. */
  push(value: unknown): void {
    this.#values.push(value);
  }

  /** Removes the oldest message, for the connection's own consumer. `undefined` if there is none. */
  shift(): TakenMessage | undefined {
    if (this.#taken === this.#values.length) return undefined;
    const value = this.#values[this.#taken];
    this.#values[this.#taken] = undefined;
    this.#taken += 1;
    // Array.shift() would move all others for each message.
    if (this.#taken === this.#values.length) this.clear();
    else if (this.#taken === GROUP) {
      this.#values.splice(0, GROUP);
      this.#taken = 0;
    }
    return { value, done: false, bytes: this.#takeMessage() };
  }

  /** The consumer of the server's events took `item`. Returns the bytes to count as read. */
  take(item: unknown): number {
    if (this.#before > 0) {
      const { length } = item as Uint8Array;
      this.#before -= length + ITEM_COST;
      return length;
    }
    return this.#takeMessage();
  }

  /** The bytes of each single message are not kept, so each counts as the average of those that are unread. */
  #takeMessage(): number {
    const bytes = Math.ceil(this.#bytes / this.#count);
    this.#count -= 1;
    this.#bytes -= bytes;
    return bytes;
  }

  /** Throws away what is kept. */
  clear(): void {
    this.#values = [];
    this.#taken = 0;
  }
}
