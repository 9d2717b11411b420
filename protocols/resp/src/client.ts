/** The protocol of a client. */
import type { MessageView, MessageWriter, Protocol } from 'edgepoll';

import { addon } from './addon.js';
import { PART, RAW } from './kinds.js';
import type { Limits } from './options.js';
import { RawSource } from './raw.js';
import { FieldSource, readValue } from './read-reply.js';
import type { Reply } from './reply.js';
import { writeBytes, writeText } from './write-reply.js';

/** The options of {@link respClient}. */
export interface ClientOptions extends Limits {
  /** What bulk strings are: `text`, which reads bytes as UTF-8, or `bytes`. Default `text`. */
  readonly strings?: 'text' | 'bytes' | undefined;
}

/** A command with its arguments: `['SET', 'key', 'value']`. */
export type Request = readonly (string | Uint8Array | number | bigint)[];

/** A part of a bulk string that is longer than the option `stream` allows. */
export class ReplyPart {
  readonly bytes: Buffer;
  /** How many bytes are still to come. */
  readonly left: number;

  constructor(bytes: Buffer, left: number) {
    this.bytes = bytes;
    this.left = left;
  }
}

/** What a client receives with these options. */
export type Received<Options> = Options extends { readonly stream: number }
  ? Reply | ReplyPart
  : Reply;

/**
 * The protocol of a client: `connect({ protocol: respClient() })`. It writes commands and receives replies, in the order of the
 * commands. A {@link Push} is no reply to a command. An error reply is received as a {@link ReplyError}, and not thrown.
 */
export function respClient<const Options extends ClientOptions>(
  options?: Options,
): Protocol<Received<Options>, Request> {
  // It checks all options.
  const native = addon.respClient(options);
  const asBytes = options?.strings === 'bytes';
  const decode = (message: MessageView): Reply | ReplyPart => {
    switch (message.kind) {
      case PART:
        return new ReplyPart(message.bytes(0), message.number(1));
      case RAW:
        return readValue(new RawSource(message.view(0)), asBytes);
      default:
        return readValue(new FieldSource(message), asBytes);
    }
  };
  return {
    name: 'resp',
    native,
    decode: decode as Protocol<Received<Options>, Request>['decode'],
    encode: writeRequest,
  };
}

function writeRequest(request: Request, writer: MessageWriter): void {
  if (!Array.isArray(request) || request.length === 0) {
    const error = new TypeError('a request must be an array with a command and its arguments');
    throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
  }
  writer.latin1('*').decimal(request.length).latin1('\r\n');
  for (const argument of request as Request) {
    if (typeof argument === 'string') writeText(argument, writer);
    else if (argument instanceof Uint8Array) writeBytes(argument, writer);
    else if (typeof argument === 'number' || typeof argument === 'bigint') {
      writeText(String(argument), writer);
    } else {
      const error = new TypeError('an argument must be a string, a number or bytes');
      throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
    }
  }
}
