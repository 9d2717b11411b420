/**
 * What the connections of a server share, and the form of what they tell: the owner, the sink of their events, the reason
 * of a close. It must never hold behaviour of a connection. Used by connection.ts, server.ts and server-events.ts.
 */
import { setImmediate } from 'node:timers';

import type { Chunk } from './chunk.js';
import type { Connection } from './connection.js';
import type { Late } from './connection-late.js';
import { EdgepollError } from './errors.js';
import { endpoint } from './inspect.js';
import type { ConnectionConfig } from './options.js';
import type { ReactorHost } from './reactor-host.js';

/** Why and how a connection ended. */
export interface CloseReason {
  /** `ended`: both sides sent everything. `failed`: see `error`. `destroyed`: this side gave it up. */
  cause: 'ended' | 'failed' | 'destroyed';
  /** What failed, or what `destroy()` was given. */
  error: Error | undefined;
  /** Bytes written that the kernel never took. If there are any, the peer saw a reset. */
  bytesUnsent: number;
}

/** Who takes a connection's events instead of its own iterator: `server.events()`. */
export interface EventSink {
  data(connection: Connection, data: Chunk, isLent: boolean): void;
  end(connection: Connection): void;
  drain(connection: Connection): void;
  close(connection: Connection, reason: CloseReason): void;
  /** Whether the consumer has had every event of the connection and waits for the next of any. */
  waitsFor(connection: Connection): boolean;
  /** A connection whose send queue is at the high watermark is to be held. */
  readonly backpressure: boolean;
  /** From now on the connection's `data` and `end` events are not to be given. */
  hold(connection: Connection): void;
  /** They may be given again; those that wait come before a `close`. */
  release(connection: Connection): void;
}

/** What a read gets while `server.events()` takes the bytes. */
export function consumedByEvents(): Promise<never> {
  return Promise.reject(
    new EdgepollError('ERR_CONSUMED', 'server.events() takes the bytes of this connection'),
  );
}

/** What a pending read is told: a chunk, the end, or a rejection. */
export type Waiter = (result: IteratorResult<Chunk, undefined> | Promise<never>) => void;

/** What the connections of one server share: an idle connection should cost little. */
export interface Owner {
  host: ReactorHost;
  config: ConnectionConfig;
  /** What takes the events of the connections, with `server.events()`. */
  sink: EventSink | undefined;
  /** Told once, when the connection is over. */
  onClose: ((connection: Connection, reason: CloseReason) => void) | undefined;
}

interface Forgotten {
  host: ReactorHost;
  lent: number;
}

/** Tells the host of chunks that were lent to a connection that was collected as garbage. */
export const forgotten: FinalizationRegistry<Forgotten> = new FinalizationRegistry(
  ({ host, lent }) => {
    host.forget(lent);
  },
);

/**
 * Calls `then` once the loop has gone round: what had arrived by now has been received, and what this turn of the loop has to
 * do is done.
 */
export function afterRound(then: () => void): void {
  // The first runs in this round, after its look at what has arrived, the second after the next one's.
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
