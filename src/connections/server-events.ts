/**
 * The events of a server's connections as one stream: what `server.events()` iterates.
 *
 * Back-pressure is per connection. While a connection is held (its send queue is at the high watermark, or `pause()` was
 * called), its `data`, `end` and `close` events wait here in their order, and the events of the others go on. The
 * bytes that wait count as unread, so that the connection's own limit pauses receiving.
 *
 * The events of one connection keep their order, except `drain`. None of them follows `close`. Connections take turns: of each, one
 * event at a time is in the mailbox, and the next one goes to its end when the consumer has taken that. So a connection with many
 * events delays the others by one event, however slow the consumer is.
 */
import type { Chunk, Payload } from '../internal/chunk.js';
import type { AnyConnection, Connection } from './connection.js';
import { ClosingConnections } from './closer.js';
import * as flags from './connection-flags.js';
import { core } from './connection.js';
import type { Arena } from './arena.js';
import type { CloseReason } from './close-reason.js';
import type { Drop } from './drops.js';
import type { EventSink } from './event-sink.js';
import type { Fairness } from './fairness.js';
import { Mailbox } from './mailbox.js';
import type { OptionNames } from '../internal/option-names.js';
import { ITEM_COST } from './unread-messages.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { countUnread, flagsOf, handleEndTaken, isGivenUp, messagesOf, setFlags } = core;
const EVENT_COST: number = ITEM_COST;
const { EVENT_WAITS, HELD } = flags;

/**
 * One event of one connection, from `server.events()`. `open`: the server accepted it. `data`: a chunk or a message, as the
 * connection's own iterator would give it. `drain`: a write that had to wait may go on; it has no fixed place among the `data` events.
 * `end`: the peer sends no more. `close`: the connection is over, for `reason`, and no event of it follows.
 */
export type ServerEvent<Data = unknown, In = Chunk, Out = Payload> =
  | { type: 'open'; connection: Connection<Data, In, Out> }
  | { type: 'data'; connection: Connection<Data, In, Out>; data: In }
  | { type: 'drain'; connection: Connection<Data, In, Out> }
  | { type: 'end'; connection: Connection<Data, In, Out> }
  | { type: 'close'; connection: Connection<Data, In, Out>; reason: CloseReason };

/**
 * An event of `server.events()` with the option `drops`: the server has refused connections, and made no object for them. There are
 * ten such events a second at most. While one waits to be taken, the next one with its reason adds to its count.
 */
export interface DropEvent extends Drop {
  type: 'drop';
  /** It is of no connection. */
  connection?: undefined;
}

/** The options of `server.batches()`, and of `server.events()`. */
export interface BatchesOptions {
  /**
   * While `highWaterMark` bytes or more of a connection wait to be sent, its `data` events wait too, and so does what follows
   * them, until the queue has fallen to `lowWaterMark` or the connection is over. Its receiving pauses once more than
   * `readHighWaterMark` bytes are unread. Other connections go on. So a server that writes without awaiting, as an echo does,
   * keeps no more for a peer that reads slowly than these limits.
   *
   * Turn it off for a protocol in which the peer reads only after it has sent everything: if both ends stop receiving while they
   * have much to send, they wait for each other for ever. When it is off, the program itself must stop writing to a slow peer, or
   * the connection ends at `maxBufferedAmount`. Default `true`.
   */
  backpressure?: boolean | undefined;
}

/** The options of `server.events()`. */
export interface EventsOptions extends BatchesOptions {
  /**
   * Gives a {@link DropEvent} when the server has refused connections. It is an option because these events have no `connection`, which
   * all others have. TypeScript knows of them if it sees `drops: true` in the call. Default `false`.
   */
  drops?: boolean | undefined;
}

export const BATCHES_OPTIONS: OptionNames<BatchesOptions> = { backpressure: true };
export const EVENTS_OPTIONS: OptionNames<EventsOptions> = {
  ...BATCHES_OPTIONS,
  drops: true,
};

/** Every event of a connection has the same shape, so that reading one costs the same for all. */
interface Item {
  type: ServerEvent['type'];
  connection: AnyConnection;
  data: unknown;
  reason: CloseReason | undefined;
}

/** What the stream needs from its server. */
export interface EventsOwner {
  readonly arena: Arena;
  readonly fairness: Fairness;
  /** Whether chunks are borrowed: their memory is received into again once the consumer has given it back. */
  readonly lends: boolean;
  /** The consumer took an `open` event. */
  opened(): void;
}

/** The one stream of a server's events, and the sink of its connections. */
export class EventStream implements EventSink {
  backpressure = true;
  /** Whether the consumer wants `drop` events. */
  drops = false;
  readonly #owner: EventsOwner;
  readonly #mailbox: Mailbox<Item | DropEvent>;
  /** The `drop` events that the consumer has not taken, by their reason. */
  readonly #drops = new Map<Drop['reason'], DropEvent>();
  /** How many chunks are lent to the consumer, whether or not it took them. */
  #lent = 0;
  /**
   * How many reasons there are to check an event before the consumer gets it: held connections, `close` events of connections
   * that the consumer destroyed, and a server that closes. Nearly always 0, so that a message costs one comparison.
   */
  #exceptions = 0;
  /** The events of a connection that wait behind its event in the mailbox, or all that wait of one that is held. */
  readonly #waiting = new Map<AnyConnection, Item[]>();
  /** Connections that are held and have events waiting. The mailbox has none of theirs. */
  readonly #parked = new Set<AnyConnection>();

  /** While the server closes: the connections that are still to be ended. */
  #closing: ClosingConnections | undefined;

  constructor(owner: EventsOwner) {
    this.#owner = owner;
    this.#mailbox = new Mailbox((item) => this.#taken(item));
  }

  /** A connection was accepted. */
  open(connection: AnyConnection): void {
    this.#push('open', connection, undefined, undefined);
  }

  data(connection: AnyConnection, data: unknown, isLent: boolean): void {
    if (isLent) this.#lent += 1;
    this.#push('data', connection, data, undefined);
  }

  end(connection: AnyConnection): void {
    this.#push('end', connection, undefined, undefined);
  }

  drain(connection: AnyConnection): void {
    this.#push('drain', connection, undefined, undefined);
  }

  close(connection: AnyConnection, reason: CloseReason): void {
    if (isGivenUp(connection)) this.#exceptions += 1;
    this.#push('close', connection, undefined, reason);
  }

  /** Connections were refused. */
  drop({ address, reason, count }: Drop): void {
    if (!this.drops) return;
    const waiting = this.#drops.get(reason);
    if (waiting !== undefined) {
      waiting.address = address;
      waiting.count += count;
      return;
    }
    const event: DropEvent = { type: 'drop', address, reason, count };
    this.#drops.set(reason, event);
    this.#mailbox.push(event);
  }

  hold(_connection: AnyConnection): void {
    this.#exceptions += 1;
  }

  release(connection: AnyConnection): void {
    this.#exceptions -= 1;
    if (!this.#parked.delete(connection)) return;
    // If the program gave the connection up, its waiting events are lost, like the unread chunks of a destroyed connection with its
    // own iterator.
    if (isGivenUp(connection)) this.#waiting.delete(connection);
    this.#advance(connection);
  }

  #push(
    type: Item['type'],
    connection: AnyConnection,
    data: unknown,
    reason: CloseReason | undefined,
  ): void {
    const item = { type, connection, data, reason };
    const before = flagsOf(connection);
    if (type === 'drain') this.#mailbox.push(item);
    else if ((before & EVENT_WAITS) !== 0) this.#wait(item);
    else if (!this.#mailbox.isAwaited) {
      setFlags(connection, before | EVENT_WAITS);
      this.#mailbox.push(item);
    } else if (this.#exceptions > 0 && mustWait(item)) {
      setFlags(connection, before | EVENT_WAITS);
      this.#park(item);
      this.#giveBack();
    } else this.#mailbox.push(item);
  }

  /** Another event of the connection waits already. */
  #wait(item: Item): void {
    const { connection } = item;
    if (this.#exceptions > 0 && this.#parked.has(connection)) this.#own(item);
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) this.#waiting.set(connection, [item]);
    else waiting.push(item);
  }

  /** The mailbox has no event of the connection any more: its next one goes to the end of the mailbox, so that all take turns. */
  #advance(connection: AnyConnection): void {
    const waiting = this.#waiting.size === 0 ? undefined : this.#waiting.get(connection);
    for (;;) {
      const next = waiting?.shift();
      if (waiting?.length === 0) this.#waiting.delete(connection);
      if (next === undefined) {
        setFlags(connection, flagsOf(connection) & ~EVENT_WAITS);
        return;
      }
      if (this.#exceptions > 0 && isLost(next)) this.#taken(next);
      else {
        const stays = !this.#mailbox.isAwaited;
        this.#mailbox.push(next);
        if (stays) return;
      }
    }
  }

  /** The next event, or the end. */
  next(): Promise<IteratorResult<ServerEvent | DropEvent, undefined>> {
    const yielding = this.#owner.fairness.next();
    if (yielding !== undefined) return yielding.then(() => this.next());
    if (this.#exceptions > 0) {
      this.#sift();
      this.#closing?.endSoon();
    }
    if (this.#mailbox.size === 0) {
      this.#giveBack();
      return this.#mailbox.next() as Promise<IteratorResult<ServerEvent | DropEvent, undefined>>;
    }
    const item = this.#mailbox.shift();
    if (item.type !== 'drop' && item.type !== 'drain') this.#advance(item.connection);
    this.#taken(item);
    return Promise.resolve({ value: item as ServerEvent, done: false });
  }

  /** The server closes: ends each of these connections as soon as it is idle. */
  endOnceIdle(connections: Iterable<AnyConnection>): void {
    if (this.#closing === undefined) this.#exceptions += 1;
    this.#closing = new ClosingConnections(connections);
    this.#closing.endSoon();
  }

  waitsFor(connection: AnyConnection): boolean {
    return this.#mailbox.isAwaited && !this.#parked.has(connection);
  }

  /** No event is pushed after this; those that wait are still given. */
  finish(): void {
    this.#mailbox.finish();
  }

  /** Drops the events that wait, and ends: the next pull rejects with `reason`, those after it get the end. */
  fail(reason: unknown): void {
    // The chunk that the consumer got last stays lent until the next call of next().
    this.#clear();
    this.#mailbox.fail(reason);
  }

  /** The consumer has left its loop: drops the events that wait. */
  clear(): void {
    this.#clear();
    this.#giveBack();
  }

  #clear(): void {
    this.#mailbox.clear(() => {});
    for (const waiting of this.#waiting.values()) for (const item of waiting) this.#taken(item);
    this.#waiting.clear();
    this.#parked.clear();
  }

  /** Drops events of destroyed connections and sets aside those of held ones, until the mailbox's first event may be given. */
  #sift(): void {
    for (;;) {
      const item = this.#mailbox.first;
      if (item === undefined || item.type === 'drop') return;
      const isGone = isLost(item);
      if (!isGone && !mustWait(item)) return;
      this.#mailbox.shift();
      if (!isGone) this.#park(item);
      else {
        if (item.type !== 'drain') this.#advance(item.connection);
        this.#taken(item);
      }
    }
  }

  /** The connection is held: the mailbox has none of its events until it is released. */
  #park(item: Item): void {
    const { connection } = item;
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) this.#waiting.set(connection, [item]);
    else waiting.unshift(item);
    this.#parked.add(connection);
    for (const one of waiting ?? [item]) this.#own(one);
  }

  /** A borrowed chunk is copied: nothing may be received into its memory while it waits, and other connections need the memory. */
  #own(item: Item): void {
    if (this.#owner.lends && Buffer.isBuffer(item.data)) item.data = Buffer.from(item.data);
  }

  /** Counts an event as taken, because the consumer gets it now or because it is dropped. */
  #taken(item: Item | DropEvent): void {
    if (item.type === 'drop') this.#drops.delete(item.reason);
    else if (item.type === 'data') countUnread(item.connection, -lengthOf(item) - EVENT_COST);
    else if (item.type === 'open') this.#owner.opened();
    else if (item.type === 'end') handleEndTaken(item.connection);
    else if (item.type === 'close' && isGivenUp(item.connection)) this.#exceptions -= 1;
  }

  /** The consumer no longer uses any chunk that it was lent. */
  #giveBack(): void {
    if (this.#lent === 0) return;
    this.#owner.arena.giveBack(this.#lent);
    this.#lent = 0;
  }
}

/** Whether the connection's events must wait. */
function isHeld(connection: AnyConnection): boolean {
  return (flagsOf(connection) & HELD) !== 0;
}

/** How many received bytes a `data` event counts for. */
function lengthOf({ connection, data }: Item): number {
  const messages = messagesOf(connection);
  return messages === undefined ? (data as Chunk).length : messages.take(data);
}

/** Whether the event is dropped because its connection was destroyed: only the close still follows. */
function isLost({ type, connection }: Item): boolean {
  return type !== 'close' && type !== 'open' && isGivenUp(connection);
}

function mustWait({ type, connection }: Item): boolean {
  return type !== 'open' && type !== 'drain' && isHeld(connection);
}
