/**
 * A listening server. A program iterates it for its connections, or takes the events of all connections from one iterator.
 *
 * At most `maxPending` connections are accepted before the consumer takes them, and none before there is a consumer.
 */
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

import type { Chunk, Payload } from '../internal/chunk.js';
import type { Address } from './address.js';
import type { AddressList } from './address-list.js';
import { addressList } from './address-list.js';
import type { CloseReason } from './close-reason.js';
import type { AnyConnection, Connection } from './connection.js';
import { endOnceIdle } from './closer.js';
import { core } from './connection.js';
import { afterRound } from './after-round.js';
import type { Acceptor } from './dispatch.js';
import { Drops } from './drops.js';
import type { Owner } from './owner.js';
import { makeOwner } from './owner.js';
import { EdgepollError, eventError } from '../internal/errors.js';
import { endpoint, showAs } from '../internal/inspect.js';
import { iteratorsOver } from '../internal/iterator.js';
import { Mailbox } from './mailbox.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import type { ListenConfig } from './listen-options.js';
import type { Reactor } from './reactor.js';
import { Room } from './room.js';
import type { AnyBatch, Batch } from './batch.js';
import { BatchStream } from './server-batches.js';
import type { BatchesOptions, DropEvent, EventsOptions, ServerEvent } from './server-events.js';
import { BATCHES_OPTIONS, EVENTS_OPTIONS, EventStream } from './server-events.js';
import type { FailureStats, ServerStats } from './server-stats.js';
import { countFailure, noFailures } from './server-stats.js';
import {
  abortReason,
  errorOrNothing,
  isError,
  optionalBoolean,
  optionalInteger,
} from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { makeConnection } = core;

/** The open connections of a server, in no order. */
export interface Connections<Data = unknown, In = Chunk, Out = Payload> extends Iterable<
  Connection<Data, In, Out>
> {
  /** How many connections were open when `server.connections` was read. */
  readonly size: number;
}

/** The options of {@link Server.close}. */
export interface CloseOptions {
  /**
   * `true` ends each connection once it is idle, `false` destroys all connections at once, as {@link Connection.destroy}. Default
   * `true`.
   */
  graceful?: boolean | undefined;
  /** Milliseconds until connections that are still open are destroyed. Default 30,000, at most 2^31 − 1. */
  timeout?: number | undefined;
}

const CLOSE_OPTIONS: OptionNames<CloseOptions> = { graceful: true, timeout: true };

type MakeServer = (
  reactor: Reactor,
  slot: number,
  generation: number,
  config: ListenConfig,
) => Server;

// The class's static block sets these, because only code inside the class can reach private fields.
let make: MakeServer;
let iterateConnections: <Data, In, Out>(
  server: Server<Data, In, Out>,
) => AsyncIterableIterator<Connection<Data, In, Out>, undefined, undefined>;
let iterateBatches: <Data, In, Out>(
  server: Server<Data, In, Out>,
) => AsyncIterableIterator<Batch<Data, In, Out>, undefined, undefined>;
let iterateEvents: <Data, In, Out>(
  server: Server<Data, In, Out>,
) => AsyncIterableIterator<ServerEvent<Data, In, Out>, undefined, undefined>;

/**
 * A TCP server. `Data` is the type of its connections' {@link Connection.data}, and `In` and `Out` are what they receive and
 * write.
 */
export class Server<Data = unknown, In = Chunk, Out = Payload>
  implements AsyncIterable<Connection<Data, In, Out>, undefined>, AsyncDisposable
{
  readonly #reactor: Reactor;
  readonly #slot: number;
  readonly #generation: number;
  readonly #config: ListenConfig;
  #open = 0;
  /** One of these two is set as soon as the server has a consumer. */
  #accepted: Mailbox<AnyConnection> | undefined;
  #events: EventStream | BatchStream | undefined;
  /** How many connections the consumer has taken since the listener was last allowed to accept more. */
  #taken = 0;
  #pending = 0;
  #total = 0;
  #pauses = 0;
  #acceptError: EdgepollError | undefined;
  readonly #failed: FailureStats = noFailures();
  readonly #drops: Drops;
  #listening = true;
  /** The signal in the options has destroyed the server. */
  #isAborted = false;
  #refed = true;
  readonly #address: Address;
  readonly #owner: Owner;
  readonly #closed: Promise<void>;
  #settleClosed!: () => void;

  private constructor(reactor: Reactor, slot: number, generation: number, config: ListenConfig) {
    this.#reactor = reactor;
    this.#slot = slot;
    this.#generation = generation;
    this.#config = config;
    this.#owner = makeOwner(
      reactor,
      config,
      (_, reason) => this.#forget(reason),
      new Room(config.readHighWaterMark, config.settings.maxTotalBuffered, (unread) =>
        reactor.native.keep(slot, generation, unread),
      ),
    );
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#address = reactor.native.localAddress(slot, generation) as Address;
    this.#drops = new Drops(reactor.native, slot, generation, config.onDrop);
    reactor.dispatcher.addAcceptor(slot, this.#acceptor);
    reactor.retain();
    config.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  static {
    make = (reactor, slot, generation, config) => new Server(reactor, slot, generation, config);
    showAs(Server, (server) => {
      if (!(#open in server)) return undefined;
      return {
        address: endpoint(server.#address),
        listening: server.#listening,
        connections: server.#open,
        pending: server.#pending,
      };
    });
    iterateConnections = iteratorsOver<Server, AnyConnection>(
      (server) => server.#nextConnection(),
      (server) => server.#leave(),
    ) as typeof iterateConnections;
    iterateBatches = iteratorsOver<Server, AnyBatch>(
      (server) => (server.#events as BatchStream).next(),
      (server) => server.#leaveEvents(),
    ) as typeof iterateBatches;
    iterateEvents = iteratorsOver<Server, ServerEvent | DropEvent>(
      (server) => (server.#events as EventStream).next(),
      (server) => server.#leaveEvents(),
    ) as typeof iterateEvents;
  }

  /** Where the server listens. */
  get address(): Address {
    return this.#address;
  }

  /** The connections that are open. */
  get connections(): Connections<Data, In, Out> {
    const { dispatcher } = this.#reactor;
    const owner = this.#owner;
    const size = this.#open;
    return {
      size,
      [Symbol.iterator]: () =>
        dispatcher.connectionsOf(owner) as Iterator<Connection<Data, never, never>>,
    };
  }

  /** Resolves when the server listens no longer and every connection is over. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Returns the server's counters. */
  stats(): ServerStats {
    return {
      accepted: this.#total,
      open: this.#open,
      pending: this.#pending,
      acceptPauses: this.#pauses,
      lastAcceptError: this.#acceptError,
      ...this.#failed,
      ...this.#drops.stats(),
    };
  }

  /**
   * Replaces the option `blockList`. Connections that are open stay open: destroy those that should go. A `net.BlockList` that changes
   * later has to be given again. Does nothing once the server is closed. Throws a `TypeError` or `RangeError` for what is no list.
   *
   * @example
   * server.setBlockList(['203.0.113.0/24']);
   */
  setBlockList(list: AddressList): void {
    const addresses = addressList('list', list);
    this.#reactor.native.block(this.#slot, this.#generation, addresses as string[]);
  }

  readonly #acceptor: Acceptor = {
    accepted: (slot, generation) => this.#accept(slot, generation),
    acceptPaused: (errno) => {
      this.#pauses += 1;
      const { address, port } = this.#address;
      this.#acceptError = eventError(errno, { syscall: 'accept', address, port });
    },
    dropped: (reason, count, peer) => {
      const drop = this.#drops.handle(reason, count, peer);
      if (this.#events instanceof EventStream) this.#events.drop(drop);
    },
  };

  #accept(slot: number, generation: number): AnyConnection {
    const connection = makeConnection(this.#owner, slot, generation);
    this.#open += 1;
    this.#total += 1;
    this.#pending += 1;
    if (this.#events !== undefined) this.#events.open(connection);
    else this.#accepted?.push(connection);
    return connection;
  }

  #forget({ error }: CloseReason): void {
    if (error !== undefined) countFailure(this.#failed, error);
    this.#open -= 1;
    this.#settle();
  }

  /** The consumer took a connection. When it has taken half of `maxPending`, the listener may accept as many more. */
  #take(): void {
    this.#pending -= 1;
    this.#taken += 1;
    if (this.#listening && this.#taken * 2 >= this.#config.maxPending) {
      this.#reactor.native.grant(this.#slot, this.#generation, this.#taken);
      this.#taken = 0;
    }
  }

  /** The server has a consumer now, so it starts to accept connections. */
  #start(source: Mailbox<AnyConnection> | EventStream | BatchStream): void {
    if (this.#listening)
      this.#reactor.native.grant(this.#slot, this.#generation, this.#config.maxPending);
    else if (this.#isAborted) source.fail(abortReason(this.#config.signal));
    else source.finish();
  }

  /**
   * Iterates connections, in the order of their arrival, until the server is closed. Throws the reason when the server's signal
   * aborts. Leaving the loop early closes the server and destroys the connections that the loop has not yielded; those that it
   * has yielded stay open. A server has one consumer, this iterator or `events()`. Throws `ERR_CONSUMED` after `events()`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Connection<Data, In, Out>, undefined, undefined> {
    if (this.#events !== undefined) throw consumed();
    if (this.#accepted === undefined) {
      this.#accepted = new Mailbox(() => this.#take());
      this.#start(this.#accepted);
    }
    return iterateConnections(this);
  }

  #nextConnection(): Promise<IteratorResult<AnyConnection, undefined>> {
    const yielding = this.#reactor.fairness.next();
    if (yielding !== undefined) return yielding.then(() => this.#nextConnection());
    return (this.#accepted as Mailbox<AnyConnection>).next();
  }

  /** The consumer has left its loop: the connections that it has not taken are destroyed. */
  #leave(): void {
    this.#stop();
    this.#accepted?.clear((connection) => connection.destroy());
  }

  /**
   * Gives every event of every connection from one iterator: `open`, then `data`, `drain` and `end`, then `close`. This is the
   * cheapest way to serve many connections. The iterator ends when the server is closed and every connection is over, and throws
   * the reason when the server's signal aborts. Leaving the loop early destroys the server. Throws `ERR_CONSUMED` when the
   * server is iterated already, and a `TypeError` for bad options.
   *
   * The events of a connection with a long send queue wait, and those of the others go on: see
   * {@link BatchesOptions.backpressure}. A second call returns another iterator over the same events; the options of the last
   * call apply.
   */
  events(
    options: EventsOptions & { drops: true },
  ): AsyncIterableIterator<ServerEvent<Data, In, Out> | DropEvent, undefined, undefined>;
  /** As above, without `drop` events. */
  events(
    options?: EventsOptions,
  ): AsyncIterableIterator<ServerEvent<Data, In, Out>, undefined, undefined>;
  events(
    options: EventsOptions = {},
  ): AsyncIterableIterator<ServerEvent<Data, In, Out>, undefined, undefined> {
    optionsObject('options', options, EVENTS_OPTIONS);
    const drops = optionalBoolean('drops', options.drops, false);
    const backpressure = optionalBoolean('backpressure', options.backpressure, true);
    if (this.#accepted !== undefined || this.#events instanceof BatchStream) throw consumed();
    if (this.#events === undefined) {
      const { arena, fairness } = this.#reactor;
      const lends = this.#config.settings.lend;
      const opened = (): void => this.#take();
      this.#begin(new EventStream({ arena, fairness, lends, opened }), backpressure);
    } else this.#events.backpressure = backpressure;
    (this.#events as EventStream).drops = drops;
    return iterateEvents(this);
  }

  /**
   * Gives the messages of all connections in batches: all that a turn of the reactor has received at once. No object is made for a
   * message, so this is the cheapest way to serve many small ones. Connections that were opened, ended or closed are in the batch
   * too. Without a protocol a chunk is a message with one field.
   *
   * In everything else it is like `server.events()`: the options, the back-pressure of each connection, the end of the iterator,
   * and what leaving the loop does. A server has one consumer.
   *
   * A batch has everything that has arrived, in this order, and connections do not take turns in it. If the consumer waits for each
   * message, clients that send much make the others wait: use `server.events()` then. A loop over a batch that awaits nothing keeps
   * the event loop from its other work until the batch is done.
   *
   * @example
   * for await (const batch of server.batches())
   *   for (const message of batch) void message.connection.write(answer(message));
   */
  batches(
    options: BatchesOptions = {},
  ): AsyncIterableIterator<Batch<Data, In, Out>, undefined, undefined> {
    optionsObject('options', options, BATCHES_OPTIONS);
    const backpressure = optionalBoolean('backpressure', options.backpressure, true);
    if (this.#accepted !== undefined || this.#events instanceof EventStream) throw consumed();
    if (this.#events === undefined) {
      const { arena, fairness, incoming, tables } = this.#reactor;
      const opened = (): void => this.#take();
      const owner = { arena, fairness, names: incoming.names, tables, opened };
      this.#begin(new BatchStream(owner), backpressure);
    } else this.#events.backpressure = backpressure;
    return iterateBatches(this);
  }

  #begin(stream: EventStream | BatchStream, backpressure: boolean): void {
    this.#events = stream;
    stream.backpressure = backpressure;
    this.#owner.sink = stream;
    this.#start(stream);
  }

  /** The consumer has left its loop: it gets no further event, and the server is destroyed with its connections. */
  #leaveEvents(): void {
    this.#events?.clear();
    this.#events?.finish();
    this.#owner.sink = undefined;
    this.destroy();
  }

  /**
   * Stops listening, ends the connections, and resolves when every one of them is over. The kernel resets connections that
   * waited in the backlog.
   *
   * The server ends a connection (FIN) as soon as it is idle, and checks that after a turn of the event loop. A connection is
   * idle when its consumer waits for the peer, by `read()` or its loop, has taken everything that arrived, and everything
   * written is sent. With `events()` the consumer waits for the peer when it waits for the next event. The peer may still send
   * until it ends its side: the program can read these bytes, but not answer them. The server destroys connections that are
   * still open after `timeout`.
   *
   * The server cannot see that a program is still working on a reply if the consumer waits already. `pause()` the connection
   * until the reply is written: a paused connection is not idle.
   *
   * Rejects with `TypeError` or `RangeError` for bad options; a timeout of 0 is allowed.
   *
   * @example
   * process.once('SIGTERM', () => void server.close({ timeout: 10_000 }));
   */
  async close(options: CloseOptions = {}): Promise<void> {
    optionsObject('options', options, CLOSE_OPTIONS);
    const graceful = optionalBoolean('graceful', options.graceful, true);
    const timeout = optionalInteger('timeout', options.timeout, 0, 2 ** 31 - 1, 30_000);
    this.#stop();
    if (!graceful) this.destroy();
    else if (this.#events !== undefined) this.#events.endOnceIdle(this.connections);
    else {
      afterRound(() => {
        for (const connection of this.connections) endOnceIdle(connection);
      });
    }
    // A process that was busy runs the timer before it receives what arrived in time. So the event loop gets one turn first.
    const timer = setTimeout(() => setImmediate(() => this.destroy()), timeout);
    timer.unref();
    await this.#closed;
    clearTimeout(timer);
  }

  /** Stops listening and destroys every connection, as {@link Connection.destroy}. */
  destroy(error?: Error | null): void {
    errorOrNothing('error', error);
    this.#stop();
    for (const connection of this.connections) connection.destroy(error);
    this.#settle();
  }

  /** The same as {@link Server.close} with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Keeps the process alive while the server listens; the default. */
  ref(): this {
    if (this.#listening && !this.#refed) this.#reactor.retain();
    this.#refed = true;
    return this;
  }

  /** Lets the process end while the server listens. */
  unref(): this {
    if (this.#listening && this.#refed) this.#reactor.release();
    this.#refed = false;
    return this;
  }

  readonly #abort = (): void => {
    const reason = abortReason(this.#config.signal);
    this.#isAborted = true;
    this.#accepted?.fail(reason);
    this.#events?.fail(reason);
    // The consumer of the events gets the reason, and nothing after it.
    this.#owner.sink = undefined;
    this.destroy(isError(reason) ? reason : aborted(reason));
  };

  #stop(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#drops.keep();
    this.#reactor.native.closeListener(this.#slot, this.#generation);
    this.#reactor.dispatcher.removeAcceptor(this.#slot);
    if (this.#refed) this.#reactor.release();
    this.#accepted?.finish();
    this.#settle();
  }

  #settle(): void {
    if (this.#listening || this.#open > 0) return;
    this.#config.signal?.removeEventListener('abort', this.#abort);
    this.#events?.finish();
    this.#settleClosed();
  }
}

/** Makes a server: there is no public constructor. */
export const makeServer: MakeServer = make;

/**
 * The error of connections whose server was aborted with a reason that is not an `Error`. Without an error their reads would
 * look like the peer's end.
 */
function aborted(cause: unknown): Error {
  return Object.assign(new DOMException('This operation was aborted', 'AbortError'), { cause });
}

function consumed(): EdgepollError {
  return new EdgepollError(
    'ERR_CONSUMED',
    'the server has a consumer already: its iterator, events() or batches()',
  );
}
