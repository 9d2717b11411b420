/** WebSocket (RFC 6455) with compression (RFC 7692), for servers and clients of edgepoll: {@link websocket}. */
import type { Protocol } from 'edgepoll';

import { addon } from './addon.js';
import type { Close, Control, MessagePart, Open, Outgoing } from './messages.js';
import type { WebSocketOptions } from './options.js';
import { nativeOptions } from './options.js';
import { readPart, readWhole } from './read.js';
import { write } from './write.js';

export type {
  Accept,
  Close,
  CloseFrame,
  Control,
  ControlFrame,
  MessagePart,
  Open,
  Outgoing,
  Part,
  Reject,
} from './messages.js';
export type { DeflateOptions, WebSocketOptions } from './options.js';

/** What a connection gives with these options: first {@link Open}, then messages, and {@link Close} if the peer closes. */
export type Incoming<Options> =
  | Open
  | Close
  | (Options extends { readonly fragments: true } ? MessagePart : string | Buffer)
  | (Options extends { readonly control: true } ? Control : never);

/**
 * WebSocket for `listen({ protocol: websocket() })` and `connect({ protocol: websocket({ url }) })`.
 *
 * A text is a string, and a binary message a `Buffer`. Pings are answered, and the closing handshake is done, without the program.
 * `end()` sends a close frame with code 1000. What is written behind a close frame is not sent.
 *
 * A peer that breaks the rules gets a close frame, and then the connection fails; `protocolNumber` of the error is the frame's code.
 * It is 1006 if the peer ended the connection without a close frame or is not there any more, and an HTTP status if the handshake
 * failed.
 */
// Without options, the type of the options has none.
// oxlint-disable-next-line no-generated-empty-object-type
export function websocket<const Options extends WebSocketOptions = Record<never, never>>(
  options?: Options,
): Protocol<Incoming<Options>, Outgoing> {
  const native = addon.websocket(nativeOptions(options));
  const decode = options?.fragments === true ? readPart : readWhole;
  return {
    name: 'websocket',
    native,
    decode: decode as Protocol<Incoming<Options>, Outgoing>['decode'],
    encode: write,
  };
}
