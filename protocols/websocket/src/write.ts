/** Writes what the program sends. */
import { STATUS_CODES } from 'node:http';

import type { MessageWriter } from 'edgepoll';

import { ACCEPT, BINARY, CLOSE, MORE, PING, PLAIN, PONG, REJECT, TEXT } from './kinds.js';
import type { Accept, CloseFrame, ControlFrame, Outgoing, Part, Reject } from './messages.js';
import { lines } from './options.js';

/** The longest payload of a control frame. */
const MOST_OF_CONTROL = 125;

/** Writes a message, or an answer to a handshake. */
export function write(message: Outgoing, writer: MessageWriter): void {
  if (typeof message === 'string') writer.kind(TEXT).text(message);
  else if (ArrayBuffer.isView(message)) writer.kind(BINARY).bytes(message);
  else writeObject(message, writer);
}

function writeObject(message: Exclude<Outgoing, string | Uint8Array>, writer: MessageWriter): void {
  switch (message?.type) {
    case 'text':
    case 'binary':
      writePart(message, writer);
      return;
    case 'close':
      writeClose(message, writer);
      return;
    case 'ping':
    case 'pong':
      writeControl(message, writer);
      return;
    case 'accept':
      writeAccept(message, writer);
      return;
    case 'reject':
      writeReject(message, writer);
      return;
    default:
      throw wrong(
        'a message is a string, a Uint8Array, or an object whose type is text, binary, close, ping, pong, accept or reject',
      );
  }
}

function writePart({ type, data, more, compress }: Part, writer: MessageWriter): void {
  const kind = type === 'text' ? TEXT : BINARY;
  writer.kind(kind | (more === true ? MORE : 0) | (compress === false ? PLAIN : 0));
  if (typeof data === 'string') writer.text(data);
  else if (type === 'text') throw wrong('data: a text is a string');
  else writer.bytes(data);
}

function writeClose({ code = 1000, reason = '' }: CloseFrame, writer: MessageWriter): void {
  if (!isCode(code)) {
    const range = '1000 to 1003, 1007 to 1014 or 3000 to 4999';
    throw Object.assign(new RangeError(`code: ${range} is needed, and it is ${String(code)}`), {
      code: 'ERR_OUT_OF_RANGE',
    });
  }
  writer.kind(CLOSE).u16(code).text(reason);
  checkControl(writer, 'reason: at most 123 bytes are possible');
}

function isCode(code: number): boolean {
  return (
    Number.isInteger(code) &&
    ((code >= 1000 && code <= 1003) ||
      (code >= 1007 && code <= 1014) ||
      (code >= 3000 && code <= 4999))
  );
}

function writeControl({ type, data = '' }: ControlFrame, writer: MessageWriter): void {
  writer.kind(type === 'ping' ? PING : PONG);
  if (typeof data === 'string') writer.text(data);
  else writer.bytes(data);
  checkControl(writer, 'data: at most 125 bytes are possible');
}

function checkControl(writer: MessageWriter, text: string): void {
  if (writer.length > MOST_OF_CONTROL)
    throw Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' });
}

function writeAccept({ protocol = '', headers = {} }: Accept, writer: MessageWriter): void {
  writer.kind(ACCEPT).text([protocol, ...lines(headers)].join('\r\n'));
}

function writeReject(message: Reject, writer: MessageWriter): void {
  const { status, reason = STATUS_CODES[status] ?? '', headers = {}, body = '' } = message;
  if (!(Number.isInteger(status) && status >= 300 && status <= 599))
    throw Object.assign(
      new RangeError(`status: an integer from 300 to 599 is needed, and it is ${String(status)}`),
      {
        code: 'ERR_OUT_OF_RANGE',
      },
    );
  // Control characters would end the line.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(reason))
    throw wrong('reason: a text without control characters is needed');
  const head = [`${status} ${reason}`, ...lines(headers)].join('\r\n');
  writer.kind(REJECT).text(`${head}\r\n\r\n${body}`);
}

function wrong(text: string): TypeError {
  return Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_TYPE' });
}
