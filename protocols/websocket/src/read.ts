/** Makes what the program gets of a message. */
import type { MessageView } from 'edgepoll';

import { BINARY, CLOSE, OPEN, PING, TEXT } from './kinds.js';
import type { Close, Control, MessagePart, Open } from './messages.js';

/** Where the headers begin among the fields of the first message. */
const HEADERS = 5;

/** A message as a whole: a text is a string. */
export function readWhole(message: MessageView): string | Buffer | Open | Close | Control {
  if (message.kind === TEXT) return message.text(0);
  return message.kind === BINARY ? message.bytes(0) : readOther(message);
}

/** A part of a message. */
export function readPart(message: MessageView): MessagePart | Open | Close | Control {
  const { kind, continues } = message;
  if (kind !== TEXT && kind !== BINARY) return readOther(message);
  const data = kind === TEXT ? message.text(0) : message.bytes(0);
  return { type: 'part', data, more: continues };
}

function readOther(message: MessageView): Open | Close | Control {
  switch (message.kind) {
    case OPEN:
      return readOpen(message);
    case CLOSE:
      return { type: 'close', code: message.number(0), reason: message.text(1) };
    default:
      return { type: message.kind === PING ? 'ping' : 'pong', data: message.bytes(0) };
  }
}

function readOpen(message: MessageView): Open {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let field = HEADERS; field < message.fields; field += 2) {
    const name = message.name(field);
    const value = message.text(field + 1);
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  const asked = message.isNull(4) ? [] : message.text(4).split(',');
  return {
    type: 'open',
    path: message.isNull(0) ? '' : message.text(0),
    protocol: message.isNull(1) ? undefined : message.text(1),
    protocols: asked.map((name) => name.trim()).filter((name) => name !== ''),
    headers,
    deflate: message.number(3) === 1,
    undecided: message.number(2) === 1,
  };
}
