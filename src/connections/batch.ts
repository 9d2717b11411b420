/** A batch of messages of many connections: what `server.batches()` gives. */
import type { Chunk, Payload } from '../internal/chunk.js';
import type { ClosedConnection, Part } from './batch-contents.js';
import { Contents, Cursor } from './batch-contents.js';
import type { AnyConnection, Connection } from './connection.js';
import { NO_MORE } from '../internal/iterator.js';
import { MessageView, viewCore } from './message-view.js';
import type { Names } from './message-names.js';
import type { AnyProtocol } from './protocol.js';

const { close, replaceTable, use } = viewCore;

const NOTHING = new Contents();

/** What a batch needs from its stream. */
export interface BatchSource {
  /** How many reasons there are to ask {@link BatchSource.withholds} before each message. */
  readonly exceptions: number;
  /**
   * Whether the message at `at` and the others that are `left` in the part must not be given now, because their connection was
   * destroyed or is held.
   */
  withholds(contents: Contents, part: Part, at: number, left: number): boolean;
}

export type AnyBatch = Batch<unknown, unknown, unknown>;

/** What other modules of the package may do with a batch, and programs may not. */
export interface BatchCore {
  /** Makes a batch: there is no public constructor. */
  readonly makeBatch: (source: BatchSource, contents: Contents, names: Names) => AnyBatch;
  /** Copies the tables that lie in `shared`, because that is about to be written again. */
  readonly detachBatch: (batch: AnyBatch, shared: Int32Array) => void;
  /** Ends the validity of a batch. Returns what it was made of. */
  readonly closeBatch: (batch: AnyBatch) => Contents;
}

// The classes' static blocks set these, because only code inside a class can reach its private fields.
let access: BatchCore;
let setOrigin: (message: BatchMessage<unknown, unknown, unknown>, part: Part) => void;

/**
 * A message in a {@link Batch}. It is one object for the whole batch, and shows another message at each step of a loop: take what you
 * need from it before the next step.
 */
export class BatchMessage<Data = unknown, In = Chunk, Out = Payload> extends MessageView {
  #connection: AnyConnection | undefined;
  #protocol: AnyProtocol | undefined;

  static {
    setOrigin = (message, { connection, protocol }) => {
      message.#connection = connection;
      message.#protocol = protocol;
    };
  }

  /** The connection that the message came from. */
  get connection(): Connection<Data, In, Out> {
    return this.#connection as Connection<never, never, never>;
  }

  /**
   * What the connection's own iterator would give: the result of the protocol's `decode()`, or without a protocol the chunk. Throws
   * what `decode()` throws.
   */
  decode(): In {
    const protocol = this.#protocol;
    return (protocol === undefined ? this.view(0) : protocol.decode(this)) as In;
  }
}

/**
 * The messages of all connections of a server, of one or a few turns of the reactor: see {@link Server.batches}. Iterating them makes
 * no object for each. A batch is valid until the next one is requested.
 *
 * The messages of one connection stand in their order. The peer's end and the close of a connection follow its messages, so look at
 * `ended` and `closed` after the loop.
 */
export class Batch<Data = unknown, In = Chunk, Out = Payload> implements Iterable<
  BatchMessage<Data, In, Out>
> {
  /** The connections that the server has accepted. */
  readonly opened: readonly Connection<Data, In, Out>[];
  /**
   * The connections whose peers send no more. Unless `allowHalfOpen` is set, this side ends them too when the next batch is
   * requested.
   */
  readonly ended: readonly Connection<Data, In, Out>[];
  /** The connections that are over. */
  readonly closed: readonly ClosedConnection<Connection<Data, In, Out>>[];
  readonly #source: BatchSource;
  readonly #message = new BatchMessage<Data, In, Out>();
  #contents: Contents;

  private constructor(source: BatchSource, contents: Contents, names: Names) {
    this.#source = source;
    this.#contents = contents;
    this.opened = contents.opened as Connection<never, never, never>[];
    this.ended = contents.ended as Connection<never, never, never>[];
    this.closed = contents.closed as ClosedConnection<Connection<never, never, never>>[];
    use(this.#message, names);
  }

  static {
    access = {
      makeBatch: (source, contents, names) => new Batch(source, contents, names),
      detachBatch: (batch, shared) => {
        const copy = batch.#contents.detach(shared);
        if (copy !== undefined) replaceTable(batch.#message, shared, copy);
      },
      closeBatch: (batch) => {
        const contents = batch.#contents;
        batch.#contents = NOTHING;
        close(batch.#message);
        return contents;
      },
    };
  }

  /**
   * How many messages there are. A loop gives fewer if meanwhile a connection is destroyed or paused, or gets a long send queue: its
   * messages are dropped then, or come in a later batch.
   */
  get length(): number {
    return this.#contents.messages;
  }

  /** Calls `each` with every message, which costs a little less than a loop. */
  forEach(each: (message: BatchMessage<Data, In, Out>) => void): void {
    const cursor = new Cursor(this.#contents, this.#message);
    while (this.#advance(cursor)) each(this.#message);
  }

  /** Iterates the messages. Each step gives the same object, which shows another message. */
  [Symbol.iterator](): Iterator<BatchMessage<Data, In, Out>, undefined, undefined> {
    const cursor = new Cursor(this.#contents, this.#message);
    const result = { value: this.#message, done: false } as const;
    return { next: () => (this.#advance(cursor) ? result : NO_MORE) };
  }

  /** Shows the next message. Returns whether there is one. */
  #advance(cursor: Cursor): boolean {
    // The batch is not valid any more, and a later one is made of the same contents.
    if (!cursor.isOf(this.#contents)) return false;
    for (;;) {
      const isNext = cursor.left === 0;
      const part = cursor.seek();
      if (part === undefined) return false;
      const source = this.#source;
      if (source.exceptions > 0 && source.withholds(this.#contents, part, cursor.at, cursor.left)) {
        cursor.left = 0;
        continue;
      }
      if (isNext) setOrigin(this.#message, part);
      cursor.step(part);
      return true;
    }
  }
}

/** The functions of a batch for other modules of the package. */
export const batchCore: BatchCore = access;
