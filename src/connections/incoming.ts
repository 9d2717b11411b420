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

/** Where the messages of a record lie. The same object is used for each record. */
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
  // These two are made at the first message, because most programs have no protocol.
  #names: Names | undefined;
  #view: MessageView | undefined;
  /** The table of a message that has one field. */
  readonly #single = Int32Array.of(1 << FIELDS_SHIFT, 0, 0, 0);

  constructor(arena: Arena, staging: Staging) {
    this.#arena = arena;
    this.#staging = staging;
  }

  /** Messages of a connection arrived. With `isLent` their memory has to be given back: see arena.ts. */
  messages(connection: AnyConnection, place: Place, isLent: boolean): void {
    const { protocol } = ownerOf(connection);
    if (protocol !== undefined && takesInput(connection)) this.#decode(connection, protocol, place);
    if (isLent) this.#arena.giveBack(1);
  }

  /** A chunk of a connection arrived that has a protocol, or had one, or takes nothing any more. */
  chunk(connection: AnyConnection, chunk: Chunk, isLent: boolean): void {
    if (takesInput(connection)) {
      const { protocol } = ownerOf(connection);
      const { length } = chunk;
      if (protocol === undefined) give(connection, isLent ? Buffer.from(chunk) : chunk, length);
      else {
        const table = this.#single;
        table[2] = length;
        const place = { bytes: chunk, base: 0, length, table, start: 0, count: 1 };
        this.#decode(connection, protocol, place);
      }
    }
    if (isLent) this.#arena.giveBack(1);
  }

  /** Gives a view the names that the reactor's messages have in common. Returns it. */
  makeView<View extends MessageView>(view: View): View {
    use(view, (this.#names ??= new Names()));
    return view;
  }

  #decode(connection: AnyConnection, protocol: AnyProtocol, place: Place): void {
    const view = (this.#view ??= this.makeView(new MessageView()));
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
