/** Writes a message of a protocol, byte for byte, into the memory that it is sent from. */
import type { Chunk } from '../internal/chunk.js';
import { EdgepollError } from '../internal/errors.js';
import * as checks from '../internal/validate.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { integer, isBytes, lengthOf, rangeError, typeError } = checks;

/** Methods that every runtime's `Buffer` has, and @types/node 18 lacks. They cost half of what `write()` does. */
type Written = Chunk & {
  latin1Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
};

/** Shorter texts are written character by character, which costs less than a native call. */
const SHORT = 24;
/** The longest decimal number. */
const MOST_DIGITS = 20;
/** Memory for long messages is kept up to this many bytes. */
const MOST_KEPT = 256 * 1024;
const LEAST_KEPT = 4096;
const NOTHING = Buffer.alloc(0) as Written;

/** What other modules of the package may do with a writer, and programs may not. */
export interface WriterCore {
  /** Begins a message in `memory` at `from`. `hasKind`: its first byte is its kind. */
  readonly begin: (writer: MessageWriter, memory: Chunk, from: number, hasKind: boolean) => void;
  /** Moves what was written to memory of the writer's own. */
  readonly moveOut: (writer: MessageWriter) => void;
  /** Ends the message: nothing more can be written. Returns its length. */
  readonly close: (writer: MessageWriter) => number;
  /** Whether the message lies in memory of the writer's own. */
  readonly isMoved: (writer: MessageWriter) => boolean;
  /** The bytes of the message. They are valid until the next one begins. */
  readonly bytesOf: (writer: MessageWriter) => Uint8Array;
}

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: WriterCore;

/**
 * Writes one message. Its methods append to the message, and return the writer. It can be used only while
 * {@link Protocol.encode} runs.
 *
 * Numbers of several bytes have their high byte first (network order), unless `littleEndian` is true.
 */
export class MessageWriter {
  #memory: Written = NOTHING;
  #from = 0;
  #at = 0;
  /** The end of the memory; −1 while no message is being written. */
  #end = -1;
  /** Where the kind stands; −1 if the message has none. */
  #kindAt = -1;
  /** The writer's own memory, for messages that do not fit into the memory that they were begun in. */
  #own: Written = NOTHING;

  static {
    access = {
      begin: (writer, memory, from, hasKind) => {
        writer.#memory = memory as Written;
        writer.#from = from;
        writer.#at = from;
        writer.#end = memory.length;
        writer.#kindAt = -1;
        if (!hasKind) return;
        writer.u8(0);
        writer.#kindAt = writer.#at - 1;
      },
      moveOut: (writer) => {
        if (writer.#memory !== writer.#own) writer.#grow(0);
      },
      close: (writer) => {
        writer.#end = -1;
        return writer.#at - writer.#from;
      },
      isMoved: (writer) => writer.#memory === writer.#own,
      bytesOf: (writer) => {
        const bytes = writer.#memory.subarray(writer.#from, writer.#at);
        writer.#memory = NOTHING;
        if (writer.#own.length > MOST_KEPT) writer.#own = NOTHING;
        return bytes;
      },
    };
  }

  /** How many bytes the message has so far, without its kind. */
  get length(): number {
    return this.#at - this.#from - (this.#kindAt < 0 ? 0 : 1);
  }

  /**
   * Sets the message's kind, 0 to 255. Default 0. What it means is the protocol's own: its session in Rust gets the kind with the
   * message and makes the bytes that leave. Throws `ERR_PROTOCOL_FAULT` if the session does not do that.
   */
  kind(kind: number): this {
    if (kind >>> 0 !== kind || kind > 255) integer('kind', kind, 0, 255);
    if (this.#end < 0) throw notWriting();
    if (this.#kindAt < 0) {
      const message =
        'kind(): the sessions of the protocol take no kind, because they do not encode';
      throw new EdgepollError('ERR_PROTOCOL_FAULT', message);
    }
    this.#memory[this.#kindAt] = kind;
    return this;
  }

  /** Appends a string as UTF-8. */
  text(text: string): this {
    if (typeof text !== 'string') throw typeError('text', 'a string', text);
    const { length } = text;
    if (this.#at + length * 3 > this.#end) this.#makeRoom(Buffer.byteLength(text));
    const memory = this.#memory;
    const start = this.#at;
    if (length < SHORT) {
      let index = 0;
      for (; index < length; index += 1) {
        const unit = text.charCodeAt(index);
        if (unit > 0x7f) break;
        memory[start + index] = unit;
      }
      if (index === length) {
        this.#at = start + length;
        return this;
      }
    }
    this.#at = start + memory.utf8Write(text, start, this.#end - start);
    return this;
  }

  /** Appends a string with one byte for each character (ISO 8859-1). Of characters beyond U+00FF only the low byte is written. */
  latin1(text: string): this {
    if (typeof text !== 'string') throw typeError('text', 'a string', text);
    const { length } = text;
    if (this.#at + length > this.#end) this.#makeRoom(length);
    const memory = this.#memory;
    const start = this.#at;
    this.#at = start + length;
    if (length < SHORT) {
      for (let index = 0; index < length; index += 1)
        memory[start + index] = text.charCodeAt(index);
    } else memory.latin1Write(text, start, length);
    return this;
  }

  /** As {@link MessageWriter.latin1}, for a text that is known to be ASCII. */
  ascii(text: string): this {
    return this.latin1(text);
  }

  /** Appends bytes. */
  bytes(bytes: Uint8Array): this {
    if (!isBytes(bytes)) throw typeError('bytes', 'a Uint8Array', bytes);
    const length = lengthOf(bytes);
    if (this.#at + length > this.#end) this.#makeRoom(length);
    this.#memory.set(bytes, this.#at);
    this.#at += length;
    return this;
  }

  /** Appends an integer in decimal digits. */
  decimal(value: number | bigint): this {
    if (this.#at + MOST_DIGITS > this.#end) this.#makeRoom(MOST_DIGITS);
    const memory = this.#memory;
    const at = this.#at;
    if (typeof value === 'number' && value >>> 0 === value && value < 100) {
      if (value < 10) {
        memory[at] = 48 + value;
        this.#at = at + 1;
      } else {
        const tens = (value / 10) | 0;
        memory[at] = 48 + tens;
        memory[at + 1] = 48 + value - tens * 10;
        this.#at = at + 2;
      }
      return this;
    }
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) {
      if (typeof value !== 'number') throw typeError('value', 'an integer', value);
      throw rangeError('value', 'an integer from -(2^53 - 1) to 2^53 - 1', value);
    }
    return this.latin1(String(value));
  }

  /** Appends a byte, 0 to 255. */
  u8(value: number): this {
    if (value >>> 0 !== value || value > 0xff) integer('value', value, 0, 0xff);
    if (this.#at === this.#end || this.#end < 0) this.#makeRoom(1);
    this.#memory[this.#at] = value;
    this.#at += 1;
    return this;
  }

  /** Appends an integer of 2 bytes, 0 to 65,535. */
  u16(value: number, littleEndian = false): this {
    if (value >>> 0 !== value || value > 0xffff) integer('value', value, 0, 0xffff);
    return this.#number(value, 2, littleEndian);
  }

  /** Appends an integer of 3 bytes, 0 to 2^24 − 1. */
  u24(value: number, littleEndian = false): this {
    if (value >>> 0 !== value || value > 0xff_ffff) integer('value', value, 0, 0xff_ffff);
    return this.#number(value, 3, littleEndian);
  }

  /** Appends an integer of 4 bytes, 0 to 2^32 − 1. */
  u32(value: number, littleEndian = false): this {
    if (value >>> 0 !== value) integer('value', value, 0, 0xffff_ffff);
    return this.#number(value, 4, littleEndian);
  }

  /** Appends an integer of 8 bytes, 0 to 2^64 − 1. */
  u64(value: number | bigint, littleEndian = false): this {
    const whole = typeof value === 'bigint' ? value : BigInt(integer('value', value, 0, 2 ** 53));
    if (whole < 0n || whole >= 2n ** 64n)
      throw rangeError('value', 'an integer from 0 to 2^64 - 1', value);
    const [high, low] = [Number(whole >> 32n), Number(whole & 0xffff_ffffn)];
    if (littleEndian) return this.#number(low, 4, true).#number(high, 4, true);
    return this.#number(high, 4, false).#number(low, 4, false);
  }

  /** Appends an integer as groups of 7 bits, the low group first, each with a mark if another follows (LEB128). 0 to 2^32 − 1. */
  varint(value: number): this {
    if (value >>> 0 !== value) integer('value', value, 0, 0xffff_ffff);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.u8((rest & 0x7f) | 0x80);
    return this.u8(rest);
  }

  #number(value: number, size: number, littleEndian: boolean): this {
    if (this.#at + size > this.#end) this.#makeRoom(size);
    const at = this.#at;
    for (let index = 0; index < size; index += 1)
      this.#memory[at + index] = value >>> ((littleEndian ? index : size - 1 - index) * 8);
    this.#at = at + size;
    return this;
  }

  /** The memory may have no room for `length` more bytes, or no message is being written. */
  #makeRoom(length: number): void {
    if (this.#end < 0) throw notWriting();
    if (this.#at + length > this.#end) this.#grow(length);
  }

  /** Moves the message to memory of the writer's own, with room for `more` bytes. */
  #grow(more: number): void {
    const begun = this.#at - this.#from;
    const needed = begun + more;
    let own = this.#own;
    if (own.length < needed || this.#memory === own) {
      const size = Math.max(needed, Math.min(own.length * 2, needed * 2), LEAST_KEPT);
      own = Buffer.allocUnsafeSlow(size) as Written;
    }
    this.#memory.copy(own, 0, this.#from, this.#at);
    this.#memory = own;
    this.#own = own;
    if (this.#kindAt >= 0) this.#kindAt -= this.#from;
    this.#from = 0;
    this.#at = begun;
    this.#end = own.length;
  }
}

/** The functions of a writer for other modules of the package. */
export const writerCore: WriterCore = access;

function notWriting(): EdgepollError {
  const message = 'the message is finished: a writer can be used only while encode() runs';
  return new EdgepollError('ERR_PROTOCOL_FAULT', message);
}
