/**
 * What a connection is made of besides itself: what its siblings share, and what it needs only now and then.
 * It must never hold behaviour of a connection. Used by connection.ts, server.ts and connect.ts.
 */
import type { Chunk } from './chunk.js';
import { setImmediate } from 'node:timers';

import type { AddressNumbers } from './address.js';
import type { Connection } from './connection.js';
import type { ErrorDetails } from './errors.js';
import { EdgepollError, notAFrame } from './errors.js';
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

/** What the connections of one server share: an idle connection should cost little. */
export interface Owner {
  host: ReactorHost;
  config: ConnectionConfig;
  /** Takes the events, if somebody does. */
  sink: EventSink | undefined;
  /** Told once, when the connection is over. */
  onClose: ((connection: Connection, reason: CloseReason) => void) | undefined;
}

/** A promise with its two ends, whose rejection is never «unhandled»: whoever awaits it still sees it. */
export interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

export function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** What most connections never need while they are open. */
export interface Late {
  /** The user's. */
  data?: unknown;
  /** Resolves when the queue is at the low watermark. */
  drained?: Deferred | undefined;
  /** Resolves when everything before the end is sent. */
  finished?: Deferred | undefined;
  /** Resolves when it is over. */
  closed?: Deferred | undefined;
  /** While connecting: who waits, and for which address. */
  opened?: Deferred | undefined;
  address?: ErrorDetails | undefined;
  /** The first send that failed. */
  writeError?: Error | undefined;
  /** This side has destroyed it. */
  isGivenUp?: boolean | undefined;
  /** Once it is over. */
  reason?: CloseReason | undefined;
  counters?: [number, number] | undefined;
  /** Its two addresses, told with its close. */
  local?: AddressNumbers | undefined;
  peer?: AddressNumbers | undefined;
}

/** What the glue's `writer()` gives for a message that its protocol refuses. */
const NOT_A_FRAME = -5;

/**
 * Why a write of `length` bytes was not taken by a connection that has no error. `ended`: this side has ended it, and it
 * is still open.
 */
export function refusedWrite(
  refusal: number,
  ended: boolean,
  { settings }: ConnectionConfig,
  length: number,
): EdgepollError {
  if (refusal === NOT_A_FRAME) return notAFrame(settings, length);
  return ended
    ? new EdgepollError(
        'ERR_WRITE_AFTER_END',
        'the connection was ended: nothing more can be written',
      )
    : new EdgepollError('ERR_CLOSED', 'the connection is closed');
}

/** A promise that is rejected. If nobody awaits it, that does not end the process. */
export function rejected(reason: Error): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}

interface Forgotten {
  host: ReactorHost;
  lent: number;
}

/** Tells the host of chunks that were lent to a connection that nobody has any more. */
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
