/** The protocol protocol-name, for servers and clients of edgepoll: {@link protocolName}. */
import type { Protocol } from 'edgepoll';

import { addon } from './addon.js';

/** A message as it is received. */
export interface Message {
  topic: string;
  payload: Buffer;
}

/** A message as it is written. A string is sent as UTF-8. */
export interface Outgoing {
  topic: string;
  payload: string | Uint8Array;
}

/** The options of {@link protocolName}. */
export interface Options {
  /** The longest message in bytes, in both directions. Default 1,048,576, at most 2^30. */
  maxLength?: number | undefined;
}

/** The kinds of messages. src/lib.rs has the same numbers. */
const MESSAGE = 0;
const PING = 1;

/** Makes the protocol, which `listen()` and `connect()` take. A client gets `'pong'` for each `'ping'`. */
export function protocolName(options?: Options): Protocol<Message | 'pong', Outgoing | 'ping'> {
  return {
    name: 'protocol-name',
    native: addon.protocolName(options),
    decode(view) {
      if (view.kind === PING) return 'pong';
      return { topic: view.name(0), payload: view.bytes(1) };
    },
    encode(message, writer) {
      if (message === 'ping') {
        writer.kind(PING);
        return;
      }
      const { topic, payload } = message;
      writer.kind(MESSAGE).u8(Buffer.byteLength(topic)).text(topic);
      if (typeof payload === 'string') writer.text(payload);
      else writer.bytes(payload);
    },
  };
}
