/**
 * Sends what connections write. Small writes are staged: their bytes are copied into shared memory, and one native call sends
 * them all. A write of a lent chunk may be staged without a copy: see arena.ts. Other long writes are sent at once, from the
 * caller's memory.
 */
import type { ReactorBinding } from '../internal/binding.js';
import * as layout from '../internal/layout.js';
import { lengthOf } from '../internal/validate.js';
import type { ConnectionConfig } from './connection-options.js';
import type { SharedMemory } from './shared-memory.js';
import * as sharedMemory from './shared-memory.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { CONTROL_COUNT, CONTROL_IN_TURN, LENT, MORE, WRITE_FIELDS } = layout;
const { MAX_WRITES, STAGE_SIZE } = sharedMemory;

/**
 * So many microtasks in a row have to stage nothing before the staged writes are sent. A loop over `await read()` needs 2 from one
 * chunk to the next, and 4 if an async generator passes the chunks on.
 */
const MOST_IDLE = 4;

/** Taken at the import, because the program may replace the global function later. */
const { queueMicrotask } = globalThis;

/** Hands a message to the core at once. Returns the number of queued bytes, or a refusal below 0: see the glue's `writer()`. */
type Send = (slot: number, generation: number, message: Uint8Array) => number;

/**
 * Copies a message that lies in shared memory, because another thread could change it while the core reads it. A message
 * whose ArrayBuffer is of another realm is copied as well: `instanceof` cannot tell the two apart.
 */
function unshared(message: Uint8Array, length: number): Uint8Array {
  if (message.buffer instanceof ArrayBuffer) return message;
  const copy = new Uint8Array(length);
  copy.set(message);
  return copy;
}

export class Staging {
  readonly #native: ReactorBinding;
  readonly #dispatch: (count: number) => void;
  readonly #stage: Uint8Array;
  readonly #writes: Int32Array;
  readonly #control: Int32Array;
  #write: Send;
  #finish: Send;
  /** How many bytes of `#stage` are used. */
  #staged = 0;
  /** Up to where `#stage` may be filled. −1 while a message is being written there: see {@link Staging.reserve}. */
  #limit = STAGE_SIZE;
  /** Moves the message that is being written out of `#stage`. */
  #moveOut: () => void = () => {};
  /** Whether a microtask will send what is staged. */
  #settling = false;
  /** How many writes were staged when that microtask ran last. */
  #seen = 0;
  /** How often that microtask has run since something was staged. */
  #idle = 0;
  /** The process is exiting, so no microtask will run: each write is sent at once. */
  #exits = false;
  /** Whether a batch is being read, and code of the program runs. Then the native side must not write another batch. */
  holds = false;

  /** `dispatch` handles the records of a batch: see {@link Dispatcher.dispatch}. */
  constructor(
    { stage, writes, control }: SharedMemory,
    native: ReactorBinding,
    dispatch: (count: number) => void,
  ) {
    this.#stage = stage;
    this.#writes = writes;
    this.#control = control;
    this.#native = native;
    this.#dispatch = dispatch;
    this.#write = native.writer();
    this.#finish = native.finisher();
    // After process.exit() or an uncaught exception no microtask runs, so this handler sends what is staged.
    process.once('exit', () => this.#exit());
  }

  #exit(): void {
    this.#exits = true;
    this.#control[CONTROL_IN_TURN] = 0;
    this.#settling = false;
    this.flush();
    // From here on, bytes that the kernel does not take at once are never sent. Their peers have to see a reset.
    this.#native.resetUnsent();
    this.#write = this.#beforeExit(this.#write);
    this.#finish = this.#beforeExit(this.#finish);
  }

  #beforeExit(send: Send): Send {
    return (slot, generation, message) => {
      const result = send(slot, generation, message);
      this.#native.resetUnsent();
      return result;
    };
  }

  /**
   * Whether a connection has a staged write that was not sent yet. `previous` is what {@link Staging.stage} returned for the
   * connection's last write.
   */
  hasStaged(slot: number, generation: number, previous: number): boolean {
    const writes = this.#writes;
    const place = previous * WRITE_FIELDS;
    // If `previous` is of an earlier batch, its place is unused by now, or holds another connection's write.
    return (
      previous < (this.#control[CONTROL_COUNT] as number) &&
      writes[place] === slot &&
      writes[place + 1] === generation
    );
  }

  /**
   * Whether a write of a lent chunk may be staged if nothing is queued: only if the queue stays below `highWaterMark` even if the
   * kernel takes nothing. For `previous` see {@link Staging.hasStaged}.
   */
  mayLend(
    slot: number,
    generation: number,
    length: number,
    { stagedLength, highWaterMark }: ConnectionConfig,
    previous: number,
  ): boolean {
    return (
      stagedLength >= 0 && length < highWaterMark && !this.hasStaged(slot, generation, previous)
    );
  }

  /**
   * Stages a write of `length` bytes. It is sent with the batch, at the latest when the microtasks that are running now are
   * done. `at` is the place of its bytes in the arena, or −1 for bytes that have to be copied. With the `source` 0, `at` is a
   * place in the stage.
   *
   * Returns the number of the write, which is the `previous` of the connection's next write: consecutive writes of a
   * connection in one batch are sent together.
   */
  stage(
    slot: number,
    generation: number,
    data: Uint8Array,
    length: number,
    at: number,
    previous: number,
    source: number = LENT,
  ): number {
    const control = this.#control;
    const writes = this.#writes;
    let count = control[CONTROL_COUNT] as number;
    if (count === 0) this.#staged = 0;
    if (count === MAX_WRITES || (at < 0 && this.#staged + length > this.#limit)) {
      if (this.#limit < 0) this.#moveOut();
      if (count === MAX_WRITES || this.#staged + length > STAGE_SIZE) {
        this.flush();
        count = 0;
        this.#staged = 0;
      }
    }
    if (this.hasStaged(slot, generation, previous)) {
      (writes[previous * WRITE_FIELDS + 3] as number) |= MORE;
    }
    const place = count * WRITE_FIELDS;
    writes[place] = slot;
    writes[place + 1] = generation;
    if (at < 0) {
      this.#stage.set(data, this.#staged);
      writes[place + 2] = this.#staged;
      writes[place + 3] = length;
      this.#staged += length;
    } else {
      writes[place + 2] = at;
      writes[place + 3] = length | source;
    }
    control[CONTROL_COUNT] = count + 1;
    if (control[CONTROL_IN_TURN] === 0 && !this.#settling) {
      if (this.#exits) {
        this.flush();
        this.#native.resetUnsent();
      } else {
        this.#settling = true;
        queueMicrotask(this.#settle);
      }
    }
    return count;
  }

  /**
   * A message is about to be written into the stage. Returns the place where it begins. `moveOut` is called if other bytes need
   * the place before {@link Staging.release}.
   */
  reserve(moveOut: () => void): number {
    if (this.#control[CONTROL_COUNT] === 0) this.#staged = 0;
    this.#limit = -1;
    this.#moveOut = moveOut;
    return this.#staged;
  }

  /** No message is being written into the stage any more. */
  release(): void {
    this.#limit = STAGE_SIZE;
  }

  /**
   * Stages the `length` bytes that were written at `from`, where {@link Staging.reserve} said. With `joins` they become a part of
   * the connection's last write if that is the last one of the batch. See {@link Staging.stage} for the rest.
   */
  commit(
    slot: number,
    generation: number,
    from: number,
    length: number,
    joins: boolean,
    previous: number,
  ): number {
    const place = previous * WRITE_FIELDS;
    const writes = this.#writes;
    const end = (writes[place + 2] as number) + (writes[place + 3] as number);
    // A write of a lent chunk has a bit in its length, so its end is never that of the stage.
    if (
      joins &&
      end === from &&
      previous === (this.#control[CONTROL_COUNT] as number) - 1 &&
      this.hasStaged(slot, generation, previous)
    ) {
      (writes[place + 3] as number) += length;
      this.#staged = from + length;
      return previous;
    }
    const number = this.stage(slot, generation, this.#stage, length, from, previous, 0);
    this.#staged = from + length;
    return number;
  }

  /**
   * Outside a turn of the reactor the native side does not send what is staged. This microtask does. It queues itself again until it
   * has run {@link MOST_IDLE} times since something was staged.
   */
  readonly #settle = (): void => {
    const count = this.#control[CONTROL_COUNT] as number;
    this.#idle = count === this.#seen ? this.#idle + 1 : 0;
    if (this.#idle < MOST_IDLE) {
      this.#seen = count;
      queueMicrotask(this.#settle);
      return;
    }
    this.#seen = 0;
    this.#idle = 0;
    this.#settling = false;
    if (count > 0) this.flush();
  };

  /** Sends what is staged and handles the outcome. */
  flush(): void {
    if (this.#control[CONTROL_COUNT] !== 0) this.settle();
  }

  /** As {@link Staging.flush}, and handles the outcome of earlier commands to the native side, even if nothing is staged. */
  settle(): void {
    if (this.holds) {
      // Every command makes the staged writes first. This one is for no connection.
      this.#native.resume(-1, 0);
      return;
    }
    // A batch has a largest size, so there may be several.
    for (let count = this.#native.flush(); count > 0; count = this.#native.flush())
      this.#dispatch(count);
  }

  /** Sends from the caller's memory at once. Returns the number of queued bytes, or a refusal: see the glue's `writer()`. */
  write(slot: number, generation: number, message: Uint8Array): number {
    if (message.buffer instanceof ArrayBuffer) return this.#write(slot, generation, message);
    return this.#write(slot, generation, unshared(message, lengthOf(message)));
  }

  /**
   * Sends a last message and then the end, together with what is staged: see the glue's `finisher()`. For `previous` see
   * {@link Staging.stage}.
   */
  finish(slot: number, generation: number, message: Uint8Array, previous: number): number {
    if (this.hasStaged(slot, generation, previous)) {
      (this.#writes[previous * WRITE_FIELDS + 3] as number) |= MORE;
    }
    return this.#finish(slot, generation, unshared(message, lengthOf(message)));
  }
}
