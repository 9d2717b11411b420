/** Reads RESP that the plug-in has checked and handed over as it came, because it has very many values. */
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
import type { Source } from './read-reply.js';

const CR = 13;
const DOLLAR = 36;
const STAR = 42;

/** The number behind the type byte of a line, and where the next line begins. */
function numberAt(bytes: Buffer, at: number): [number, number] {
  const end = bytes.indexOf(CR, at);
  return [Number(bytes.toString('latin1', at + 1, end)), end + 2];
}

/** The bulk strings one behind the other. The buffers share the memory of `bytes`. */
export function* parseBulks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const [length, start] = numberAt(bytes, at);
    yield bytes.subarray(start, start + length);
    at = start + length + 2;
  }
}

const KINDS: Record<string, number> = {
  '+': SIMPLE,
  '-': ERROR,
  '!': ERROR,
  ':': INTEGER,
  $: BULK,
  _: NULL,
  ',': DOUBLE,
  '#': BOOLEAN,
  '(': BIG_NUMBER,
  '=': VERBATIM,
  '*': ARRAY,
  '~': SET,
  '%': MAP,
  '>': PUSH,
  '|': ATTRIBUTE,
};

/** A reply's values, in the order in which they came. */
export class RawSource implements Source {
  readonly #bytes: Buffer;
  #at = 0;
  count = 0;
  /** The content of the current value. */
  #start = 0;
  #end = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    const type = bytes[at] as number;
    const kind = KINDS[String.fromCharCode(type)] as number;
    const end = bytes.indexOf(CR, at);
    this.#start = at + 1;
    this.#end = end;
    this.#at = end + 2;
    switch (kind) {
      case BULK:
      case VERBATIM:
        return this.#string(kind);
      case ERROR:
        return type === 0x21 ? this.#string(kind) : kind;
      case BOOLEAN:
        this.count = bytes[at + 1] === 0x74 ? 1 : 0;
        return kind;
      case ARRAY:
      case SET:
      case MAP:
      case PUSH:
      case ATTRIBUTE:
        this.count = this.number();
        return type === STAR && this.count < 0 ? NULL : kind;
      default:
        return kind;
    }
  }

  /** The value is a string of a length that stands before it. */
  #string(kind: number): number {
    const length = this.number();
    if (length < 0 && this.#bytes[this.#start - 1] === DOLLAR) return NULL;
    this.#start = this.#at;
    this.#end = this.#start + length;
    this.#at = this.#end + 2;
    return kind;
  }

  text(): string {
    return this.#bytes.toString('utf8', this.#start, this.#end);
  }

  name(): string {
    return this.text();
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#start, this.#end));
  }

  number(): number {
    return Number(this.#bytes.toString('latin1', this.#start, this.#end));
  }

  bigint(): bigint {
    return BigInt(this.#bytes.toString('latin1', this.#start, this.#end));
  }

  double(): number {
    const text = this.#bytes.toString('latin1', this.#start, this.#end);
    if (text.endsWith('inf')) return text.startsWith('-') ? -Infinity : Infinity;
    return Number(text);
  }

  verbatim(): [string, string] {
    const text = this.text();
    return [text.slice(0, 3), text.slice(4)];
  }
}
