/** The option `framing`: how received bytes are cut into chunks, and what `write()` adds to a message. */
import type { FramingSettings } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  didYouMean,
  integer,
  invalidValue,
  isBytes,
  oneOf,
  optionalBoolean,
  optionalInteger,
  rangeError,
  show,
  typeError,
} from '../internal/validate.js';
import { nearest } from '../internal/nearest.js';

/**
 * A message ends with a delimiter. The last message before the peer's end may lack it. `maxFrame` is the most bytes of a message
 * without its delimiter.
 */
export interface DelimitedFraming {
  /**
   * What becomes of a message that is longer than `maxFrame`. `close`: the connection ends with `ERR_FRAME_TOO_LONG`. `skip`: the
   * message is dropped, and the next one is read. `report`: a chunk has the first `maxFrame` + 1 bytes of the message, and the rest is
   * dropped. So a chunk that is longer than `maxFrame`, without its delimiter, is the beginning of a longer message. Default `close`.
   */
  tooLong?: 'close' | 'skip' | 'report' | undefined;
  /** Leaves the delimiter at the end of each chunk. `write()` appends it all the same. Default `false`. */
  keepEnd?: boolean | undefined;
}

/** Lines. They end with LF, and a CR before the LF belongs to the end. A CR alone does not end a line. */
export interface LinesFraming extends DelimitedFraming {
  type: 'lines';
  /** What `write()` appends: LF or CR LF. Default `lf`. */
  write?: 'lf' | 'crlf' | undefined;
}

/** Messages that end with a delimiter of the program's choice. `write()` appends it, and refuses a message that holds it. */
export interface DelimiterFraming extends DelimitedFraming {
  type: 'delimiter';
  /** The delimiter: 1 to 64 bytes. A string is encoded as UTF-8. */
  delimiter: string | Uint8Array;
}

/**
 * Messages with their length in front. The header is everything up to the end of the length. The message is what follows it, and
 * `maxFrame` is its most bytes. A length above that ends the connection before the message arrives. Without `offset` and `keepHeader`,
 * `write()` puts the header in front of a message.
 */
export interface LengthPrefixFraming {
  type: 'length-prefix';
  /** The bytes of the length. `varint`: 1 to 10 bytes with seven bits each, as in Protocol Buffers and MQTT (LEB128). */
  size: 1 | 2 | 3 | 4 | 8 | 'varint';
  /** The order of the bytes of the length. Not for a varint. Default `big`, which is network order. */
  endian?: 'big' | 'little' | undefined;
  /**
   * How many bytes stand in front of the length. They belong to the header, and only the program knows them: `write()` then takes whole
   * messages, with their header, and refuses one whose length is wrong. Default 0.
   */
  offset?: number | undefined;
  /** The length counts the header too, and not only what follows. Default `false`. */
  inclusive?: boolean | undefined;
  /** Is added to the length that was read: the message has more bytes than the length says, or fewer. Default 0. */
  adjust?: number | undefined;
  /** Leaves the header at the front of each chunk. `write()` then takes whole messages, as with `offset`. Default `false`. */
  keepHeader?: boolean | undefined;
}

/** Messages of one length. `write()` refuses others. */
export interface FixedFraming {
  type: 'fixed';
  /** The bytes of each message. `maxFrame` does not bound them. */
  size: number;
}

/** A framing without options of its own, which may also be given by its name alone. */
export interface PlainFraming {
  type: 'bytes' | 'netstring';
}

/** What the option `framing` takes. */
export type Framing =
  | 'bytes'
  | 'lines'
  | 'netstring'
  | LinesFraming
  | DelimiterFraming
  | LengthPrefixFraming
  | FixedFraming
  | PlainFraming;

type FramingObject = Exclude<Framing, string>;

type OfType<T extends FramingObject['type']> = Extract<FramingObject, { type: T }>;

const BYTES: OptionNames<PlainFraming> = { type: true };

/** The names of the options of each type. */
const NAMES: { [T in FramingObject['type']]: OptionNames<OfType<T>> } = {
  bytes: BYTES,
  lines: { type: true, tooLong: true, keepEnd: true, write: true },
  delimiter: { type: true, delimiter: true, tooLong: true, keepEnd: true },
  'length-prefix': {
    type: true,
    size: true,
    endian: true,
    offset: true,
    inclusive: true,
    adjust: true,
    keepHeader: true,
  },
  fixed: { type: true, size: true },
  netstring: BYTES,
};

const TYPES = Object.keys(NAMES) as FramingObject['type'][];
const WORDS: readonly string[] = ['bytes', 'lines', 'netstring'];
const MOST_DELIMITER = 64;
const MOST_OFFSET = 65_535;
const MOST_LENGTH = 2 ** 31 - 1;

/** Checks the option `framing`. */
export function framingOf(value: unknown): FramingSettings {
  if (value === undefined) return { type: 'bytes' };
  if (typeof value === 'string') return { type: named(value) };
  if (typeof value !== 'object' || value === null) {
    const expected = `${WORDS.map((word) => `'${word}'`).join(', ')} or an object with a type`;
    throw typeError('framing', expected, value);
  }
  const framing = value as FramingObject;
  const type = oneOf('framing.type', framing.type, TYPES);
  optionsObject('framing', framing, NAMES[type] as OptionNames<FramingObject>);
  return { ...CHECKS[type](framing as never), type };
}

/** A framing that is given by its name alone. */
function named(word: string): string {
  if (WORDS.includes(word)) return word;
  const isType = TYPES.some((type) => type === word);
  const hint = isType ? `; it needs options: pass { type: ${show(word)}, … }` : meant(word);
  throw rangeError('framing', "'bytes', 'lines', 'netstring' or an object", word, hint);
}

function meant(word: string): string {
  return didYouMean(nearest(word, TYPES));
}

/** The options of a framing, without its type. */
type Checked = Omit<FramingSettings, 'type'>;

const CHECKS: { [T in FramingObject['type']]: (framing: OfType<T>) => Checked } = {
  bytes: () => ({}),
  netstring: () => ({}),
  lines: (framing) => ({
    ...delimited(framing),
    write:
      framing.write === undefined ? 'lf' : oneOf('framing.write', framing.write, ['lf', 'crlf']),
  }),
  delimiter: (framing) => ({
    ...delimited(framing),
    delimiter: delimiterOf(framing.delimiter),
  }),
  fixed: ({ size }) => ({ size: integer('framing.size', size, 1, MOST_LENGTH) }),
  'length-prefix': lengthPrefix,
};

function delimited({ tooLong, keepEnd }: DelimitedFraming): Checked {
  return {
    tooLong:
      tooLong === undefined
        ? 'close'
        : oneOf('framing.tooLong', tooLong, ['close', 'skip', 'report']),
    keepEnd: optionalBoolean('framing.keepEnd', keepEnd, false),
  };
}

function delimiterOf(value: unknown): Uint8Array {
  if (typeof value !== 'string' && !isBytes(value))
    throw typeError('framing.delimiter', 'a string or a Uint8Array', value);
  // A copy: the program may change its array later.
  const bytes = Buffer.from(value as string);
  if (bytes.length === 0 || bytes.length > MOST_DELIMITER)
    throw rangeError('framing.delimiter', `1 to ${MOST_DELIMITER} bytes`, bytes.length);
  return bytes;
}

function lengthPrefix(framing: LengthPrefixFraming): Checked {
  const { endian, offset, inclusive, adjust, keepHeader } = framing;
  const size = lengthSize(framing.size);
  if (size === 0 && endian !== undefined)
    throw invalidValue('framing.endian', 'left out beside a varint', endian);
  return {
    size,
    endian: endian === undefined ? 'big' : oneOf('framing.endian', endian, ['big', 'little']),
    offset: optionalInteger('framing.offset', offset, 0, MOST_OFFSET, 0),
    inclusive: optionalBoolean('framing.inclusive', inclusive, false),
    adjust: optionalInteger('framing.adjust', adjust, -MOST_LENGTH, MOST_LENGTH, 0),
    keepHeader: optionalBoolean('framing.keepHeader', keepHeader, false),
  };
}

/** The bytes of a length, or 0 for a varint. */
function lengthSize(value: unknown): number {
  if (value === 'varint') return 0;
  const expected = "1, 2, 3, 4, 8 or 'varint'";
  if (typeof value === 'string')
    throw rangeError('framing.size', expected, value, didYouMean(nearest(value, ['varint'])));
  if (typeof value !== 'number') throw typeError('framing.size', expected, value);
  if (![1, 2, 3, 4, 8].includes(value)) throw rangeError('framing.size', expected, value);
  return value;
}
