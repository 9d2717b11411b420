/** Ends the connections of a server that closes, each as soon as it is idle. */
import { afterRound } from './after-round.js';
import type { AnyConnection } from './connection.js';
import { core } from './connection.js';
import { CLOSING, HELD, LOOKS_SOON, OVER, WRITE_ENDED } from './connection-flags.js';

const { awaitsInput, end, flagsOf, hasInput, ownerOf, setFlags } = core;

/**
 * Ends the connection as soon as it is idle. Returns whether this side has ended already, or the connection is over.
 */
export function endOnceIdle(connection: AnyConnection): boolean {
  setFlags(connection, flagsOf(connection) | CLOSING);
  return endIfIdle(connection);
}

/** If the server closes: ends the connection if it is idle after the next turn of the event loop. */
function endSoon(connection: AnyConnection): void {
  if ((flagsOf(connection) & (CLOSING | LOOKS_SOON)) !== CLOSING) return;
  setFlags(connection, flagsOf(connection) | LOOKS_SOON);
  afterRound(() => endIfIdle(connection));
}

/** Ends the connection if it is idle. Returns whether this side has ended, or the connection is over. */
function endIfIdle(connection: AnyConnection): boolean {
  const flags = flagsOf(connection) & ~LOOKS_SOON;
  setFlags(connection, flags);
  if ((flags & (WRITE_ENDED | OVER)) !== 0) return true;
  const { sink } = ownerOf(connection);
  const waits = sink === undefined ? awaitsInput(connection) : sink.waitsFor(connection);
  // Idle: the consumer has everything that arrived and waits for more, and nothing is left to send.
  if (!waits || (flags & HELD) !== 0 || connection.bufferedAmount > 0) return false;
  // A turn of the reactor may have received only a part of the input. No event reports the last part, so check again later.
  if (hasInput(connection)) endSoon(connection);
  else end(connection);
  return (flagsOf(connection) & WRITE_ENDED) !== 0;
}

/** The connections of a server that closes, while one consumer takes the events of all. */
export class ClosingConnections {
  readonly #left: Set<AnyConnection>;
  #looksSoon = false;

  constructor(connections: Iterable<AnyConnection>) {
    this.#left = new Set(connections);
  }

  /** Ends the idle ones after one round of the event loop. */
  endSoon(): void {
    if (this.#looksSoon || this.#left.size === 0) return;
    this.#looksSoon = true;
    afterRound(() => {
      this.#looksSoon = false;
      for (const connection of this.#left)
        if (endOnceIdle(connection)) this.#left.delete(connection);
    });
  }
}

/** What a connection calls. It has this object from its owner, because connection.ts cannot import this file. */
export interface Closer {
  readonly endSoon: (connection: AnyConnection) => void;
}

export const closer: Closer = { endSoon };
