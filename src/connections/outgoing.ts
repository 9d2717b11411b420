/**
 * Writes messages of protocols straight into the stage, from where they are sent. A message that is too long for the stage is
 * written into memory of its own.
 */
import type { Chunk, Payload } from '../internal/chunk.js';
import { isBytes, typeError } from '../internal/validate.js';
import { MessageWriter, writerCore } from './message-writer.js';
import type { Owner } from './owner.js';
import type { AnyProtocol } from './protocol.js';
import type { SharedMemory } from './shared-memory.js';
import type { Staging } from './staging.js';

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { begin, bytesOf, close, isMoved, moveOut } = writerCore;

const NOTHING = new Uint8Array(0);

export class Outgoing {
  readonly #staging: Staging;
  readonly #stage: Chunk;
  /** The writer of the last message. */
  #writer = new MessageWriter();
  /** Where that message begins in the stage, and how long it is. */
  #from = 0;
  #length = 0;
  /** How many messages are being written: more than one if `encode()` itself writes to a connection. */
  #depth = 0;

  constructor({ stage }: SharedMemory, staging: Staging) {
    this.#staging = staging;
    this.#stage = Buffer.from(stage.buffer);
  }

  readonly #moveOut = (): void => {
    moveOut(this.#writer);
    this.#staging.release();
  };

  /**
   * Writes a message into the stage. Returns the number of its write, or the bytes of a message that does not fit, which the
   * caller has to send. Throws what `encode()` throws. For `previous` see {@link Staging.stage}.
   */
  put(
    { protocol, encodes, hasKinds }: Owner,
    connection: object,
    slot: number,
    generation: number,
    message: unknown,
    previous: number,
  ): number | Payload {
    if (protocol === undefined) return message as Payload;
    const writer = this.#encode(protocol, hasKinds, message, connection);
    if (isMoved(writer)) return bytesOf(writer);
    const length = this.#length;
    if (length === 0 && !encodes) return previous;
    return this.#staging.commit(slot, generation, this.#from, length, !encodes, previous);
  }

  /**
   * The bytes of a connection's last message, which the caller has to send at once. Throws a `TypeError` if the connection writes
   * bytes and the message is something else, and what `encode()` throws. If the connection is not `isOpen`, nothing is encoded.
   */
  last(
    { protocol, hasKinds }: Owner,
    connection: object,
    message: unknown,
    isOpen: boolean,
  ): Uint8Array {
    if (protocol !== undefined)
      return isOpen ? bytesOf(this.#encode(protocol, hasKinds, message, connection)) : NOTHING;
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    if (!isBytes(bytes)) throw typeError('data', 'a Uint8Array or a string', message);
    return bytes;
  }

  #encode(
    protocol: AnyProtocol,
    hasKind: boolean,
    message: unknown,
    connection: object,
  ): MessageWriter {
    if (this.#depth > 0) {
      // The message around this one makes room for it.
      this.#moveOut();
      this.#writer = new MessageWriter();
    }
    const writer = this.#writer;
    const from = this.#staging.reserve(this.#moveOut);
    this.#depth += 1;
    begin(writer, this.#stage, from, hasKind);
    try {
      protocol.encode(message, writer, connection);
    } finally {
      this.#depth -= 1;
      this.#length = close(writer);
      this.#writer = writer;
      this.#staging.release();
    }
    this.#from = from;
    return writer;
  }
}
