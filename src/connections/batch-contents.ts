/** What a batch of messages is made of, and a cursor over its messages that makes no object for each. */
import type { Chunk } from '../internal/chunk.js';
import type { CloseReason } from './close-reason.js';
import type { AnyConnection } from './connection.js';
import type { Place } from './incoming.js';
import type { MessageView, Sliced } from './message-view.js';
import * as view from './message-view.js';
import type { AnyProtocol } from './protocol.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { moveTo, show, sizeOf } = view.viewCore;

const NO_TABLE = new Int32Array(0);
const NO_BYTES: Chunk = Buffer.alloc(0);

/** Consecutive messages of one connection. */
export interface Part extends Place {
  connection: AnyConnection | undefined;
  /** The protocol that the messages are of; `undefined` for a chunk. */
  protocol: AnyProtocol | undefined;
  /** The bytes that count as unread until the consumer gets the part. */
  unread: number;
}

/** A connection that is over, and why. */
export interface ClosedConnection<C> {
  connection: C;
  reason: CloseReason;
}

/** Makes a part of messages that lie at `place`. */
export function partOf(
  connection: AnyConnection,
  protocol: AnyProtocol | undefined,
  { bytes, base, length, table, start, count }: Place,
): Part {
  return { connection, protocol, bytes, base, length, table, start, count, unread: 0 };
}

/** What a batch is made of. It is filled again once the consumer has asked for the next batch. */
export class Contents {
  /** The parts in use, and behind them spare ones. */
  readonly parts: Part[] = [];
  /** How many of `parts` are in use. */
  used = 0;
  /** How many messages there are. */
  messages = 0;
  /** How many chunks of the arena the parts lie in. */
  lent = 0;
  opened: AnyConnection[] = [];
  ended: AnyConnection[] = [];
  closed: ClosedConnection<AnyConnection>[] = [];

  get isEmpty(): boolean {
    const { used, opened, ended, closed } = this;
    return used === 0 && opened.length === 0 && ended.length === 0 && closed.length === 0;
  }

  /** Adds the messages that lie at `place`. */
  add(connection: AnyConnection, protocol: AnyProtocol | undefined, place: Place): Part {
    let part = this.parts[this.used];
    if (part === undefined) {
      part = partOf(connection, protocol, place);
      this.parts.push(part);
    } else {
      part.connection = connection;
      part.protocol = protocol;
      part.bytes = place.bytes;
      part.base = place.base;
      part.length = place.length;
      part.table = place.table;
      part.start = place.start;
      part.count = place.count;
      part.unread = 0;
    }
    this.used += 1;
    this.messages += part.count;
    return part;
  }

  /** Leaves out the last `left` messages of a part. */
  shorten(part: Part, left: number): void {
    part.count -= left;
    this.messages -= left;
  }

  /** Removes the messages of a connection, or those after a part. Returns copies of them. */
  remove(connection: AnyConnection, after?: Part): Part[] {
    const removed: Part[] = [];
    let index = after === undefined ? 0 : this.parts.indexOf(after) + 1;
    for (; index < this.used; index += 1) {
      const part = this.parts[index] as Part;
      if (part.connection !== connection || part.count === 0) continue;
      const copy = copyOf(part, part.start, part.count);
      copy.unread = part.unread;
      removed.push(copy);
      // The copy counts as unread in its place.
      part.unread = 0;
      this.shorten(part, part.count);
    }
    return removed;
  }

  /** Removes the end of a connection's input. Returns whether there was one. */
  removeEnd(connection: AnyConnection): boolean {
    const at = this.ended.indexOf(connection);
    if (at < 0) return false;
    this.ended.splice(at, 1);
    return true;
  }

  /** Empties it. */
  reset(): void {
    for (let index = 0; index < this.used; index += 1) {
      const part = this.parts[index] as Part;
      // Spare parts keep no connection or memory alive.
      part.connection = undefined;
      part.protocol = undefined;
      part.bytes = NO_BYTES;
      part.table = NO_TABLE;
    }
    this.used = 0;
    this.messages = 0;
    this.lent = 0;
    // The program may still have the lists.
    if (this.opened.length > 0) this.opened = [];
    if (this.ended.length > 0) this.ended = [];
    if (this.closed.length > 0) this.closed = [];
  }

  /**
   * Copies the tables that lie in `shared`, because that is about to be written again. Places in the copy are the same. Returns the
   * copy; `undefined` if no table lies there.
   */
  detach(shared: Int32Array): Int32Array | undefined {
    let end = 0;
    for (let index = 0; index < this.used; index += 1) {
      const part = this.parts[index] as Part;
      if (part.table === shared) end = Math.max(end, endOf(part));
    }
    if (end === 0) return undefined;
    const copy = shared.slice(0, end);
    for (let index = 0; index < this.used; index += 1) {
      const part = this.parts[index] as Part;
      if (part.table === shared) part.table = copy;
    }
    return copy;
  }
}

/** Where the table of the part's messages ends. */
function endOf({ table, start, count }: Part): number {
  let at = start;
  for (let left = count; left > 0; left -= 1) at += sizeOf(table[at] as number);
  return at;
}

/** Gives a part a table of its own. */
export function keepTable(part: Part): void {
  part.table = part.table.slice(part.start, endOf(part));
  part.start = 0;
}

/** A part of the last `left` messages of `part`, which begin at `at`. It has memory of its own. */
export function copyOf(part: Part, at: number, left: number): Part {
  const { connection, protocol, bytes, base, length, table } = part;
  const body = bytes.subarray(base, base + length);
  const owner = connection as AnyConnection;
  const rest = partOf(owner, protocol, { ...part, start: at, count: left });
  rest.table = table.slice(at, endOf(rest));
  rest.start = 0;
  rest.bytes = Buffer.from(body);
  rest.base = 0;
  return rest;
}

/** Moves a view over the messages of a batch. */
export class Cursor {
  readonly #contents: Contents;
  readonly #view: MessageView;
  #part: Part | undefined;
  /** The table that the view shows: the part's may have been copied meanwhile. */
  #table: Int32Array | undefined;
  /** The number of the next part. */
  #next = 0;
  /** Where the next message stands in the table. */
  at = 0;
  /** How many messages are left in the part. */
  left = 0;

  constructor(contents: Contents, message: MessageView) {
    this.#contents = contents;
    this.#view = message;
  }

  /** Whether it moves over these contents. */
  isOf(contents: Contents): boolean {
    return this.#contents === contents;
  }

  /** The part of the next message. `undefined` if there is none. */
  seek(): Part | undefined {
    while (this.left === 0) {
      if (this.#next >= this.#contents.used) return undefined;
      const part = this.#contents.parts[this.#next] as Part;
      this.#next += 1;
      this.#part = part;
      this.#table = undefined;
      this.at = part.start;
      this.left = part.count;
    }
    return this.#part;
  }

  /** Shows the next message, which is of this part. */
  step(part: Part): void {
    if (part.table !== this.#table) {
      this.#table = part.table;
      show(this.#view, part.table, part.bytes as Sliced, part.base);
    }
    this.at = moveTo(this.#view, this.at);
    this.left -= 1;
  }
}
