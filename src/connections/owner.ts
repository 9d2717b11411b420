/** What the connections of one server have in common. */
import type { ReactorBinding } from '../internal/binding.js';
import type { Arena } from './arena.js';
import type { CloseReason } from './close-reason.js';
import type { Connection } from './connection.js';
import type { EventSink } from './event-sink.js';
import type { Fairness } from './fairness.js';
import type { ConnectionConfig } from './connection-options.js';
import type { Reactor } from './reactor.js';
import type { Staging } from './staging.js';

/** One object for all connections of a server, so that an idle connection takes little memory. */
export interface Owner {
  readonly reactor: Reactor;
  readonly native: ReactorBinding;
  // The parts of the reactor that messages need. They are here too, so that a message reads one property to reach them.
  readonly arena: Arena;
  readonly fairness: Fairness;
  readonly staging: Staging;
  readonly config: ConnectionConfig;
  /** Where the events of the connections go, with `server.events()`. */
  sink: EventSink | undefined;
  /** Called once for each connection, when it is over. */
  readonly onClose: ((connection: Connection, reason: CloseReason) => void) | undefined;
}

export function makeOwner(
  reactor: Reactor,
  config: ConnectionConfig,
  onClose: Owner['onClose'],
): Owner {
  const { native, arena, fairness, staging } = reactor;
  return { reactor, native, arena, fairness, staging, config, sink: undefined, onClose };
}
