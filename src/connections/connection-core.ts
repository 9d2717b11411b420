/**
 * What other modules of the package may do with a connection, and programs may not. connection.ts exports these functions as
 * `core`.
 */
import type { Chunk } from '../internal/chunk.js';
import type { AnyConnection } from './connection.js';
import type { Owner } from './owner.js';
import type { Waiter } from '../internal/iterator.js';
import type { Late } from './connection-late.js';
import type { UnreadMessages } from './unread-messages.js';

export interface ConnectionCore {
  /** Makes a connection: there is no public constructor. */
  readonly makeConnection: (owner: Owner, slot: number, generation: number) => AnyConnection;
  /** Bytes arrived. With `isLent` they have to be given back: see arena.ts. */
  readonly handleData: (connection: AnyConnection, data: Chunk, isLent: boolean) => void;
  /** The peer's end arrived. */
  readonly handleEnd: (connection: AnyConnection) => void;
  /** The send queue has this many bytes. */
  readonly handleQueued: (connection: AnyConnection, bytes: number) => void;
  /** A send failed. The close follows once the consumer has taken what arrived. */
  readonly handleWritingEnded: (
    connection: AnyConnection,
    detail: number,
    byProtocol: boolean,
  ) => void;
  /** The connect succeeded. */
  readonly handleConnected: (connection: AnyConnection) => void;
  /** The connection is over. */
  readonly handleClosed: (
    connection: AnyConnection,
    detail: number,
    read: number,
    written: number,
  ) => void;
  /** Counts bytes that the consumer has not taken. Receiving pauses while there are too many. */
  readonly countUnread: (connection: AnyConnection, bytes: number) => void;
  /** What the connection has in common with others. */
  readonly ownerOf: (connection: AnyConnection) => Owner;
  /** What is unread of its messages, if it has a protocol. */
  readonly messagesOf: (connection: AnyConnection) => UnreadMessages | undefined;
  /** How many bytes are unread. */
  readonly unreadOf: (connection: AnyConnection) => number;
  /** Its state: the bits of connection-flags.ts. */
  readonly flagsOf: (connection: AnyConnection) => number;
  readonly setFlags: (connection: AnyConnection, flags: number) => void;
  /** Whether a read waits. */
  readonly awaitsInput: (connection: AnyConnection) => boolean;
  /** Whether bytes that have arrived may still have to be delivered. */
  readonly hasInput: (connection: AnyConnection) => boolean;
  /** Ends this side, after everything that was written. */
  readonly end: (connection: AnyConnection) => void;
  /** Removes the read that has waited longest. */
  readonly shiftWaiter: (connection: AnyConnection) => Waiter<unknown> | undefined;
  /** The consumer took the peer's end. */
  readonly handleEndTaken: (connection: AnyConnection) => void;
  /** The connection's `Late` object, which is made now if there is none. */
  readonly lateOf: (connection: AnyConnection) => Late;
  /** Whether the connection belongs to this owner and is not over. */
  readonly belongsTo: (connection: AnyConnection, owner: Owner) => boolean;
  /** Whether this side has destroyed it. */
  readonly isGivenUp: (connection: AnyConnection) => boolean;
}
