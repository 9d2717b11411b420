/**
 * A listening server: iterate it for its connections, or take every event of all of them from one iterator.
 *
 * It must never accept more than its consumer takes: without a consumer nothing is accepted at all.
 */
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

import type { Address, CloseReason, Connection } from './connection.js';
import type { EventSink, Owner } from './connection-parts.js';
import * as core from './connection.js';
import { EdgepollError, systemError } from './errors.js';
import { iteratorsOver } from './iterator.js';
import { Mailbox } from './mailbox.js';
import type { OptionNames } from './option-names.js';
import { optionsObject } from './option-names.js';
import type { ListenConfig } from './options.js';
import type { Acceptor, ReactorHost } from './reactor-host.js';
import { abortReason, errorOrNothing, isError, optionalInteger } from './validate.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { handleEndTaken, handleTaken, isGivenUp, makeConnection } = core;

/**
 * One event of one connection, from {@link Server.events}. `open`: it was accepted. `data`: a chunk, as its own iteration
 * would give. `drain`: a write that had to wait may go on. `end`: the peer sends no more. `close`: it is over, and nothing of
 * it follows; `reason` tells why.
 */
export type ServerEvent =
  | { type: 'open'; connection: Connection }
  | { type: 'data'; connection: Connection; data: Buffer }
  | { type: 'drain'; connection: Connection }
  | { type: 'end'; connection: Connection }
  | { type: 'close'; connection: Connection; reason: CloseReason };

/** The open connections of a server, in no order. */
export interface Connections extends Iterable<Connection> {
  /** How many there were when this was asked for. */
  readonly size: number;
}

/** A server's counters. */
export interface ServerStats {
  /** Connections accepted since the start. */
  accepted: number;
  /** Connections open now. */
  open: number;
  /** Connections accepted and not taken by the consumer. */
  pending: number;
  /**
   * How often accepting paused: for want of descriptors or memory, or because 64 accepts in a row were refused (a seccomp
   * policy, a firewall). It resumes by itself, after 5 milliseconds at first and 1 second at most.
   */
  acceptPauses: number;
  /** The error of the last such pause. */
  lastAcceptError: EdgepollError | undefined;
}

/** What `server.close()` takes. */
export interface CloseOptions {
  /** Milliseconds until connections that are still open are destroyed. Default 30,000. */
  timeout?: number;
}

const CLOSE_OPTIONS: OptionNames<CloseOptions> = { timeout: true };

/** Every event has the same shape, so that reading one costs the same for all. */
interface Item {
  type: ServerEvent['type'];
  connection: Connection;
  data: Buffer | undefined;
  reason: CloseReason | undefined;
}

/** Makes a server: there is no public constructor. */
export let makeServer: (
  host: ReactorHost,
  slot: number,
  generation: number,
  config: ListenConfig,
) => Server;

let iterateConnections: (server: Server) => AsyncIterableIterator<Connection, undefined, undefined>;
let iterateEvents: (server: Server) => AsyncIterableIterator<ServerEvent, undefined, undefined>;

/** A TCP server. */
export class Server implements AsyncIterable<Connection, undefined>, AsyncDisposable {
  readonly #host: ReactorHost;
  readonly #slot: number;
  readonly #generation: number;
  readonly #config: ListenConfig;
  #open = 0;
  /** One of the two, once a consumer came. */
  #accepted: Mailbox<Connection> | undefined;
  #events: Mailbox<Item> | undefined;
  /** Connections taken that the listener has not been granted anew. */
  #taken = 0;
  #pending = 0;
  /** Chunks that were lent to the consumer of the events, taken or not. */
  #lent = 0;
  /** Connections that the consumer destroyed and whose `close` waits: what waits of them before it is skipped. */
  #drops = 0;
  #total = 0;
  #pauses = 0;
  #acceptError: EdgepollError | undefined;
  #listening = true;
  /** Its signal has destroyed it. */
  #isAborted = false;
  #refed = true;
  readonly #address: Address;
  readonly #owner: Owner;
  readonly #closed: Promise<void>;
  #settleClosed!: () => void;

  private constructor(host: ReactorHost, slot: number, generation: number, config: ListenConfig) {
    this.#host = host;
    this.#slot = slot;
    this.#generation = generation;
    this.#config = config;
    this.#owner = { host, config, sink: undefined, onClose: () => this.#forget() };
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#address = host.native.localAddress(slot, generation) as Address;
    host.addAcceptor(slot, this.#acceptor);
    host.retain();
    config.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  static {
    makeServer = (host, slot, generation, config) => new Server(host, slot, generation, config);
    iterateConnections = iteratorsOver<Server, Connection>(
      (server) => (server.#accepted as Mailbox<Connection>).next(),
      (server) => server.#leave(),
    );
    iterateEvents = iteratorsOver<Server, Item>(
      (server) => server.#nextEvent(),
      (server) => server.#leaveEvents(),
    ) as unknown as typeof iterateEvents;
  }

  /** Where the server listens. */
  get address(): Address {
    return this.#address;
  }

  /** The connections that are open. */
  get connections(): Connections {
    const host = this.#host;
    const owner = this.#owner;
    const size = this.#open;
    return { size, [Symbol.iterator]: () => host.connectionsOf(owner) };
  }

  /** Resolves when the server listens no longer and every connection is over. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Counters. */
  stats(): ServerStats {
    return {
      accepted: this.#total,
      open: this.#open,
      pending: this.#pending,
      acceptPauses: this.#pauses,
      lastAcceptError: this.#acceptError,
    };
  }

  readonly #acceptor: Acceptor = {
    accepted: (slot, generation) => this.#accept(slot, generation),
    acceptPaused: (errno) => {
      this.#pauses += 1;
      const { address, port } = this.#address;
      this.#acceptError = systemError(errno, { syscall: 'accept', address, port });
    },
  };

  /** Takes every event of every connection through one mailbox. */
  readonly #sink: EventSink = {
    data: (connection, data, isLent) => {
      if (isLent) this.#lent += 1;
      this.#push('data', connection, data, undefined);
    },
    end: (connection) => this.#push('end', connection, undefined, undefined),
    drain: (connection) => this.#push('drain', connection, undefined, undefined),
    close: (connection, reason) => {
      if (isGivenUp(connection)) this.#drops += 1;
      this.#push('close', connection, undefined, reason);
    },
  };

  #push(
    type: ServerEvent['type'],
    connection: Connection,
    data: Buffer | undefined,
    reason: CloseReason | undefined,
  ): void {
    this.#events?.push({ type, connection, data, reason });
  }

  #accept(slot: number, generation: number): Connection {
    const connection = makeConnection(this.#owner, slot, generation);
    this.#open += 1;
    this.#total += 1;
    this.#pending += 1;
    if (this.#events !== undefined) this.#push('open', connection, undefined, undefined);
    else this.#accepted?.push(connection);
    return connection;
  }

  /** The consumer is done with every event that there was. */
  #giveBack(): void {
    if (this.#lent === 0) return;
    this.#host.giveBack(this.#lent);
    this.#lent = 0;
  }

  #forget(): void {
    this.#open -= 1;
    this.#settle();
  }

  /** A connection went to the consumer: half a window of them is granted at a time. */
  #take(): void {
    this.#pending -= 1;
    this.#taken += 1;
    if (this.#listening && this.#taken * 2 >= this.#config.maxPending) {
      this.#host.native.grant(this.#slot, this.#generation, this.#taken);
      this.#taken = 0;
    }
  }

  /** The consumer has come: from here on connections are accepted. */
  #start(mailbox: Mailbox<Connection> | Mailbox<Item>): void {
    if (this.#listening)
      this.#host.native.grant(this.#slot, this.#generation, this.#config.maxPending);
    else if (this.#isAborted) mailbox.fail(abortReason(this.#config.signal));
    else mailbox.end();
  }

  /**
   * Connections, in the order of their arrival, until the server is closed. Throws the reason when the server's signal
   * aborts. Leaving the loop early closes the server, leaves the connections alone that it has given, and destroys those
   * that it has not. One consumer: a server's connections come here or to `events()`. Throws `ERR_CONSUMED` after `events()`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Connection, undefined, undefined> {
    if (this.#events !== undefined) throw consumed();
    if (this.#accepted === undefined) {
      this.#accepted = new Mailbox(() => this.#take());
      this.#start(this.#accepted);
    }
    return iterateConnections(this);
  }

  /** The consumer has left: nobody will ever have the connections that it has not taken. */
  #leave(): void {
    this.#stop();
    this.#accepted?.clear((connection) => connection.destroy());
  }

  /**
   * Every event of every connection from one iterator: `open`, then `data`, `drain` and `end`, then `close`.
   * The cheapest way to serve many connections. Ends when the server is closed and every connection is over; throws
   * the reason when the server's signal aborts. Leaving the loop early destroys the server. Throws `ERR_CONSUMED` when the
   * server is iterated already.
   */
  events(): AsyncIterableIterator<ServerEvent, undefined, undefined> {
    if (this.#accepted !== undefined) throw consumed();
    if (this.#events === undefined) {
      this.#events = new Mailbox<Item>((item) => {
        if (item.data !== undefined) handleTaken(item.connection, item.data.length);
        else if (item.type === 'open') this.#take();
        else if (item.type === 'end') handleEndTaken(item.connection);
        else if (item.type === 'close' && isGivenUp(item.connection)) this.#drops -= 1;
      });
      this.#owner.sink = this.#sink;
      this.#start(this.#events);
    }
    return iterateEvents(this);
  }

  #nextEvent(): Promise<IteratorResult<Item, undefined>> {
    const events = this.#events as Mailbox<Item>;
    // As the connection's own iterator would lose it.
    if (this.#drops > 0) events.skip(isLost);
    if (events.size === 0) this.#giveBack();
    return events.next();
  }

  /** The consumer has left: it hears of no connection any more, and they are given up. */
  #leaveEvents(): void {
    this.#events?.clear(nothing);
    this.#events?.end();
    this.#giveBack();
    this.#owner.sink = undefined;
    this.destroy();
  }

  /**
   * Stops listening and resolves when every connection is over; those still open after `timeout` are destroyed.
   * What waited in the kernel's backlog is reset. Rejects with `TypeError` or `RangeError` for a bad timeout; 0 is allowed.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    optionsObject('options', options, CLOSE_OPTIONS);
    const timeout = optionalInteger('timeout', options.timeout, 0, 2 ** 31 - 1, 30_000);
    this.#stop();
    // A host that was busy runs its timers before it hears what came in time: the loop has its turn first.
    const timer = setTimeout(() => setImmediate(() => this.destroy()), timeout);
    timer.unref();
    await this.#closed;
    clearTimeout(timer);
  }

  /** Stops listening and destroys every connection. */
  destroy(error?: Error | null): void {
    errorOrNothing('error', error);
    this.#stop();
    for (const connection of this.connections) connection.destroy(error);
    this.#settle();
  }

  /** As {@link Server.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Keeps the process alive while the server listens; the default. */
  ref(): this {
    if (this.#listening && !this.#refed) this.#host.retain();
    this.#refed = true;
    return this;
  }

  /** Lets the process end while the server listens. */
  unref(): this {
    if (this.#listening && this.#refed) this.#host.release();
    this.#refed = false;
    return this;
  }

  readonly #abort = (): void => {
    const reason = abortReason(this.#config.signal);
    this.#isAborted = true;
    this.#accepted?.fail(reason);
    this.#events?.fail(reason);
    // The consumer of the events hears the reason, and nothing after it.
    this.#owner.sink = undefined;
    this.destroy(isError(reason) ? reason : aborted(reason));
  };

  #stop(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#host.native.closeListener(this.#slot, this.#generation);
    this.#host.removeAcceptor(this.#slot);
    if (this.#refed) this.#host.release();
    this.#accepted?.end();
    this.#settle();
  }

  #settle(): void {
    if (this.#listening || this.#open > 0) return;
    this.#config.signal?.removeEventListener('abort', this.#abort);
    this.#events?.end();
    this.#settleClosed();
  }
}

/** The error of connections whose server was aborted with a reason that is none: without one they would read as ended. */
function aborted(cause: unknown): Error {
  return Object.assign(new DOMException('This operation was aborted', 'AbortError'), { cause });
}

function consumed(): EdgepollError {
  return new EdgepollError(
    'ERR_CONSUMED',
    'the server has a consumer already: its iterator, or events()',
  );
}

/** An event of a connection that was destroyed meanwhile, which nothing but its close follows. */
function isLost({ type, connection }: Item): boolean {
  return type !== 'close' && type !== 'open' && isGivenUp(connection);
}

const nothing = (): void => {};
