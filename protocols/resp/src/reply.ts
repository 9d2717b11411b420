/** The values of replies. */

/** A reply that is neither string, number nor collection. Others are JavaScript's own values: see {@link Reply}. */
const CR_OR_LF = /[\r\n]/g;

/**
 * What a server writes and a client reads.
 *
 * | value | RESP3 | RESP2 |
 * |---|---|---|
 * | string, `Uint8Array` | bulk string | bulk string |
 * | {@link Simple} | simple string | simple string |
 * | integer of -(2^53 - 1) to 2^53 - 1, bigint of 64 bits | integer | integer |
 * | other numbers | double | bulk string |
 * | other bigints | big number | bulk string |
 * | `null` | null | null bulk string |
 * | {@link nullArray} | null | null array |
 * | boolean | boolean | integer 1 or 0 |
 * | array | array | array |
 * | `Set` | set | array |
 * | `Map` | map | array of keys and values |
 * | `Error` | error | error |
 * | {@link Verbatim} | verbatim string | bulk string |
 * | {@link Push} | push | array |
 * | {@link Attributed} | attributes and value | value |
 */
export type Reply =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | Error
  | Simple
  | Verbatim
  | Push
  | Attributed
  | typeof nullArray
  | readonly Reply[]
  | ReadonlySet<Reply>
  | ReadonlyMap<Reply, Reply>;

/** A null that RESP2 writes as a null array, as Redis does where an array was to be expected. */
export const nullArray: unique symbol = Symbol('null array');

/** A simple string: a short text without line ends, such as `OK`. */
export class Simple {
  readonly text: string;
  /** As it is sent. */
  readonly line: string;

  constructor(text: string) {
    if (text.search(CR_OR_LF) >= 0) throw new RangeError('a simple string can have no CR or LF');
    this.text = text;
    this.line = `+${text}\r\n`;
  }
}

/** Makes a simple string. Make it once, and write it many times. */
export function simple(text: string): Simple {
  return new Simple(text);
}

/** The simple string `OK`. */
export const OK: Simple = new Simple('OK');

/** An error reply. Its message begins with a code in upper case: `ERR`, `WRONGTYPE`. */
export class ReplyError extends Error {
  override get name(): string {
    return 'ReplyError';
  }

  /** The first word of the message. */
  get code(): string {
    return this.message.split(' ', 1)[0] as string;
  }
}

/** The line of an error. Errors of other classes get the code `ERR`. */
export function errorLine(error: Error): string {
  const message = error instanceof ReplyError ? error.message : `ERR ${error.message}`;
  return `-${message.replace(CR_OR_LF, ' ')}\r\n`;
}

/** A text with its format: three letters, such as `txt` or `mkd`. */
export class Verbatim {
  readonly format: string;
  readonly text: string;

  constructor(format: string, text: string) {
    if (Buffer.byteLength(format) !== 3) throw new RangeError('a format has three bytes');
    this.format = format;
    this.text = text;
  }
}

/** Values that are no reply to a command, such as a message of a channel. */
export class Push {
  readonly values: readonly Reply[];

  constructor(values: readonly Reply[]) {
    this.values = values;
  }
}

/** A value with attributes. */
export class Attributed {
  readonly attributes: ReadonlyMap<Reply, Reply>;
  readonly value: Reply;

  constructor(attributes: ReadonlyMap<Reply, Reply>, value: Reply) {
    this.attributes = attributes;
    this.value = value;
  }
}
