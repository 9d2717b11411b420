/** What a connection calls while `server.events()` or `server.batches()` takes its events in place of its own iterator. */
import { EdgepollError } from '../internal/errors.js';
import type { CloseReason } from './close-reason.js';
import type { AnyConnection } from './connection.js';
import type { Place } from './incoming.js';
import type { AnyProtocol } from './protocol.js';

/** Takes the events of connections. */
export interface EventSink {
  /** A chunk, or a message. With `isLent` its memory has to be given back: see arena.ts. */
  data(connection: AnyConnection, data: unknown, isLent: boolean): void;
  /** Takes messages without decoding them, if it does that. */
  readonly messages?: (
    connection: AnyConnection,
    protocol: AnyProtocol | undefined,
    place: Place,
    isLent: boolean,
  ) => void;
  end(connection: AnyConnection): void;
  drain(connection: AnyConnection): void;
  close(connection: AnyConnection, reason: CloseReason): void;
  /** Whether the consumer has taken every event of the connection and waits for the next event of any connection. */
  waitsFor(connection: AnyConnection): boolean;
  /** Whether a connection is held while its send queue is at the high watermark. */
  readonly backpressure: boolean;
  /** From now on the connection's `data` and `end` events have to wait. */
  hold(connection: AnyConnection): void;
  /** The events may be given again. Those that wait come before a `close`. */
  release(connection: AnyConnection): void;
}

/** The rejection of a read while the server's consumer takes what arrives. */
export function consumedByEvents(): Promise<never> {
  return Promise.reject(
    new EdgepollError(
      'ERR_CONSUMED',
      'server.events() or server.batches() takes what this connection receives',
    ),
  );
}
