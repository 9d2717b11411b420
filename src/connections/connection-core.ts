/**
 * The functions of a connection for other modules of the package only. connection.ts exports them as `core`; users of the
 * package cannot reach them.
 *
 * It must never hold behaviour. Used by reactor.ts, server.ts, server-events.ts and connect.ts.
 */
import type { AddressNumbers } from './address.js';
import type { Chunk } from '../internal/chunk.js';
import type { Connection } from './connection.js';
import type { Owner } from './owner.js';
import type { ErrorDetails } from '../internal/errors.js';

export interface ConnectionCore {
  /** Makes a connection: there is no public constructor. */
  readonly makeConnection: (owner: Owner, slot: number, generation: number) => Connection;
  /** Bytes arrived. The consumer has to give lent ones back. */
  readonly handleData: (connection: Connection, data: Chunk, isLent: boolean) => void;
  /** The peer's end arrived. */
  readonly handleEnd: (connection: Connection) => void;
  /** The send queue has this many bytes. */
  readonly handleQueued: (connection: Connection, bytes: number) => void;
  /** A send failed. The close follows once the consumer has taken what arrived. */
  readonly handleWriteFailed: (connection: Connection, detail: number) => void;
  /** The connect succeeded. */
  readonly handleConnected: (connection: Connection) => void;
  /** One of the connection's two addresses, from the records that precede its close. */
  readonly handleAddress: (
    connection: Connection,
    isLocal: boolean,
    address: AddressNumbers,
  ) => void;
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
  /** Resolves when connected, rejects with the connect's error. */
  readonly opening: (connection: Connection, address: ErrorDetails) => Promise<void>;
  /** Whether the connection belongs to this owner and is not over. */
  readonly belongsTo: (connection: Connection, owner: Owner) => boolean;
  /** Whether this side has destroyed it. */
  readonly isGivenUp: (connection: Connection) => boolean;
  /** Whether its events must wait. */
  readonly isHeld: (connection: Connection) => boolean;
  /**
   * For a server that closes: ends the connection if it is idle, and otherwise as soon as it is. Gives whether it has ended
   * it, or the connection is over.
   */
  readonly endOnceIdle: (connection: Connection) => boolean;
}
