/**
 * The messages of a server's connections in batches: what `server.batches()` iterates.
 *
 * Back-pressure is per connection, as with `events()`. While a connection is held, its messages wait here in their order, with what
 * follows them, and those of the others go on.
 *
 * A message lies in memory that is received into again: its fields in a buffer, which the arena lends until the consumer asks for the
 * next batch, and its table in an array that the next turn writes. A consumer has read a batch when microtasks have run. If it has
 * not, because it awaits something else, the tables are copied. Only Node.js runs all microtasks before the next turn. In other runtimes
 * each table is copied at once.
 */
import type { Chunk } from '../internal/chunk.js';
import { isNode } from '../internal/driver.js';
import type { Waiter } from '../internal/iterator.js';
import { NO_MORE } from '../internal/iterator.js';
import type { Arena } from './arena.js';
import type { AnyBatch, BatchSource } from './batch.js';
import { batchCore } from './batch.js';
import type { Part } from './batch-contents.js';
import { Contents, copyOf, keepTable, partOf } from './batch-contents.js';
import type { CloseReason } from './close-reason.js';
import { ClosingConnections } from './closer.js';
import type { AnyConnection } from './connection.js';
import { HELD } from './connection-flags.js';
import { core } from './connection.js';
import type { EventSink } from './event-sink.js';
import type { Fairness } from './fairness.js';
import type { Place } from './incoming.js';
import { placeOf } from './incoming.js';
import type { Names } from './message-names.js';
import type { AnyProtocol } from './protocol.js';
import { ITEM_COST } from './unread-messages.js';

const { countUnread, flagsOf, handleEndTaken, isGivenUp } = core;
const { closeBatch, detachBatch, makeBatch } = batchCore;

/** Its reactions run when the microtasks that are queued now have run. */
const SOON = Promise.resolve();

/** What waits of a held connection. */
interface Waiting {
  readonly parts: Part[];
  isEnded: boolean;
}

/** What the stream needs from its server. */
export interface BatchesOwner {
  readonly arena: Arena;
  readonly fairness: Fairness;
  readonly names: Names;
  /** The array of tables that each turn writes. */
  readonly tables: Int32Array;
  /** The consumer took a connection that was opened. */
  opened(): void;
}

/** The one stream of a server's batches, and the sink of its connections. */
export class BatchStream implements EventSink, BatchSource {
  backpressure = true;
  /**
   * How many reasons there are to check a message before the consumer gets it: held connections, and closes of connections that the
   * consumer destroyed. Nearly always 0.
   */
  exceptions = 0;
  readonly #owner: BatchesOwner;
  /** What the next batch has. */
  #filling = new Contents();
  /** For the batch after that. */
  #spare: Contents | undefined;
  /** The batch that the consumer got last. */
  #given: AnyBatch | undefined;
  #waiters: Waiter<AnyBatch>[] = [];
  /** Whether {@link BatchStream.#hand} will be called soon. */
  #announced = false;
  readonly #waiting = new Map<AnyConnection, Waiting>();
  #closing: ClosingConnections | undefined;
  #isOver = false;
  /** The reason of a failure, until a pull was rejected with it. */
  #failure: { reason: unknown } | undefined;

  constructor(owner: BatchesOwner) {
    this.#owner = owner;
  }

  /** A connection was accepted. */
  open(connection: AnyConnection): void {
    this.#filling.opened.push(connection);
    this.#announce();
  }

  readonly messages = (
    connection: AnyConnection,
    protocol: AnyProtocol | undefined,
    place: Place,
    isLent: boolean,
  ): void => {
    const part = this.#add(connection, protocol, place, isLent);
    // A consumer that waits takes it before anything else is received.
    if (this.#waiters.length === 0 || this.#waiting.has(connection)) count(part, place.length);
  };

  /** A chunk of a connection without a protocol. The connection has counted it as unread. */
  data(connection: AnyConnection, data: unknown, isLent: boolean): void {
    const chunk = data as Chunk;
    const part = this.#add(connection, undefined, placeOf(chunk), isLent);
    part.unread = chunk.length + ITEM_COST;
  }

  #add(
    connection: AnyConnection,
    protocol: AnyProtocol | undefined,
    place: Place,
    isLent: boolean,
  ): Part {
    if (this.exceptions > 0 && isHeld(connection)) {
      const part = copyOf(partOf(connection, protocol, place), place.start, place.count);
      this.#waitingOf(connection).parts.push(part);
      if (isLent) this.#owner.arena.giveBack(1);
      return part;
    }
    if (isLent) this.#filling.lent += 1;
    this.#announce();
    const part = this.#filling.add(connection, protocol, place);
    if (!isNode) keepTable(part);
    return part;
  }

  #waitingOf(connection: AnyConnection): Waiting {
    let waiting = this.#waiting.get(connection);
    if (waiting === undefined) {
      waiting = { parts: [], isEnded: false };
      this.#waiting.set(connection, waiting);
    }
    return waiting;
  }

  end(connection: AnyConnection): void {
    if (isHeld(connection)) this.#waitingOf(connection).isEnded = true;
    else {
      this.#filling.ended.push(connection);
      this.#announce();
    }
  }

  /** Batches do not tell of it: a program awaits the promise of its write. */
  drain(_connection: AnyConnection): void {}

  close(connection: AnyConnection, reason: CloseReason): void {
    if (isGivenUp(connection)) this.exceptions += 1;
    this.#filling.closed.push({ connection, reason });
    this.#announce();
  }

  hold(_connection: AnyConnection): void {
    this.exceptions += 1;
  }

  release(connection: AnyConnection): void {
    this.exceptions -= 1;
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) return;
    this.#waiting.delete(connection);
    if (isGivenUp(connection)) return;
    for (const part of waiting.parts)
      this.#filling.add(connection, part.protocol, part).unread = part.unread;
    if (waiting.isEnded) this.#filling.ended.push(connection);
    this.#announce();
  }

  withholds(contents: Contents, part: Part, at: number, left: number): boolean {
    const connection = part.connection as AnyConnection;
    const isDropped = isGivenUp(connection);
    if (!isDropped && !isHeld(connection)) return false;
    if (!isDropped) {
      // What is in this batch and in the next one comes before what waits already.
      const rest = copyOf(part, at, left);
      count(rest, Math.floor((part.length * left) / part.count));
      const later = contents.remove(connection, part);
      for (const one of later) count(one, one.length);
      const waiting = this.#waitingOf(connection);
      waiting.parts.unshift(rest, ...later, ...this.#filling.remove(connection));
      if (contents.removeEnd(connection) || this.#filling.removeEnd(connection))
        waiting.isEnded = true;
    }
    contents.shorten(part, left);
    return true;
  }

  /** The next batch, or the end. */
  next(): Promise<IteratorResult<AnyBatch, undefined>> {
    this.#takeBack();
    const yielding = this.#owner.fairness.next();
    if (yielding !== undefined) return yielding.then(() => this.next());
    this.#closing?.endSoon();
    if (!this.#filling.isEmpty) return Promise.resolve({ value: this.#give(), done: false });
    if (this.#isOver) return Promise.resolve(this.#last());
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Something was added to the next batch. */
  #announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    void SOON.then(this.#hand);
  }

  /** Gives the batch to a consumer that waits. If none waits, copies the tables, which the next turn writes again. */
  readonly #hand = (): void => {
    this.#announced = false;
    if (this.#filling.isEmpty) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#filling.detach(this.#owner.tables);
    else {
      this.#takeBack();
      waiter({ value: this.#give(), done: false });
    }
  };

  /** Ends the batch that the consumer got last, because it asks for the next one. */
  #takeBack(): void {
    const batch = this.#given;
    if (batch === undefined) return;
    this.#given = undefined;
    const contents = closeBatch(batch);
    for (const connection of contents.ended) handleEndTaken(connection);
    this.#giveBack(contents);
    contents.reset();
    this.#spare = contents;
  }

  #giveBack(contents: Contents): void {
    if (contents.lent > 0) this.#owner.arena.giveBack(contents.lent);
  }

  #give(): AnyBatch {
    const contents = this.#filling;
    this.#filling = this.#spare ?? new Contents();
    this.#spare = undefined;
    for (let index = 0; index < contents.used; index += 1) {
      const part = contents.parts[index] as Part;
      const connection = part.connection as AnyConnection;
      if (part.unread > 0) countUnread(connection, -part.unread);
      if (this.exceptions > 0 && isGivenUp(connection)) contents.shorten(part, part.count);
    }
    for (let left = contents.opened.length; left > 0; left -= 1) this.#owner.opened();
    for (const { connection } of contents.closed) if (isGivenUp(connection)) this.exceptions -= 1;
    const batch = makeBatch(this, contents, this.#owner.names);
    this.#given = batch;
    if (contents.used > 0) void SOON.then(this.#detachLater);
    return batch;
  }

  /** The consumer's reaction to the batch comes after this one, and before that of the next promise. */
  readonly #detachLater = (): void => void SOON.then(this.#detachGiven);

  /** The consumer has not finished with its batch, and the next turn writes the tables again. */
  readonly #detachGiven = (): void => {
    if (this.#given !== undefined) detachBatch(this.#given, this.#owner.tables);
  };

  #last(): IteratorReturnResult<undefined> | Promise<never> {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure === undefined ? NO_MORE : Promise.reject(failure.reason);
  }

  waitsFor(connection: AnyConnection): boolean {
    return this.#waiters.length > 0 && this.#filling.isEmpty && !this.#waiting.has(connection);
  }

  /** The server closes: ends each of these connections as soon as it is idle. */
  endOnceIdle(connections: Iterable<AnyConnection>): void {
    this.#closing = new ClosingConnections(connections);
    this.#closing.endSoon();
  }

  /** Nothing is added after this; what waits is still given. */
  finish(): void {
    this.#isOver = true;
    this.#hand();
    for (const waiter of this.#waiters.splice(0)) waiter(this.#last());
  }

  /** Drops what waits, and ends: the next pull rejects with `reason`, those after it get the end. */
  fail(reason: unknown): void {
    this.#drop();
    this.#failure = { reason };
    this.finish();
  }

  /** The consumer has left its loop: drops what waits. */
  clear(): void {
    this.#takeBack();
    this.#drop();
  }

  #drop(): void {
    this.#giveBack(this.#filling);
    this.#filling.reset();
    this.#waiting.clear();
  }
}

/** Whether the connection's messages must wait. */
function isHeld(connection: AnyConnection): boolean {
  return (flagsOf(connection) & HELD) !== 0;
}

/** Counts a part as unread, whose messages were made from so many received bytes. */
function count(part: Part, bytes: number): void {
  part.unread = bytes + part.count * ITEM_COST;
  countUnread(part.connection as AnyConnection, part.unread);
}
