/** Turns received messages of protocols into what the program gets, by the protocol's `decode()`. */
import type { Chunk } from '../internal/chunk.js';
import { EdgepollError } from '../internal/errors.js';
import * as layout from '../internal/layout.js';
import { isError, show } from '../internal/validate.js';
import type { Arena } from './arena.js';
import type { AnyConnection } from './connection.js';
import * as flags from './connection-flags.js';
import { core } from './connection.js';
import { Names } from './message-names.js';
import type { Sliced } from './message-view.js';
import { MessageView, viewCore } from './message-view.js';
import type { AnyProtocol } from './protocol.js';
import type { Staging } from './staging.js';
import { ITEM_COST, UnreadMessages } from './unread-messages.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { countUnread, flagsOf, lateOf, ownerOf, shiftWaiter, unreadOf } = core;
const { LEFT, OVER } = flags;
const { FIELDS_SHIFT } = layout;
const { close, moveTo, show: showMessages, use } = viewCore;
const COST: number = ITEM_COST;

/** Where messages lie. */
export interface Place {
  bytes: Chunk;
  /** Where the messages' bytes begin in `bytes`, and how many there are. */
  base: number;
  length: number;
  table: Int32Array;
  /** Where the messages begin in `table`, and how many there are. */
  start: number;
  count: number;
}

export class Incoming {
  readonly #arena: Arena;
  readonly #staging: Staging;
  // These two are made when they are first needed, because most programs have no protocol.
  #names: Names | undefined;
  #view: MessageView | undefined;

  constructor(arena: Arena, staging: Staging) {
    this.#arena = arena;
    this.#staging = staging;
  }

  /** Messages of a connection arrived. With `isLent` their memory has to be given back: see arena.ts. */
  messages(connection: AnyConnection, place: Place, isLent: boolean): void {
    const { protocol, sink } = ownerOf(connection);
    if (protocol !== undefined && takesInput(connection)) {
      if (sink?.messages !== undefined) {
        sink.messages(connection, protocol, place, isLent);
        return;
      }
      this.#decode(connection, protocol, place);
    }
    if (isLent) this.#arena.giveBack(1);
  }

  /** A chunk of a connection arrived that has a protocol, or had one, or takes nothing any more. */
  chunk(connection: AnyConnection, chunk: Chunk, isLent: boolean): void {
    if (takesInput(connection)) {
      const { protocol, sink } = ownerOf(connection);
      if (sink?.messages !== undefined) {
        sink.messages(connection, protocol, placeOf(chunk), isLent);
        return;
      }
      if (protocol !== undefined) this.#decode(connection, protocol, placeOf(chunk));
      else give(connection, isLent ? Buffer.from(chunk) : chunk, chunk.length);
    }
    if (isLent) this.#arena.giveBack(1);
  }

  /** The names that the reactor's messages have in common. */
  get names(): Names {
    return (this.#names ??= new Names());
  }

  #makeView(): MessageView {
    const view = new MessageView();
    use(view, this.names);
    this.#view = view;
    return view;
  }

  #decode(connection: AnyConnection, protocol: AnyProtocol, place: Place): void {
    const view = this.#view ?? this.#makeView();
    const each = Math.floor(place.length / place.count);
    showMessages(view, place.table, place.bytes as Sliced, place.base);
    this.#staging.holds = true;
    try {
      let at = place.start;
      for (let left = place.count; left > 0; left -= 1) {
        at = moveTo(view, at);
        give(connection, protocol.decode(view), each);
      }
    } catch (error) {
      connection.destroy(asError(protocol, error));
    } finally {
      close(view);
      this.#staging.holds = false;
    }
  }
}

/** A chunk as a message that has it as its only field. */
export function placeOf(chunk: Chunk): Place {
  const { length } = chunk;
  const table = Int32Array.of(1 << FIELDS_SHIFT, 0, length, 0);
  return { bytes: chunk, base: 0, length, table, start: 0, count: 1 };
}

/** Whether what arrives is still given to a consumer. */
function takesInput(connection: AnyConnection): boolean {
  return (flagsOf(connection) & (OVER | LEFT)) === 0;
}

/** Gives a message to the connection's consumer, or keeps it. It was made from so many received bytes. */
function give(connection: AnyConnection, value: unknown, bytes: number): void {
  if (!takesInput(connection)) return;
  const { sink } = ownerOf(connection);
  const waiter = sink === undefined ? shiftWaiter(connection) : undefined;
  if (waiter !== undefined) {
    waiter({ value, done: false });
    return;
  }
  const unread = (lateOf(connection).messages ??= new UnreadMessages(unreadOf(connection)));
  unread.add(bytes);
  countUnread(connection, bytes + COST);
  if (sink === undefined) unread.push(value);
  else sink.data(connection, value, false);
}

function asError(protocol: AnyProtocol, error: unknown): Error {
  if (isError(error)) return error;
  const message = `${protocol.name}: decode() threw ${show(error)}`;
  return new EdgepollError('ERR_PROTOCOL_FAULT', message);
}
