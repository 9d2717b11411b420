/** What the connections of one server have in common. */
import type { ReactorBinding } from '../internal/binding.js';
import type { Arena } from './arena.js';
import type { CloseReason } from './close-reason.js';
import type { AnyConnection } from './connection.js';
import type { EventSink } from './event-sink.js';
import type { Fairness } from './fairness.js';
import type { ConnectionConfig } from './connection-options.js';
import type { Closer } from './closer.js';
import type { Incoming } from './incoming.js';
import type { Outgoing } from './outgoing.js';
import type { Encoding } from './plugin.js';
import { encodingOf } from './plugin.js';
import type { AnyProtocol } from './protocol.js';
import type { Reactor } from './reactor.js';
import { Room } from './room.js';
import { upgrade } from './upgrade.js';
import type { Staging } from './staging.js';

/** One object for all connections of a server, so that an idle connection takes little memory. */
export interface Owner extends Encoding {
  readonly reactor: Reactor;
  readonly native: ReactorBinding;
  // The parts of the reactor that messages need. They are here too, so that a message reads one property to reach them.
  readonly arena: Arena;
  readonly fairness: Fairness;
  readonly staging: Staging;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  readonly closer: Closer;
  readonly config: ConnectionConfig;
  /** What the consumers of all its connections keep. */
  readonly room: Room;
  /** The protocol of the connections; `undefined` if they have a framing. */
  readonly protocol: AnyProtocol | undefined;
  /** The server's configuration: the same after {@link Connection.upgrade}, so it says which server a connection belongs to. */
  readonly original: ConnectionConfig;
  /** Changes a connection's protocol or framing: see {@link Connection.upgrade}. Returns the connection's owner from now on. */
  readonly upgrade: (owner: Owner, slot: number, generation: number, to: unknown) => Owner;
  /** Where the events of the connections go, with `server.events()`. */
  sink: EventSink | undefined;
  /** Called once for each connection, when it is over. */
  readonly onClose: ((connection: AnyConnection, reason: CloseReason) => void) | undefined;
}

export function makeOwner(
  reactor: Reactor,
  config: ConnectionConfig,
  onClose: Owner['onClose'],
  room: Room = new Room(config.readHighWaterMark, Infinity, () => Infinity),
): Owner {
  const { native, arena, fairness, staging, outgoing, incoming, closer } = reactor;
  const { protocol } = config;
  return {
    reactor,
    native,
    arena,
    fairness,
    staging,
    outgoing,
    incoming,
    closer,
    config,
    room,
    protocol,
    ...encodingOf(protocol),
    original: config,
    upgrade,
    sink: undefined,
    onClose,
  };
}
