/** A message of a protocol where it lies: its kind, and its fields as places in received bytes. */
import type { Chunk } from '../internal/chunk.js';
import * as layout from '../internal/layout.js';
import { coded } from '../internal/validate.js';
import type { Names } from './message-names.js';
import * as region from './region.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { CONTINUES, FIELDS_SHIFT, FIELD_DOUBLE, FIELD_INTEGER, FIELD_NULL, FIELD_NUMBERS } = layout;
const { FastBuffer } = region;

/** Bits of a message's header that hold the kind. */
const KIND_MASK = 0xff;

/** Methods that every runtime's `Buffer` has, and @types/node 18 lacks. They cost half of what `toString()` does. */
export type Sliced = Chunk & {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
};

/** For reading a double from its halves. */
const halves = new DataView(new ArrayBuffer(8));
const NO_TABLE = new Int32Array(0);
const NO_BYTES = Buffer.alloc(0) as Sliced;

/** What other modules of the package may do with a view, and programs may not. */
export interface ViewCore {
  /** Sets where the strings of names are kept. */
  readonly use: (view: MessageView, names: Names) => void;
  /** Sets the table and the bytes that the next messages have. Offsets of fields count from `base`. */
  readonly show: (view: MessageView, table: Int32Array, bytes: Sliced, base: number) => void;
  /** Goes to the message whose header stands at `header`. Returns where the header of the next message stands. */
  readonly moveTo: (view: MessageView, header: number) => number;
  /** How many numbers the message with this header takes. */
  readonly sizeOf: (header: number) => number;
  /** If the view shows a message of `old`, it shows the same one of `table` from now on. */
  readonly replaceTable: (view: MessageView, old: Int32Array, table: Int32Array) => void;
  /** Ends the validity of the view: it has no fields until it is moved to another message. */
  readonly close: (view: MessageView) => void;
}

/** The class's static block sets it, because only code inside the class can reach private fields. */
let access: ViewCore;

/**
 * One message of a protocol: a kind and fields. What they mean is the protocol's own. A field is bytes, a number, or nothing.
 *
 * Fields are numbered from 0. Each method throws a `RangeError` for a field that the message does not have.
 */
export class MessageView {
  #names: Names | undefined;
  #table: Int32Array = NO_TABLE;
  #bytes: Sliced = NO_BYTES;
  #base = 0;
  #header = 0;
  #fields = 0;
  /** Where the first field's numbers stand in the table. */
  #at = 0;

  static {
    access = {
      use: (view, names) => {
        view.#names = names;
      },
      show: (view, table, bytes, base) => {
        view.#table = table;
        view.#bytes = bytes;
        view.#base = base;
      },
      moveTo: (view, header) => {
        const value = view.#table[header] as number;
        const fields = value >>> FIELDS_SHIFT;
        view.#header = value;
        view.#fields = fields;
        view.#at = header + 1;
        return header + 1 + fields * FIELD_NUMBERS;
      },
      sizeOf: (header) => 1 + (header >>> FIELDS_SHIFT) * FIELD_NUMBERS,
      replaceTable: (view, old, table) => {
        if (view.#table === old) view.#table = table;
      },
      close: (view) => {
        view.#fields = 0;
        view.#table = NO_TABLE;
        view.#bytes = NO_BYTES;
      },
    };
  }

  /** The kind of the message, 0 to 255. */
  get kind(): number {
    return this.#header & KIND_MASK;
  }

  /** How many fields the message has. */
  get fields(): number {
    return this.#fields;
  }

  /** Whether the next message of the connection continues this one: the protocol gives a long message in parts. */
  get continues(): boolean {
    return (this.#header & CONTINUES) !== 0;
  }

  /** Where the numbers of a field stand in the table. */
  #placeOf(field: number): number {
    if (field >>> 0 !== field || field >= this.#fields) throw noSuchField(field, this.#fields);
    return this.#at + field * FIELD_NUMBERS;
  }

  /** Whether the field has no value. */
  isNull(field: number): boolean {
    return this.#table[this.#placeOf(field) + 1] === FIELD_NULL;
  }

  /** How many bytes the field has. 0 if it is a number or has no value. */
  length(field: number): number {
    return Math.max(this.#table[this.#placeOf(field) + 1] as number, 0);
  }

  /** The field as a string: bytes are read as UTF-8, and a number in decimal. Throws a `TypeError` if the field has no value. */
  text(field: number): string {
    const place = this.#placeOf(field);
    const length = this.#table[place + 1] as number;
    if (length < 0) return this.#numberText(field);
    const start = this.#base + (this.#table[place] as number);
    return this.#bytes.utf8Slice(start, start + length);
  }

  /** As {@link MessageView.text}, with one character for each byte (ISO 8859-1). */
  latin1(field: number): string {
    const place = this.#placeOf(field);
    const length = this.#table[place + 1] as number;
    if (length < 0) return this.#numberText(field);
    const start = this.#base + (this.#table[place] as number);
    return this.#bytes.latin1Slice(start, start + length);
  }

  /**
   * As {@link MessageView.text}, for a field that the protocol calls a name: a short text that comes again and again, such as a
   * key. The same bytes give the same string, which is made once.
   */
  name(field: number): string {
    const place = this.#placeOf(field);
    const id = this.#table[place + 2] as number;
    if (id === 0 || (this.#table[place + 1] as number) < 0) return this.text(field);
    const names = this.#names as Names;
    return names.known(id) ?? names.keep(id, this.text(field));
  }

  /** The field's bytes, as a copy. Throws a `TypeError` if the field is not bytes. */
  bytes(field: number): Chunk {
    const place = this.#placeOf(field);
    const length = this.#table[place + 1] as number;
    if (length < 0) throw notBytes(field);
    const start = this.#base + (this.#table[place] as number);
    const copy = Buffer.allocUnsafe(length);
    this.#bytes.copy(copy, 0, start, start + length);
    return copy;
  }

  /**
   * The field's bytes where they lie, without a copy. They are valid as long as this view of the message is: their memory is
   * received into again. Throws a `TypeError` if the field is not bytes.
   */
  view(field: number): Chunk {
    const place = this.#placeOf(field);
    const length = this.#table[place + 1] as number;
    if (length < 0) throw notBytes(field);
    const bytes = this.#bytes;
    const start = bytes.byteOffset + this.#base + (this.#table[place] as number);
    return new FastBuffer(bytes.buffer, start, length);
  }

  /**
   * The field as a number. Bytes are converted as `Number()` converts their text. An integer beyond 2^53 is rounded. Throws a
   * `TypeError` if the field has no value.
   */
  number(field: number): number {
    const place = this.#placeOf(field);
    const low = this.#table[place] as number;
    const high = this.#table[place + 2] as number;
    switch (this.#table[place + 1] as number) {
      case FIELD_INTEGER:
        return high * 2 ** 32 + (low >>> 0);
      case FIELD_DOUBLE:
        halves.setInt32(0, high);
        halves.setInt32(4, low);
        return halves.getFloat64(0);
      default:
        return Number(this.latin1(field));
    }
  }

  /** The field as a `bigint`. Throws what `BigInt()` throws if it is not an integer, and a `TypeError` if it has no value. */
  bigint(field: number): bigint {
    const place = this.#placeOf(field);
    switch (this.#table[place + 1] as number) {
      case FIELD_INTEGER:
        halves.setInt32(0, this.#table[place + 2] as number);
        halves.setInt32(4, this.#table[place] as number);
        return halves.getBigInt64(0);
      case FIELD_DOUBLE:
        return BigInt(this.number(field));
      default:
        return BigInt(this.latin1(field));
    }
  }

  /** A field that is not bytes as text. */
  #numberText(field: number): string {
    if (this.isNull(field)) {
      const error = new TypeError(`field ${field} of the message has no value`);
      throw coded(error, 'ERR_INVALID_ARG_VALUE');
    }
    const isInteger = this.#table[this.#placeOf(field) + 1] === FIELD_INTEGER;
    return String(isInteger ? this.bigint(field) : this.number(field));
  }
}

/** The functions of a view for other modules of the package. */
export const viewCore: ViewCore = access;

function noSuchField(field: number, fields: number): RangeError {
  const message =
    fields === 0
      ? `no field ${field}: the message has none, or is not valid any more`
      : `no field ${field}: the message has the fields 0 to ${fields - 1}`;
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE');
}

function notBytes(field: number): TypeError {
  return coded(
    new TypeError(`field ${field} of the message is not bytes`),
    'ERR_INVALID_ARG_VALUE',
  );
}
