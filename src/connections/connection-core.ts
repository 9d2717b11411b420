/**
 * What other modules of the package may do with a connection, and programs may not. connection.ts exports these functions as
 * `core`.
 */
import type { Chunk } from '../internal/chunk.js';
import type { Connection } from './connection.js';
import type { Owner } from './owner.js';
import type { Late } from './connection-late.js';

export interface ConnectionCore {
  /** Makes a connection: there is no public constructor. */
  readonly makeConnection: (owner: Owner, slot: number, generation: number) => Connection;
  /** Bytes arrived. With `isLent` they have to be given back: see arena.ts. */
  readonly handleData: (connection: Connection, data: Chunk, isLent: boolean) => void;
  /** The peer's end arrived. */
  readonly handleEnd: (connection: Connection) => void;
  /** The send queue has this many bytes. */
  readonly handleQueued: (connection: Connection, bytes: number) => void;
  /** A send failed. The close follows once the consumer has taken what arrived. */
  readonly handleWriteFailed: (connection: Connection, detail: number) => void;
  /** The connect succeeded. */
  readonly handleConnected: (connection: Connection) => void;
  /** The connection is over. */
  readonly handleClosed: (
    connection: Connection,
    detail: number,
    read: number,
    written: number,
  ) => void;
  /** `server.events()` has given `length` bytes of the connection to its consumer. */
  readonly handleTaken: (connection: Connection, length: number) => void;
  /** The consumer took the peer's end. */
  readonly handleEndTaken: (connection: Connection) => void;
  /** The connection's `Late` object, which is made now if there is none. */
  readonly lateOf: (connection: Connection) => Late;
  /** Whether the connection belongs to this owner and is not over. */
  readonly belongsTo: (connection: Connection, owner: Owner) => boolean;
  /** Whether this side has destroyed it. */
  readonly isGivenUp: (connection: Connection) => boolean;
  /** Whether its events must wait. */
  readonly isHeld: (connection: Connection) => boolean;
  /**
   * For a server that closes: ends the connection as soon as it is idle. Returns whether this side has ended already, or the
   * connection is over.
   */
  readonly endOnceIdle: (connection: Connection) => boolean;
}
