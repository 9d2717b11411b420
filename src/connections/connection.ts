/**
 * A TCP connection: reading by iteration or `read()`, writing with promises, and one end with its reason.
 *
 * The Rust core decides what may happen next, and this file settles the promises. Each promise settles once. An error that no
 * promise has reported is kept for the next read or write. This is one class with few fields, because a second object would take memory for each idle connection.
 */
import type { Address } from './address.js';
import type { Chunk, Payload } from '../internal/chunk.js';
import type { ConnectionCore } from './connection-core.js';
import * as flags from './connection-flags.js';
import type { Late } from './connection-late.js';
import * as later from './connection-late.js';
import type { CloseReason } from './close-reason.js';
import { forgotten } from './arena.js';
import { describe } from './connection-inspect.js';
import { consumedByEvents } from './event-sink.js';
import type { Owner } from './owner.js';
import type { Protocol } from './protocol.js';
import type { UpgradeOptions } from './upgrade.js';
import { showAs } from '../internal/inspect.js';
import type { Waiter } from '../internal/iterator.js';
import { NO_MORE as END, iteratorsOver } from '../internal/iterator.js';
import { ITEM_COST } from './unread-messages.js';
import * as reads from './waiters.js';
import type { Waiters } from './waiters.js';
import * as checks from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { errorOrNothing, isBytes, lengthOf, typeError } = checks;
const { READ_ENDED, END_TAKEN, WRITE_ENDED, OVER, PAUSED, UNREFED, ERROR_TOLD } = flags;
const { LEFT, CONGESTED, STOPPED, HELD, CLOSING, MESSAGES, LENT_SHIFT, MOST_LENT } = flags;
const { firstWaiter, otherWaiters, withWaiter } = reads;
const CHUNK_COST: number = ITEM_COST;
const NO_MORE: IteratorReturnResult<undefined> = END;

/** The result of every write that need not wait. It is one promise for all, so that a write allocates none. */
const DONE: Promise<void> = Promise.resolve();

let nextId = 1;

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: ConnectionCore;

/**
 * One TCP connection. Iterate it to receive its bytes or messages. Leaving the loop early ends the connection gracefully.
 *
 * A chunk belongs to the consumer: its memory is never written again, unless the option `chunks` is `'borrowed'`. `Data` is the
 * type of {@link Connection.data}, `In` of what the program receives, and `Out` of what it writes.
 */
export class Connection<Data = unknown, In = Chunk, Out = Payload>
  implements AsyncIterable<In, undefined>, AsyncDisposable
{
  /** Unique among all connections of this thread, past and future. */
  readonly id: number;
  #owner: Owner;
  readonly #slot: number;
  readonly #generation: number;
  #flags = 0;
  /** Chunks that the consumer has not taken. */
  #chunks: Chunk[] | undefined = undefined;
  /** The reads that wait for the next chunk. */
  #waiters: Waiters<Chunk> = undefined;
  /** The bytes of the chunks that the consumer has not taken, and {@link CHUNK_COST} for each. */
  #unread = 0;
  /** The bytes in the send queue, as the core last reported them. */
  #queued = 0;
  /** The number of the last staged write: see {@link Staging.stage}. Before the first one, any number will do. */
  #staged = 0;
  #late: Late | undefined = undefined;

  private constructor(owner: Owner, slot: number, generation: number) {
    this.id = nextId;
    nextId += 1;
    this.#owner = owner;
    this.#slot = slot;
    this.#generation = generation;
    if (owner.protocol !== undefined) this.#flags = MESSAGES;
    owner.reactor.retain();
  }

  static readonly #iterate = iteratorsOver<AnyConnection, unknown>(
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
      handleWritingEnded: (one, detail, byProtocol) => one.#handleWritingEnded(detail, byProtocol),
      handleConnected: (one) => void (one.#late = later.whenConnected(one.#late)),
      handleClosed: (connection, detail, read, written) => {
        const late = (connection.#late ??= {});
        late.counters = [read, written];
        if ((connection.#flags & OVER) !== 0) return;
        connection.#over(later.reasonOf(late, detail, connection.#owner, connection.#queued));
      },
      countUnread: (connection, bytes) => connection.#countUnread(bytes),
      ownerOf: (connection) => connection.#owner,
      messagesOf: (connection) => connection.#late?.messages,
      unreadOf: (connection) => connection.#unread,
      flagsOf: (connection) => connection.#flags,
      setFlags: (connection, bits) => void (connection.#flags = bits),
      awaitsInput: (connection) => connection.#waiters !== undefined,
      hasInput: (one) => one.#owner.native.hasInput(one.#slot, one.#generation),
      end: (connection) => void connection.#end(false),
      shiftWaiter: (connection) => connection.#shiftWaiter() as Waiter<unknown> | undefined,
      handleEndTaken: (connection) => connection.#takeEnd(),
      belongsTo: (connection, { original }) =>
        connection.#owner.original === original && (connection.#flags & OVER) === 0,
      isGivenUp: (connection) => connection.#late?.isGivenUp === true,
      lateOf: (connection) => (connection.#late ??= {}),
    };
    showAs(Connection, (connection) =>
      #flags in connection ? describe(connection, connection.#flags, connection.#late) : undefined,
    );
  }

  /** What the program keeps with the connection, such as a session. Until it is set it is `undefined` and takes no memory. */
  get data(): Data | undefined {
    return this.#late?.data as Data | undefined;
  }

  set data(value: Data | undefined) {
    (this.#late ??= {}).data = value;
  }

  /**
   * The address on this side; `undefined` if the kernel did not give it. It stays available when the connection is over. Then it
   * is the server's address, if the server listens on a single address.
   */
  get localAddress(): Address | undefined {
    return later.localAddress(this.#late, this.#owner, this.#slot, this.#generation);
  }

  /** The peer's address. It stays available when the connection is over. */
  get remoteAddress(): Address | undefined {
    return later.peerAddress(this.#late, this.#owner, this.#slot, this.#generation);
  }

  /** How many written bytes the kernel has not taken, as of the reactor's last turn. */
  get bufferedAmount(): number {
    // `#queued` may be older, because the core reports only growth, the low watermark and an empty queue.
    return this.#owner.native.queued(this.#slot, this.#generation);
  }

  /** How many bytes were received from the kernel. */
  get bytesRead(): number {
    return later.counterOf(this.#late, this.#owner, this.#slot, this.#generation, 0);
  }

  /** How many written bytes the kernel has taken. */
  get bytesWritten(): number {
    return later.counterOf(this.#late, this.#owner, this.#slot, this.#generation, 1);
  }

  /** Resolves when the connection is over; never rejects. Chunks that arrived before can still be read. */
  get closed(): Promise<CloseReason> {
    return later.whenClosed((this.#late ??= {}));
  }

  /**
   * Sends `data`; a string is sent as UTF-8. Resolves when the program should write more: at once while fewer than
   * `highWaterMark` bytes wait to be sent, else when the queue has fallen to `lowWaterMark`, whether or not the peer has received them.
   * The kernel gets the bytes when the callback that is running and its microtasks are done, or sooner.
   *
   * Rejects with `ERR_CLOSED`, `ERR_WRITE_AFTER_END` or the connection's error. If `maxBufferedAmount` bytes wait to be sent, it
   * rejects with `ERR_SEND_QUEUE_FULL` and resets the connection; this limits a program that writes without awaiting. Rejects
   * with `ERR_MALFORMED` if the framing does not allow the message's length or content. A rejection that is not awaited does
   * not end the process. The call itself throws a `TypeError` for anything but bytes and strings. With a protocol, `data` is a
   * message of it, and the call throws what the protocol's `encode()` throws.
   */
  write(data: Out): Promise<void> {
    const isMessage = (this.#flags & MESSAGES) !== 0;
    const refusal = isMessage ? this.#putMessage(data) : this.#put(data as Payload);
    if (refusal !== undefined) return later.refused(this.#late, refusal);
    const yielding = this.#owner.fairness.next();
    if (this.#queued < this.#owner.config.highWaterMark) return yielding ?? DONE;
    this.#congest();
    return later.whenDrained((this.#late ??= {}));
  }

  /** Stages or sends `data`. Returns the error if it was refused. */
  #put(data: Payload): Error | undefined {
    const { arena, staging, config } = this.#owner;
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    const at = arena.find(bytes);
    if (at < 0 && !isBytes(bytes)) throw typeError('data', 'a Uint8Array or a string', data);
    if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return this.#refusal();
    const length = at < 0 ? lengthOf(bytes) : arena.foundLength;
    if (
      length <= config.stagedLength ||
      (at >= 0 &&
        this.#queued === 0 &&
        staging.mayLend(this.#slot, this.#generation, length, config, this.#staged)) ||
      config.fits?.(bytes, length) === true
    ) {
      if (length === 0 && config.fits === undefined) return undefined;
      this.#staged = staging.stage(this.#slot, this.#generation, bytes, length, at, this.#staged);
      // Making room for it may have sent the writes staged before, and that may have ended the connection.
      if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return this.#refusal();
    } else {
      const queued = staging.write(this.#slot, this.#generation, bytes);
      if (queued < 0) {
        // The core has found an end that it has not reported yet.
        staging.settle();
        return this.#refusal(queued, length);
      }
      this.#queued = queued;
    }
    return undefined;
  }

  /** As {@link Connection.#put}, for a message of the connection's protocol. */
  #putMessage(message: unknown): Error | undefined {
    if ((this.#flags & (WRITE_ENDED | OVER)) !== 0) return this.#refusal();
    const owner = this.#owner;
    const slot = this.#slot;
    const put = owner.outgoing.put(owner, this, slot, this.#generation, message, this.#staged);
    if (typeof put !== 'number') return this.#put(put);
    this.#staged = put;
    // Writing it may have sent the writes staged before, and that may have ended the connection.
    return (this.#flags & (WRITE_ENDED | OVER)) === 0 ? undefined : this.#refusal();
  }

  /** The error of a refused write. If the connection has failed, it is the connection's error. */
  #refusal(refusal = 0, length = 0): Error {
    const isEnded = (this.#flags & (OVER | WRITE_ENDED)) === WRITE_ENDED;
    return later.refusalOf(this.#late, isEnded, this.#owner, refusal, length);
  }

  /**
   * Gives the connection another protocol, or another framing with its `maxFrame`. It applies to what is written from now on, and to
   * received bytes that are not decoded yet. Returns the connection. Throws `ERR_CLOSED` if it is closed or its input is dropped.
   */
  upgrade<NewIn, NewOut>(to: Protocol<NewIn, NewOut>): Connection<Data, NewIn, NewOut>;
  upgrade(to: UpgradeOptions): Connection<Data>;
  upgrade(to: unknown): Connection<Data, never, never> {
    this.#owner = this.#owner.upgrade(this.#owner, this.#slot, this.#generation, to);
    this.#flags |= MESSAGES;
    return this as unknown as Connection<Data, never, never>;
  }

  /**
   * Sends `data`, if given, and then the end (FIN). Resolves when the kernel has taken everything. Receiving goes on. A second
   * call is allowed. `data` is accepted even if `maxBufferedAmount` bytes or more wait to be sent. From now on `endTimeout`
   * applies, whether or not the program reads.
   *
   * Rejects as {@link Connection.write} if `data` is refused, and with the connection's error if bytes written before are lost.
   * The end is still sent if that is possible. The call itself throws as `write()` does; no end is sent then.
   */
  end(data?: Out): Promise<void> {
    if (data === undefined) return this.#end(false);
    const isOpen = (this.#flags & (WRITE_ENDED | OVER)) === 0;
    const bytes = this.#owner.outgoing.last(this.#owner, this, data, isOpen);
    let unsent = 0;
    if (isOpen) {
      unsent = this.#owner.staging.finish(this.#slot, this.#generation, bytes, this.#staged);
      if (unsent >= 0) return this.#finish(unsent);
      this.#owner.staging.settle();
    }
    const refusal = this.#refusal(unsent, lengthOf(bytes));
    void this.#end(false);
    return later.rejected(refusal);
  }

  #end(discard: boolean): Promise<void> {
    if ((this.#flags & OVER) !== 0)
      return this.#late?.reason?.bytesUnsent === 0 ? DONE : later.rejected(this.#refusal());
    return this.#finish(this.#owner.native.end(this.#slot, this.#generation, discard));
  }

  /** This side has ended. `unsent` bytes are still to be sent before the FIN. */
  #finish(unsent: number): Promise<void> {
    this.#flags |= WRITE_ENDED;
    // No write can follow, so the queue only shrinks.
    this.#release(CONGESTED);
    if (unsent === 0) return DONE;
    return later.whenFinished((this.#late ??= {}));
  }

  /**
   * Closes the connection at once. Queued bytes are lost, and so are received bytes that were not read. The peer sees a reset
   * (`ECONNRESET`) if written bytes are lost, or if the kernel holds bytes that this side has not received (RFC 1122, 4.2.2.13).
   * Otherwise it sees the end, even if the program has not read all that was received; see {@link Connection.reset}.
   * Reads and writes then reject with `error`, and `closed` resolves with it. If the connection had failed before, they get its
   * own error instead. Throws a `TypeError` if `error` is not an `Error`.
   */
  destroy(error?: Error | null): void {
    errorOrNothing('error', error);
    this.#giveUp(error ?? undefined, false);
  }

  /**
   * Like {@link Connection.destroy}, but the peer always sees a reset (RST). Bytes that the kernel has taken and not sent yet are
   * lost as well, as with SO_LINGER and a time of 0 (socket(7)).
   */
  reset(): void {
    this.#giveUp(undefined, true);
  }

  #giveUp(error: Error | undefined, reset: boolean): void {
    const { native, staging } = this.#owner;
    // Staged writes were made before: they are sent, or counted as unsent. Sending them may end the connection.
    staging.settle();
    if ((this.#flags & OVER) !== 0) return;
    const counts = native.destroy(this.#slot, this.#generation, reset);
    // Lent chunks are not given back here: the consumer may be other code, which is still reading a chunk.
    this.#chunks = undefined;
    this.#over(later.givenUp((this.#late ??= {}), counts, error));
  }

  /**
   * Resolves to the next chunk, or to `null` at the peer's end and after a loop over the connection was left. Rejects once with
   * the connection's error, if it has one, and with `ERR_CONSUMED` when `server.events()` takes the bytes.
   */
  async read(): Promise<In | null> {
    const result = await this.#next();
    return result.done === true ? null : (result.value as In);
  }

  /**
   * Iterates chunks until the peer's end. Throws what `read()` rejects with, after the chunks that arrived before. Leaving the loop
   * early ends the connection gracefully and ends pending reads; bytes that still arrive are dropped.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In, undefined, undefined> {
    return Connection.#iterate(this) as AsyncIterableIterator<never>;
  }

  /** Ends the connection gracefully, and resolves when it is over. Bytes that still arrive are dropped. */
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
   * can still be read; after them `read()` and the iterator wait. With `server.events()` the `data` events of the connection that
   * the consumer has not taken wait too, and so does the `end` after them. Writing goes on.
   *
   * Pausing twice is the same as once. A paused connection is not idle for {@link Server.close}. If its peer resets it, the
   * connection fails after `resume()`, or after `endTimeout` if that comes first. Chunks that have arrived come before the error;
   * after `endTimeout` the bytes that the kernel still holds are lost.
   */
  pause(): this {
    if ((this.#flags & (OVER | STOPPED)) !== 0) return this;
    this.#hold(STOPPED);
    this.#owner.native.pause(this.#slot, this.#generation);
    return this;
  }

  /** Receives again after `pause()`. If more than `readHighWaterMark` bytes are unread, enough of them must be read first. */
  resume(): this {
    if ((this.#flags & STOPPED) === 0) return this;
    this.#release(STOPPED);
    this.#owner.closer.endSoon(this);
    if ((this.#flags & PAUSED) === 0) this.#owner.native.resume(this.#slot, this.#generation);
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

  /** The send queue has reached the high watermark. The core reports when it has fallen to the low one. */
  #congest(): void {
    if (this.#owner.sink?.backpressure === true && (this.#flags & WRITE_ENDED) === 0)
      this.#hold(CONGESTED);
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

  /** The consumer has left: what was written is still sent, and what arrives is dropped. */
  #leave(): void {
    this.#flags |= LEFT;
    this.#chunks = undefined;
    this.#late?.messages?.clear();
    this.#forgetUnread();
    this.#unread = 0;
    this.#giveBack();
    this.#tellWaiters();
    void this.#end(true);
  }

  /** Settles every read that waits for a chunk: the first one with the error, if there is one, the others with the end. */
  #tellWaiters(error?: Error): void {
    for (let waiter = this.#shiftWaiter(); waiter !== undefined; waiter = this.#shiftWaiter())
      waiter(error === undefined ? NO_MORE : this.#tellError(error));
  }

  /** Gives back all lent chunks: the consumer no longer uses those that it took, and there are no others. */
  #giveBack(): void {
    const lent = this.#flags >> LENT_SHIFT;
    if (lent === 0) return;
    this.#owner.arena.giveBack(lent);
    this.#flags &= (1 << LENT_SHIFT) - 1;
    if ((this.#flags & OVER) !== 0) forgotten.unregister(this);
  }

  #next(): Promise<IteratorResult<Chunk, undefined>> {
    if (this.#owner.sink !== undefined) return consumedByEvents();
    const yielding = this.#owner.fairness.next();
    if (yielding !== undefined) return yielding.then(() => this.#next());
    const chunk = this.#chunks?.shift();
    if (chunk !== undefined) {
      if (this.#chunks?.length === 0) this.#chunks = undefined;
      this.#countUnread(-chunk.length - CHUNK_COST);
      return Promise.resolve({ value: chunk, done: false });
    }
    this.#giveBack();
    if ((this.#flags & (READ_ENDED | OVER | LEFT | CLOSING | MESSAGES)) !== 0) {
      const message = this.#late?.messages?.shift();
      if (message !== undefined) {
        this.#countUnread(-message.bytes - CHUNK_COST);
        return Promise.resolve(message as IteratorYieldResult<Chunk>);
      }
      if ((this.#flags & (READ_ENDED | OVER | LEFT)) !== 0) return this.#lastResult();
      this.#owner.closer.endSoon(this);
    }
    return new Promise((resolve) => (this.#waiters = withWaiter(this.#waiters, resolve)));
  }

  /** The result of a read when no chunk is left: the connection's error once, and then the end. */
  #lastResult(): Promise<IteratorResult<Chunk, undefined>> {
    const error = this.#late?.reason?.error ?? this.#late?.readError;
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
    const first = firstWaiter(this.#waiters);
    this.#waiters = otherWaiters(this.#waiters);
    return first;
  }

  #handleData(data: Chunk, isLent: boolean): void {
    if ((this.#flags & (OVER | LEFT | MESSAGES)) !== 0) {
      this.#owner.incoming.chunk(this, data, isLent);
      return;
    }
    const sink = this.#owner.sink;
    if (sink === undefined) {
      // Beyond MOST_LENT chunks are not counted; their memory is not reused, which wastes it but is safe.
      if (isLent && this.#flags >> LENT_SHIFT < MOST_LENT) this.#flags += 1 << LENT_SHIFT;
      const waiter = this.#shiftWaiter();
      if (waiter !== undefined) {
        waiter({ value: data, done: false });
        return;
      }
      (this.#chunks ??= []).push(data);
    }
    const cost = data.length + CHUNK_COST;
    this.#unread += cost;
    this.#owner.room.unread += cost;
    sink?.data(this, data, isLent);
    this.#countUnread(0);
  }

  /** Counts bytes as unread, or as read if there are less than none. Receiving pauses while too many are unread. */
  #countUnread(bytes: number): void {
    this.#unread += bytes;
    const { room } = this.#owner;
    // A connection that is over does not count for the server: the program may never read what is left.
    if ((this.#flags & OVER) === 0) room.count(bytes);
    const { most } = room;
    const isPaused = (this.#flags & PAUSED) !== 0;
    if (isPaused ? this.#unread > most / 2 : this.#unread <= most) return;
    this.#flags ^= PAUSED;
    if ((this.#flags & STOPPED) !== 0) return;
    if (isPaused) this.#owner.native.resume(this.#slot, this.#generation);
    else this.#owner.native.pause(this.#slot, this.#generation);
  }

  /** What is unread no longer counts for the server. */
  #forgetUnread(): void {
    if ((this.#flags & OVER) === 0) this.#owner.room.count(-this.#unread);
  }

  #handleEnd(): void {
    if ((this.#flags & OVER) !== 0) return;
    this.#flags |= READ_ENDED;
    const { sink } = this.#owner;
    if (sink !== undefined) sink.end(this);
    else if (this.#waiters !== undefined) {
      this.#tellWaiters();
      this.#takeEnd();
    }
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
      this.#owner.closer.endSoon(this);
    }
  }

  /**
   * Nothing more can be written. `byProtocol`: the protocol has ended this side. If it found an error, nothing more is received.
   * Otherwise a send has failed, and the close may come much later, when the consumer has read the input.
   */
  #handleWritingEnded(detail: number, byProtocol: boolean): void {
    this.#flags |= WRITE_ENDED;
    this.#release(CONGESTED);
    const late = later.keepError((this.#late ??= {}), detail, this.#owner, byProtocol);
    if (!byProtocol) later.settleUnsent(late, () => this.#refusal());
    if (late.readError === undefined || this.#owner.sink !== undefined) return;
    this.#flags |= READ_ENDED;
    this.#tellWaiters(late.readError);
  }

  /** The connection is over. This is called once. */
  #over(reason: CloseReason): void {
    const late = (this.#late ??= {});
    const { arena, reactor, sink, onClose } = this.#owner;
    late.reason = reason;
    late.counters ??= [0, 0];
    if ((this.#flags & UNREFED) === 0) reactor.release();
    this.#forgetUnread();
    this.#flags |= OVER;
    // The connection's waiting events come before its close event.
    this.#release(HELD);
    this.#queued = 0;
    // A consumer that reads to the end has given back every lent chunk. One that stops before may still use some.
    const lent = this.#flags >> LENT_SHIFT;
    if (lent > 0) forgotten.register(this, { arena, lent }, this);
    this.#tellWaiters(reason.error);
    later.settleAll(late, () => this.#refusal());
    sink?.close(this, reason);
    onClose?.(this, reason);
  }

  /** The result for a read that waits: the error for the first one, and the end for the others. */
  #tellError(error: Error): IteratorResult<Chunk, undefined> | Promise<never> {
    if ((this.#flags & ERROR_TOLD) !== 0) return NO_MORE;
    this.#flags |= ERROR_TOLD;
    return Promise.reject(error);
  }
}

/** A connection whose messages may be of any type. */
export type AnyConnection = Connection<unknown, unknown, unknown>;

/** The functions of a connection for other modules of the package. */
export const core: ConnectionCore = access;
