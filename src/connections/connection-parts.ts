/**
 * What the connections of a server share: their owner, the sink of their events, and the types of a read's outcome and of a
 * close reason. It must never hold behaviour of a connection. Used by connection.ts, server.ts and server-events.ts.
 */
import { setImmediate } from 'node:timers';

import type { Chunk } from '../internal/chunk.js';
import type { Connection } from './connection.js';
import type { Late } from './connection-late.js';
import { EdgepollError } from '../internal/errors.js';
import { endpoint } from '../internal/inspect.js';
import type { ConnectionConfig } from './connection-options.js';
import type { Reactor } from './reactor.js';

/** Why and how a connection ended. */
export interface CloseReason {
  /** `ended`: both sides sent everything. `failed`: see `error`. `destroyed`: this side gave it up. */
  cause: 'ended' | 'failed' | 'destroyed';
  /** The error of a failed connection, or the one that `destroy()` got. */
  error: Error | undefined;
  /** How many bytes the program wrote that the kernel never took. If there are any, the peer saw a reset. */
  bytesUnsent: number;
}

/** Takes a connection's events in place of its own iterator: `server.events()`. */
export interface EventSink {
  data(connection: Connection, data: Chunk, isLent: boolean): void;
  end(connection: Connection): void;
  drain(connection: Connection): void;
  close(connection: Connection, reason: CloseReason): void;
  /** Whether the consumer has had every event of the connection and waits for the next of any. */
  waitsFor(connection: Connection): boolean;
  /** Whether a connection is held while its send queue is at the high watermark. */
  readonly backpressure: boolean;
  /** From now on the connection's `data` and `end` events have to wait. */
  hold(connection: Connection): void;
  /** The events may be given again. Those that wait come before a `close`. */
  release(connection: Connection): void;
}

/** The rejection of a read while `server.events()` takes the bytes. */
export function consumedByEvents(): Promise<never> {
  return Promise.reject(
    new EdgepollError('ERR_CONSUMED', 'server.events() takes the bytes of this connection'),
  );
}

/** Settles a pending read: with a chunk, the end, or a rejection. */
export type Waiter = (result: IteratorResult<Chunk, undefined> | Promise<never>) => void;

/** What the connections of one server share: an idle connection should cost little. */
export interface Owner {
  reactor: Reactor;
  config: ConnectionConfig;
  /** Where the connections' events go, with `server.events()`. */
  sink: EventSink | undefined;
  /** Called once, when the connection is over. */
  onClose: ((connection: Connection, reason: CloseReason) => void) | undefined;
}

interface Forgotten {
  reactor: Reactor;
  lent: number;
}

/** Gives the reactor back the chunks of connections that were garbage-collected with chunks lent. */
export const forgotten: FinalizationRegistry<Forgotten> = new FinalizationRegistry(
  ({ reactor, lent }) => {
    reactor.forget(lent);
  },
);

/**
 * Calls `then` after one full turn of the event loop. By then the loop has received what had arrived at the time of the call,
 * and has run the callbacks of the current turn.
 */
export function afterRound(then: () => void): void {
  // The first callback may run before the loop polls again, in the turn of the call. The second runs after a poll.
  setImmediate(() => setImmediate(then));
}

/** What util.inspect() shows of a connection; `state` is that of one that is not over. */
export function describe(
  connection: Connection,
  state: string,
  late: Late | undefined,
): Record<string, unknown> {
  const { id, bytesRead, bytesWritten, bufferedAmount } = connection;
  const { reason, data } = late ?? {};
  return {
    id,
    state: reason?.cause ?? state,
    localAddress: endpoint(connection.localAddress),
    remoteAddress: endpoint(connection.remoteAddress),
    bytesRead,
    bytesWritten,
    bufferedAmount,
    // The text alone: the stack would be longer than all the rest.
    ...(reason?.error === undefined ? {} : { error: String(reason.error) }),
    ...(data === undefined ? {} : { data }),
  };
}
