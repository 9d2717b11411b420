/** Writes replies, and the requests of clients. */
import type { MessageWriter } from 'edgepoll';

import { Attributed, errorLine, nullArray, Push, Simple, Verbatim } from './reply.js';
import type { Reply } from './reply.js';
import { hasThree } from './version.js';

const LEAST_INTEGER = -(2n ** 63n);
const MOST_INTEGER = 2n ** 63n - 1n;
/** Strings up to this length are looked through for characters beyond ASCII, which costs less than a native call. */
const SHORT = 64;
/** The lines before short strings, made once. */
const LENGTH_LINES: readonly string[] = Array.from(
  { length: 1024 },
  (_, length) => `$${length}\r\n`,
);

/** Writes a reply to a connection. */
export function writeReply(reply: Reply, writer: MessageWriter, connection: object): void {
  if (typeof reply === 'string') writeText(reply, writer);
  else if (reply instanceof Simple) writer.text(reply.line);
  else if (reply === null) writer.latin1(hasThree(connection) ? '_\r\n' : '$-1\r\n');
  else write(reply, writer, hasThree(connection));
}

function write(reply: Reply, writer: MessageWriter, three: boolean): void {
  switch (typeof reply) {
    case 'string':
      writeText(reply, writer);
      return;
    case 'number':
      writeNumber(reply, writer, three);
      return;
    case 'bigint':
      writeBigint(reply, writer, three);
      return;
    case 'boolean':
      if (three) writer.latin1(reply ? '#t\r\n' : '#f\r\n');
      else writer.latin1(reply ? ':1\r\n' : ':0\r\n');
      return;
    case 'object':
      writeObject(reply, writer, three);
      return;
    case 'symbol':
      if (reply !== nullArray) throw notAReply(reply);
      writer.latin1(three ? '_\r\n' : '*-1\r\n');
      return;
    case 'function':
    case 'undefined':
    default:
      throw notAReply(reply);
  }
}

function writeObject(reply: object | null, writer: MessageWriter, three: boolean): void {
  if (reply === null) writer.latin1(three ? '_\r\n' : '$-1\r\n');
  else if (Array.isArray(reply)) writeAll('*', reply.length, reply, writer, three);
  else if (reply instanceof Uint8Array) writeBytes(reply, writer);
  else if (reply instanceof Simple) writer.text(reply.line);
  else if (reply instanceof Error) writer.text(errorLine(reply));
  else if (reply instanceof Map) writeMap('%', reply, writer, three);
  else if (reply instanceof Set) writeAll(three ? '~' : '*', reply.size, reply, writer, three);
  else if (reply instanceof Push) {
    writeAll(three ? '>' : '*', reply.values.length, reply.values, writer, three);
  } else if (reply instanceof Verbatim) {
    if (three) writeString('=', `${reply.format}:${reply.text}`, writer);
    else writeText(reply.text, writer);
  } else if (reply instanceof Attributed) {
    if (three) writeMap('|', reply.attributes, writer, three);
    write(reply.value, writer, three);
  } else throw notAReply(reply);
}

/** Writes a bulk string. */
export function writeText(text: string, writer: MessageWriter): void {
  const { length } = text;
  if (length >= SHORT) {
    writeString('$', text, writer);
    return;
  }
  for (let index = 0; index < length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) {
      writeString('$', text, writer);
      return;
    }
  }
  writer.latin1(LENGTH_LINES[length] as string);
  writer.latin1(text);
  writer.latin1('\r\n');
}

function writeString(type: string, text: string, writer: MessageWriter): void {
  writer.latin1(type).decimal(Buffer.byteLength(text)).latin1('\r\n').text(text).latin1('\r\n');
}

/** Writes a bulk string. */
export function writeBytes(bytes: Uint8Array, writer: MessageWriter): void {
  writer.latin1('$').decimal(bytes.byteLength).latin1('\r\n').bytes(bytes).latin1('\r\n');
}

function writeNumber(value: number, writer: MessageWriter, three: boolean): void {
  if (Number.isSafeInteger(value)) {
    writer.latin1(':').decimal(value).latin1('\r\n');
    return;
  }
  // As Redis writes them.
  let text = String(value);
  if (value === Infinity) text = 'inf';
  else if (value === -Infinity) text = '-inf';
  else if (Number.isNaN(value)) text = 'nan';
  if (three) writer.latin1(`,${text}\r\n`);
  else writeText(text, writer);
}

function writeBigint(value: bigint, writer: MessageWriter, three: boolean): void {
  const text = String(value);
  if (value >= LEAST_INTEGER && value <= MOST_INTEGER) writer.latin1(`:${text}\r\n`);
  else if (three) writer.latin1(`(${text}\r\n`);
  else writeText(text, writer);
}

function writeAll(
  type: string,
  count: number,
  values: Iterable<Reply>,
  writer: MessageWriter,
  three: boolean,
): void {
  writer.latin1(type).decimal(count).latin1('\r\n');
  for (const value of values) write(value, writer, three);
}

function writeMap(
  type: string,
  map: ReadonlyMap<Reply, Reply>,
  writer: MessageWriter,
  three: boolean,
): void {
  writer
    .latin1(three ? type : '*')
    .decimal(three ? map.size : map.size * 2)
    .latin1('\r\n');
  for (const [key, value] of map) {
    write(key, writer, three);
    write(value, writer, three);
  }
}

function notAReply(value: unknown): TypeError {
  const error = new TypeError(`a reply cannot be ${describe(value)}`);
  return Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

function describe(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `of type ${typeof value}`;
  return `an instance of ${value.constructor?.name ?? 'Object'}`;
}
