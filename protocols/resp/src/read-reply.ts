/** Reads replies into JavaScript's values. */
import type { MessageView } from 'edgepoll';

import {
  ARRAY,
  ATTRIBUTE,
  BIG_NUMBER,
  BOOLEAN,
  BULK,
  DOUBLE,
  ERROR,
  INTEGER,
  MAP,
  NULL,
  PUSH,
  SET,
  SIMPLE,
  VERBATIM,
} from './kinds.js';
import { Attributed, Push, ReplyError, Verbatim } from './reply.js';
import type { Reply } from './reply.js';

/** Where the values of a reply come from, one after the other. */
export interface Source {
  /** Goes to the next value. Returns its kind. */
  next(): number;
  /** The number of elements or of pairs in the value; of a boolean, 1 for true. */
  readonly count: number;
  text(): string;
  name(): string;
  bytes(): Buffer;
  number(): number;
  bigint(): bigint;
  double(): number;
  /** Format and text. */
  verbatim(): [string, string];
}

/** The values in the fields of a message. */
export class FieldSource implements Source {
  readonly #message: MessageView;
  #field = 0;
  /** How many of the next values are bulk strings, which have had their header. */
  #run = 0;
  #isFirst = true;
  count = 0;

  constructor(message: MessageView) {
    this.#message = message;
  }

  next(): number {
    if (this.#isFirst) return this.#first();
    if (this.#run > 0) {
      this.#run -= 1;
      return BULK;
    }
    const header = this.number();
    const kind = header & 0xff;
    // Not by a shift: a count can have 32 bits.
    this.count = Math.floor(header / 256);
    if (kind === BULK) this.#run = this.count - 1;
    return kind;
  }

  /** The whole reply: its kind is the message's, and its number is a field. */
  #first(): number {
    this.#isFirst = false;
    const { kind } = this.#message;
    if (kind >= ARRAY || kind === BOOLEAN) this.count = this.number();
    return kind;
  }

  text(): string {
    return this.#message.text(this.#field++);
  }

  name(): string {
    return this.#message.name(this.#field++);
  }

  bytes(): Buffer {
    return this.#message.bytes(this.#field++);
  }

  number(): number {
    return this.#message.number(this.#field++);
  }

  bigint(): bigint {
    return this.#message.bigint(this.#field++);
  }

  double(): number {
    return this.number();
  }

  verbatim(): [string, string] {
    return [this.text(), this.text()];
  }
}

/** Reads one value with all that it holds. Bulk strings become buffers if `asBytes`. */
export function readValue(source: Source, asBytes: boolean): Reply {
  switch (source.next()) {
    case SIMPLE:
      return source.name();
    case ERROR:
      return new ReplyError(source.text());
    case INTEGER:
      return readInteger(source);
    case BULK:
      return asBytes ? source.bytes() : source.text();
    case NULL:
      return null;
    case DOUBLE:
      return source.double();
    case BOOLEAN:
      return source.count === 1;
    case BIG_NUMBER:
      return source.bigint();
    case VERBATIM:
      return new Verbatim(...source.verbatim());
    case ARRAY:
      return readValues(source, source.count, asBytes);
    case SET:
      return new Set(readValues(source, source.count, asBytes));
    case MAP:
      return readMap(source, asBytes);
    case PUSH:
      return new Push(readValues(source, source.count, asBytes));
    case ATTRIBUTE:
      return new Attributed(readMap(source, asBytes), readValue(source, asBytes));
    default:
      throw new TypeError('the addon of edgepoll-resp gave an unknown kind of reply');
  }
}

/** A number, or a bigint beyond 2^53. */
function readInteger(source: Source): number | bigint {
  const value = source.bigint();
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function readValues(source: Source, count: number, asBytes: boolean): Reply[] {
  const values: Reply[] = [];
  for (let index = 0; index < count; index += 1) values.push(readValue(source, asBytes));
  return values;
}

function readMap(source: Source, asBytes: boolean): Map<Reply, Reply> {
  const map = new Map<Reply, Reply>();
  const { count } = source;
  for (let index = 0; index < count; index += 1) {
    const key = readValue(source, asBytes);
    map.set(key, readValue(source, asBytes));
  }
  return map;
}
