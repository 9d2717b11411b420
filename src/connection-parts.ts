/**
 * What a connection is made of besides itself: what its siblings share, and what it needs only now and then.
 * It must never hold behaviour of a connection. Used by connection.ts, server.ts and connect.ts.
 */
import type { CloseReason, Connection } from './connection.js';
import type { ErrorDetails } from './errors.js';
import type { ConnectionConfig } from './options.js';
import type { ReactorHost } from './reactor-host.js';

/** Who takes a connection's events instead of its own iterator: `server.events()`. */
export interface EventSink {
  data(connection: Connection, data: Buffer, isLent: boolean): void;
  end(connection: Connection): void;
  drain(connection: Connection): void;
  close(connection: Connection, reason: CloseReason): void;
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
  isGivenUp?: boolean;
  /** Once it is over. */
  reason?: CloseReason | undefined;
  counters?: [number, number] | undefined;
}
