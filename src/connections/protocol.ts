/** What a protocol is in JavaScript: a plug-in's object, and the functions that read and write its messages. */
import type { MessageView } from './message-view.js';
import type { MessageWriter } from './message-writer.js';

/**
 * A wire protocol: its bytes are read and written by a plug-in in Rust (the crate `edgepoll-protocol`), and this object says what
 * its messages are in JavaScript. Packages of protocols export a function that makes one.
 *
 * `In` is what the program receives, and `Out` what it writes.
 */
export interface Protocol<In, Out> {
  /** The protocol's name in error messages. */
  readonly name: string;
  /** What the plug-in's function returned. */
  readonly native: object;
  /**
   * Makes what the program gets from a message. The view is valid during this call alone. It is called while events are delivered,
   * and it must not use connections. If it throws, the connection is destroyed with that error.
   */
  decode(message: MessageView): In;
  /**
   * Writes a message of the program. If it throws, so does the `write()` that called it, and nothing is sent. `connection` is the one
   * that it is written to. A protocol can keep in a `WeakMap` what was agreed with this peer, such as a version.
   */
  encode(message: Out, writer: MessageWriter, connection: object): void;
}

/** A protocol whose types of messages do not matter. */
export type AnyProtocol = Protocol<unknown, unknown>;
