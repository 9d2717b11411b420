/**
 * A connection: its bytes by iteration or `read()`, writes with promises, and one end with its reason.
 *
 * The Rust core decides what may happen next; this file settles the promises. It must never settle one twice, and never
 * lose an error: one that no promise reported is kept for the next read or write.
 */
import type { Address } from './address.js';
import { addressFrom, addressOf } from './address.js';
import type { Chunk } from '../internal/chunk.js';
import type { ConnectionCore } from './connection-core.js';
import * as flags from './connection-flags.js';
import type { Late } from './connection-late.js';
import * as later from './connection-late.js';
import type { CloseReason } from './close-reason.js';
import { afterRound } from './after-round.js';
import { forgotten } from './arena.js';
import { describe } from './connection-inspect.js';
import { consumedByEvents } from './event-sink.js';
import type { Owner } from './owner.js';
import { showAs } from '../internal/inspect.js';
import type { Waiter } from '../internal/iterator.js';
import { NO_MORE as END, iteratorsOver } from '../internal/iterator.js';
import * as checks from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { errorOrNothing, isBytes, lengthOf, typeError } = checks;
const { READ_ENDED, END_TAKEN, WRITE_ENDED, OVER, PAUSED, UNREFED, ERROR_TOLD } = flags;
const { LEFT, CONGESTED, STOPPED, HELD, CLOSING, LOOKS_SOON, LENT_SHIFT, MOST_LENT } = flags;
const NO_MORE: IteratorReturnResult<undefined> = END;

/** The promise of every write that the kernel had room for. */
const DONE: Promise<void> = Promise.resolve();

/** A chunk counts as at least this many bytes against the read watermark: an object is not free. */
const CHUNK_COST = 128;

let nextId = 1;

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: ConnectionCore;

/**
 * One TCP connection. Iterate it for its bytes; leaving the loop early ends the connection gracefully.
 *
 * Every chunk is the consumer's own: its memory is never written again, unless `chunks: 'borrowed'` was asked for.
 *
 * `Data` is the type of {@link Connection.data}.
 */
export class Connection<Data = unknown>
  implements AsyncIterable<Chunk, undefined>, AsyncDisposable
{
  /** Unique in this thread, never used again. */
  readonly id: number;
  readonly #owner: Owner;
  readonly #slot: number;
  readonly #generation: number;
  #flags = 0;
  /** Chunks that the consumer has not taken. */
  #chunks: Chunk[] | undefined = undefined;
  /** The reads that wait for the next chunk. */
  #waiters: Waiter<Chunk> | Waiter<Chunk>[] | undefined = undefined;
  /** Cost of the chunks that the consumer has not taken. */
  #unread = 0;
  /** The send queue's length as told last. */
  #queued = 0;
  /** The number of the last staged write; any number before the first. */
  #staged = 0;
  #late: Late | undefined = undefined;

  private constructor(owner: Owner, slot: number, generation: number) {
    this.id = nextId;
    nextId += 1;
    this.#owner = owner;
    this.#slot = slot;
    this.#generation = generation;
    owner.reactor.retain();
  }

  static readonly #iterate = iteratorsOver<Connection, Chunk>(
    (connection) => connection.#next(),
    (connection) => {
      // After the peer's end nothing is left unread, and the program may still write where half-open connections are allowed.
      if ((connection.#flags & END_TAKEN) === 0) connection.#leave();
    },
  );

  static {
    access = {
      makeConnection: (owner, slot, generation) => new Connection(owner, slot, generation),
      handleData: (connection, data, isLent) => connection.#handleData(data, isLent),
      handleEnd: (connection) => connection.#handleEnd(),
      handleQueued: (connection, bytes) => connection.#handleQueued(bytes),
      handleWriteFailed: (connection, detail) => connection.#handleWriteFailed(detail),
      handleConnected: (connection) => {
        connection.#late?.opened?.resolve();
        connection.#late = undefined;
      },
      handleAddress: (connection, isLocal, address) =>
        later.keepAddress((connection.#late ??= {}), isLocal, address),
      handleClosed: (connection, detail, read, written) => {
        const late = (connection.#late ??= {});
        late.counters = [read, written];
        if ((connection.#flags & OVER) !== 0) return;
        const { cause, error } = later.endingOf(late, detail, connection.#owner);
        connection.#over({ cause, error, bytesUnsent: connection.#queued });
      },
      handleTaken: (connection, length) => connection.#take(length),
      handleEndTaken: (connection) => connection.#takeEnd(),
      belongsTo: (connection, owner) =>
        connection.#owner === owner && (connection.#flags & OVER) === 0,
      isGivenUp: (connection) => connection.#late?.isGivenUp === true,
      isHeld: (connection) => (connection.#flags & HELD) !== 0,
      endOnceIdle: (connection) => {
        connection.#flags |= CLOSING;
        return connection.#endIfIdle();
      },
      opening: (connection, where) => {
        const opened = later.deferred();
        connection.#late = { opened, address: where };
        return opened.promise;
      },
    };
    showAs(Connection, (connection) => {
      if (!(#flags in connection)) return undefined;
      return describe(connection, connection.#flags, connection.#late);
    });
  }

  /** Anything of yours, such as the session that the connection belongs to. `undefined` until you set it; takes no memory until then. */
  get data(): Data | undefined {
    return this.#late?.data as Data | undefined;
  }

  set data(value: Data | undefined) {
    (this.#late ??= {}).data = value;
  }

  /**
   * The address on this side, also when the connection is over; `undefined` if the kernel did not give it. For a connection that
   * is over it is the server's address, if that listens on a single one.
   */
  get localAddress(): Address | undefined {
    const { native } = this.#owner.reactor;
    const told = this.#late?.local;
    if (told !== undefined) return addressFrom(native, told);
    return addressOf(native.localAddress(this.#slot, this.#generation));
  }

  /** The address at the other end, also when the connection is over. */
  get remoteAddress(): Address | undefined {
    const { native } = this.#owner.reactor;
    const told = this.#late?.peer;
    if (told !== undefined) return addressFrom(native, told);
    return addressOf(native.peerAddress(this.#slot, this.#generation));
  }

  /** Bytes written that the kernel has not taken, as of the last turn. */
  get bufferedAmount(): number {
    // `#queued` may be older: the core tells of growth, the low watermark and nothing left.
    return this.#owner.reactor.native.queued(this.#slot, this.#generation);
  }

  /** Bytes received from the kernel. */
  get bytesRead(): number {
    return this.#counters()[0] ?? 0;
  }

  /** Bytes that the kernel has taken. */
  get bytesWritten(): number {
    return this.#counters()[1] ?? 0;
  }

  #counters(): number[] {
    return (
      this.#late?.counters ?? this.#owner.reactor.native.counters(this.#slot, this.#generation)
    );
  }

  /** Resolves when the connection is over; never rejects. Chunks that arrived before can still be read. */
  get closed(): Promise<CloseReason> {
    return later.whenClosed((this.#late ??= {}));
  }

  /**
   * Sends `data`; a string goes as UTF-8. Resolves when writing may go on: at once below `highWaterMark`,
   * else when the queue has fallen to `lowWaterMark`. That the kernel took bytes does not say that the peer
   * received them.
   *
   * Rejects with `ERR_CLOSED`, `ERR_WRITE_AFTER_END` or the connection's error; a rejection that is not awaited
   * does not end the process. With `maxBufferedAmount` bytes waiting to be sent it rejects with `ERR_SEND_QUEUE_FULL`
   * and resets the connection; this limits a program that writes without awaiting. Rejects with `ERR_MALFORMED` when the
   * framing does not allow the message's length or content. Throws a `TypeError` for anything but bytes and strings.
   */
  write(data: Uint8Array | string): Promise<void> {
    const refusal = this.#put(data);
    if (refusal !== undefined) return later.rejected(refusal);
    if (this.#queued < this.#owner.config.highWaterMark)
      return this.#owner.fairness.yielding ?? DONE;
    this.#congest();
    const late = (this.#late ??= {});
    late.drained ??= later.deferred();
    return late.drained.promise;
  }

  /** Stages or sends; gives the reason if it was not taken. */
  #put(data: Uint8Array | string): Error | undefined {
    const { arena, staging, config } = this.#owner;
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const at = arena.find(bytes);
    if (at < 0 && !isBytes(bytes)) throw typeError('data', 'a Uint8Array or a string', data);
    if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return this.#refusal();
    const length = at < 0 ? lengthOf(bytes) : arena.foundLength;
    if (length <= config.stagedLength || (at >= 0 && this.#mayStage(length))) {
      if (length === 0) return undefined;
      this.#staged = staging.stage(this.#slot, this.#generation, bytes, length, at, this.#staged);
      // Room for it may be made by sending what was staged before, and that may have told of an end.
      if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return this.#refusal();
    } else {
      const queued = staging.write(this.#slot, this.#generation, bytes);
      if (queued < 0) {
        // The core has met an end that we were not told yet.
        staging.settle();
        return this.#refusal(queued, length);
      }
      this.#queued = queued;
    }
    return undefined;
  }

  /** Whether a long write may leave with the batch: when room for more is left even if the kernel takes none of it. */
  #mayStage(length: number): boolean {
    const { staging, config } = this.#owner;
    return (
      config.stagedLength >= 0 &&
      this.#queued === 0 &&
      length < config.highWaterMark &&
      !staging.hasStaged(this.#slot, this.#generation, this.#staged)
    );
  }

  /** Why a write was not taken: the connection's own error, if it has one. */
  #refusal(refusal = 0, length = 0): Error {
    const isEnded = (this.#flags & (OVER | WRITE_ENDED)) === WRITE_ENDED;
    return later.refusalOf(this.#late, isEnded, this.#owner.config, refusal, length);
  }

  /**
   * Sends `data`, if given, and then the end (FIN). Resolves when the kernel has taken everything; receiving
   * goes on. Ending twice is allowed. `data` is accepted even if `maxBufferedAmount` bytes or more wait to be sent. From here
   * on `endTimeout` applies, whether or not the program reads.
   *
   * Rejects as {@link Connection.write} if `data` was not taken, and with the connection's error if something written
   * before is lost. The end is sent all the same, where one still can be.
   */
  end(data?: Uint8Array | string): Promise<void> {
    if (data === undefined) return this.#end(false);
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (!isBytes(bytes)) throw typeError('data', 'a Uint8Array or a string', data);
    let unsent = 0;
    if ((this.#flags & (WRITE_ENDED | OVER)) === 0) {
      const { staging } = this.#owner;
      unsent = staging.finish(this.#slot, this.#generation, bytes, this.#staged);
      if (unsent >= 0) return this.#finish(unsent);
      staging.settle();
    }
    const refusal = this.#refusal(unsent, lengthOf(bytes));
    void this.#end(false);
    return later.rejected(refusal);
  }

  #end(discard: boolean): Promise<void> {
    if ((this.#flags & OVER) !== 0) {
      return this.#late?.reason?.bytesUnsent === 0 ? DONE : later.rejected(this.#refusal());
    }
    return this.#finish(this.#owner.reactor.native.end(this.#slot, this.#generation, discard));
  }

  /** The end follows behind `unsent` bytes. */
  #finish(unsent: number): Promise<void> {
    this.#flags |= WRITE_ENDED;
    // No write can follow, so the queue only shrinks.
    this.#release(CONGESTED);
    if (unsent === 0) return DONE;
    return later.whenFinished((this.#late ??= {}));
  }

  /**
   * Closes the connection at once. Queued bytes are lost, and so are received bytes that were not read. The peer sees a reset
   * (`ECONNRESET`) if anything is lost, else the end. Reads and writes then reject with `error`, and `closed` resolves with it;
   * if the connection had failed before, its own error takes that place. Throws a `TypeError` for an `error` that is no `Error`.
   */
  destroy(error?: Error | null): void {
    errorOrNothing('error', error);
    this.#giveUp(error ?? undefined, false);
  }

  /**
   * Like {@link Connection.destroy}, but the peer always sees a reset (RST). Bytes that the kernel has taken and not sent are
   * lost as well, as with SO_LINGER and a time of 0 (socket(7)).
   */
  reset(): void {
    this.#giveUp(undefined, true);
  }

  #giveUp(error: Error | undefined, reset: boolean): void {
    const { reactor, staging } = this.#owner;
    // What is staged was written before: it goes out or is counted, and may itself end the connection.
    staging.settle();
    if ((this.#flags & OVER) !== 0) return;
    const counts = reactor.native.destroy(this.#slot, this.#generation, reset);
    const [read = 0, written = 0, bytesUnsent = 0] = counts;
    const late = (this.#late ??= {});
    late.counters = [read, written];
    late.isGivenUp = true;
    // What was lent stays so until the consumer asks for more: it may be in the middle of a chunk, and not the one who destroys.
    this.#chunks = undefined;
    const cause = late.writeError === undefined ? 'destroyed' : 'failed';
    this.#over({ cause, error: late.writeError ?? error, bytesUnsent });
  }

  /**
   * Resolves to the next chunk, or to `null` at the peer's end and after a loop over the connection was left. Rejects once with
   * the connection's error, if it has one, and with `ERR_CONSUMED` when `server.events()` takes the bytes.
   */
  async read(): Promise<Chunk | null> {
    const result = await this.#next();
    return result.done === true ? null : result.value;
  }

  /**
   * Iterates chunks until the peer's end. Throws as `read()`, the connection's error after the chunks that preceded it. Leaving
   * the loop early ends the connection gracefully and ends pending reads; bytes that still arrive are dropped.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Chunk, undefined, undefined> {
    return Connection.#iterate(this);
  }

  /** Ends gracefully and resolves when the connection is over; what still arrives is thrown away. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
    await this.closed;
  }

  /** Whether `pause()` was called and `resume()` was not. */
  get isPaused(): boolean {
    return (this.#flags & STOPPED) !== 0;
  }

  /**
   * Stops receiving until `resume()`, so that the peer has to wait once the kernel's buffers are full. Chunks that have arrived
   * can still be read; after them `read()` and the iterator wait. With `server.events()` the connection's `data` events that
   * the consumer has not taken wait too, and `end` behind them. Writing goes on.
   *
   * Pausing twice is the same as once. A paused connection is not idle for {@link Server.close}. If its peer resets it, the
   * connection fails after `resume()`, or after `endTimeout` if that comes first. Chunks that have arrived come before the error;
   * after `endTimeout` the bytes that the kernel still holds are lost.
   */
  pause(): this {
    if ((this.#flags & (OVER | STOPPED)) !== 0) return this;
    this.#hold(STOPPED);
    this.#owner.reactor.native.pause(this.#slot, this.#generation);
    return this;
  }

  /** Receives again after `pause()`, unless more than `readHighWaterMark` is unread: then as soon as enough is read. */
  resume(): this {
    if ((this.#flags & STOPPED) === 0) return this;
    this.#release(STOPPED);
    this.#endSoon();
    if ((this.#flags & PAUSED) === 0)
      this.#owner.reactor.native.resume(this.#slot, this.#generation);
    return this;
  }

  #hold(reason: number): void {
    const before = this.#flags;
    this.#flags = before | reason;
    if ((before & HELD) === 0) this.#owner.sink?.hold(this);
  }

  #release(reasons: number): void {
    const before = this.#flags;
    this.#flags = before & ~reasons;
    if ((before & HELD) !== 0 && (before & HELD & ~reasons) === 0) this.#owner.sink?.release(this);
  }

  /** The send queue is at the high watermark. The core reports when it has fallen to the low one. */
  #congest(): void {
    if (this.#owner.sink?.backpressure === true && (this.#flags & WRITE_ENDED) === 0) {
      this.#hold(CONGESTED);
    }
  }

  /** Keeps the process alive while the connection is open; the default. */
  ref(): this {
    if ((this.#flags & (UNREFED | OVER)) === UNREFED) {
      this.#flags &= ~UNREFED;
      this.#owner.reactor.retain();
    }
    return this;
  }

  /** Lets the process end while the connection is open. */
  unref(): this {
    if ((this.#flags & (UNREFED | OVER)) === 0) {
      this.#flags |= UNREFED;
      this.#owner.reactor.release();
    }
    return this;
  }

  /** The consumer wants no more: what was written still goes out, what arrives is thrown away. */
  #leave(): void {
    this.#flags |= LEFT;
    this.#chunks = undefined;
    this.#unread = 0;
    this.#giveBack();
    this.#tellWaiters();
    void this.#end(true);
  }

  /** While the server closes: ends the connection if it is idle after the next turn of the loop. */
  #endSoon(): void {
    if ((this.#flags & (CLOSING | LOOKS_SOON)) !== CLOSING) return;
    this.#flags |= LOOKS_SOON;
    afterRound(() => this.#endIfIdle());
  }

  /** Idle: the consumer waits for the peer and has got everything that has arrived, and nothing is left to send. */
  #endIfIdle(): boolean {
    this.#flags &= ~LOOKS_SOON;
    if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return true;
    const { reactor, sink } = this.#owner;
    const waits = sink === undefined ? this.#waiters !== undefined : sink.waitsFor(this);
    if (!waits || (this.#flags & HELD) !== 0 || this.bufferedAmount > 0) return false;
    // One turn of the reactor may hand over a part of the input only, and no event reports the last part: check again later.
    if (reactor.native.hasInput(this.#slot, this.#generation)) this.#endSoon();
    else void this.#end(false);
    return (this.#flags & WRITE_ENDED) !== 0;
  }

  /** Settles every read that waits for a chunk: the first one with the error, if there is one, the others with the end. */
  #tellWaiters(error?: Error): void {
    for (let waiter = this.#shiftWaiter(); waiter !== undefined; waiter = this.#shiftWaiter())
      waiter(error === undefined ? NO_MORE : this.#tellError(error));
  }

  /** The consumer is done with everything that it has taken, and nothing else is there. */
  #giveBack(): void {
    const lent = this.#flags >> LENT_SHIFT;
    if (lent === 0) return;
    this.#owner.arena.giveBack(lent);
    this.#flags &= (1 << LENT_SHIFT) - 1;
    if ((this.#flags & OVER) !== 0) forgotten.unregister(this);
  }

  #next(): Promise<IteratorResult<Chunk, undefined>> {
    if (this.#owner.sink !== undefined) return consumedByEvents();
    const { fairness } = this.#owner;
    const yielding = (fairness.items -= 1) < 0 ? fairness.check() : undefined;
    if (yielding !== undefined) return yielding.then(() => this.#next());
    const chunk = this.#chunks?.shift();
    if (chunk !== undefined) {
      if (this.#chunks?.length === 0) this.#chunks = undefined;
      this.#take(chunk.length);
      return Promise.resolve({ value: chunk, done: false });
    }
    this.#giveBack();
    if ((this.#flags & (READ_ENDED | OVER | LEFT | CLOSING)) !== 0) {
      if ((this.#flags & (READ_ENDED | OVER | LEFT)) !== 0) return this.#lastResult();
      this.#endSoon();
    }
    return new Promise((resolve) => {
      if (this.#waiters === undefined) this.#waiters = resolve;
      else if (typeof this.#waiters === 'function') this.#waiters = [this.#waiters, resolve];
      else this.#waiters.push(resolve);
    });
  }

  /** The end, or the error, which is told once. */
  #lastResult(): Promise<IteratorResult<Chunk, undefined>> {
    const error = this.#late?.reason?.error;
    if (error !== undefined && (this.#flags & (ERROR_TOLD | END_TAKEN)) === 0) {
      this.#flags |= ERROR_TOLD;
      return Promise.reject(error);
    }
    this.#takeEnd();
    return Promise.resolve(NO_MORE);
  }

  #takeEnd(): void {
    if ((this.#flags & (END_TAKEN | READ_ENDED)) !== READ_ENDED) return;
    this.#flags |= END_TAKEN;
    if (!this.#owner.config.allowHalfOpen && (this.#flags & WRITE_ENDED) === 0)
      void this.#end(false);
  }

  #shiftWaiter(): Waiter<Chunk> | undefined {
    const waiters = this.#waiters;
    if (waiters === undefined || typeof waiters === 'function') {
      this.#waiters = undefined;
      return waiters;
    }
    const first = waiters.shift();
    if (waiters.length === 0) this.#waiters = undefined;
    return first;
  }

  #handleData(data: Chunk, isLent: boolean): void {
    if ((this.#flags & (OVER | LEFT)) !== 0) {
      if (isLent) this.#owner.arena.giveBack(1);
      return;
    }
    const sink = this.#owner.sink;
    if (sink === undefined) {
      // What is not counted is never given back: its memory is not used again then, which is safe.
      if (isLent && this.#flags >> LENT_SHIFT < MOST_LENT) this.#flags += 1 << LENT_SHIFT;
      const waiter = this.#shiftWaiter();
      if (waiter !== undefined) {
        waiter({ value: data, done: false });
        return;
      }
      (this.#chunks ??= []).push(data);
    }
    this.#unread += data.length + CHUNK_COST;
    sink?.data(this, data, isLent);
    if (this.#unread > this.#owner.config.readHighWaterMark && (this.#flags & PAUSED) === 0) {
      this.#flags |= PAUSED;
      if ((this.#flags & STOPPED) === 0)
        this.#owner.reactor.native.pause(this.#slot, this.#generation);
    }
  }

  #take(length: number): void {
    this.#unread -= length + CHUNK_COST;
    if ((this.#flags & PAUSED) !== 0 && this.#unread <= this.#owner.config.readHighWaterMark / 2) {
      this.#flags &= ~PAUSED;
      if ((this.#flags & STOPPED) === 0)
        this.#owner.reactor.native.resume(this.#slot, this.#generation);
    }
  }

  #handleEnd(): void {
    if ((this.#flags & OVER) !== 0) return;
    this.#flags |= READ_ENDED;
    if (this.#owner.sink !== undefined) {
      this.#owner.sink.end(this);
      return;
    }
    if (this.#waiters === undefined) return;
    this.#tellWaiters();
    this.#takeEnd();
  }

  #handleQueued(bytes: number): void {
    if ((this.#flags & OVER) !== 0) return;
    this.#queued = bytes;
    const { config, sink } = this.#owner;
    const late = this.#late;
    if (bytes <= config.settings.lowWaterMark) {
      if (late?.drained !== undefined) {
        later.settleDrained(late);
        sink?.drain(this);
      }
      this.#release(CONGESTED);
    } else if (bytes >= config.highWaterMark) this.#congest();
    if (bytes === 0) {
      if (late !== undefined) later.settleFinished(late);
      this.#endSoon();
    }
  }

  /** Rejects the writes that wait for room now, because the close may come only after a reader has taken the input. */
  #handleWriteFailed(detail: number): void {
    const late = (this.#late ??= {});
    late.writeError = later.sendErrorOf(detail, this.#owner);
    this.#flags |= WRITE_ENDED;
    this.#release(CONGESTED);
    later.settleUnsent(late, () => this.#refusal());
  }

  /** The one place where a connection becomes over. */
  #over(reason: CloseReason): void {
    const late = (this.#late ??= {});
    const { arena, reactor, sink, onClose } = this.#owner;
    late.reason = reason;
    late.counters ??= [0, 0];
    if ((this.#flags & UNREFED) === 0) reactor.release();
    this.#flags |= OVER;
    // The connection's waiting events come before its close event.
    this.#release(HELD);
    this.#queued = 0;
    // A consumer that reads to the end has given back every lent chunk. One that stops before may keep one.
    const lent = this.#flags >> LENT_SHIFT;
    if (lent > 0) forgotten.register(this, { arena, lent }, this);
    this.#tellWaiters(reason.error);
    later.settleAll(late, () => this.#refusal());
    sink?.close(this, reason);
    onClose?.(this, reason);
  }

  /** The first waiter gets the error, the others the end. */
  #tellError(error: Error): IteratorResult<Chunk, undefined> | Promise<never> {
    if ((this.#flags & ERROR_TOLD) !== 0) return NO_MORE;
    this.#flags |= ERROR_TOLD;
    return Promise.reject(error);
  }
}

/** The functions of a connection for other modules of the package. */
export const core: ConnectionCore = access;
