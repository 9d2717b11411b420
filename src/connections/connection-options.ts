/**
 * Options of servers and connections, their defaults and their checks. Every limit is finite.
 */
import type { ConnectionSettings } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import type { OptionNames } from '../internal/option-names.js';
import { oneOf, optionalBoolean, optionalInteger } from '../internal/validate.js';

/** What servers give each of their connections, and what `connect()` takes. */
export interface ConnectionOptions {
  /** Send small writes at once (TCP_NODELAY). Default `true`. */
  noDelay?: boolean | undefined;
  /**
   * Keep the writing side open when the peer has ended its own. Default `false`: the connection is ended
   * once the consumer has taken the peer's end.
   */
  allowHalfOpen?: boolean | undefined;
  /**
   * Receiving pauses, per connection, while more than this many received bytes wait for the consumer, and goes on at half of
   * them. Each chunk counts 128 bytes more. They are counted after each turn, which receives at most `readHighWaterMark` bytes,
   * or 16,384 if that is more: so the mark may be passed by one such turn, and with the framing `lines` by the front of one
   * line as well. Default 65,536; this and every limit below is at most 2^31 − 1.
   */
  readHighWaterMark?: number | undefined;
  /** Bytes waiting to be sent from which on `write()` gives a promise that waits. Default 65,536. */
  highWaterMark?: number | undefined;
  /** Bytes waiting to be sent at which that promise resolves. Default a quarter of `highWaterMark`. */
  lowWaterMark?: number | undefined;
  /**
   * When this many bytes wait to be sent, a further write fails with `ERR_SEND_QUEUE_FULL` and resets the connection. The last
   * write below the limit may pass it by its own size, and so may `end(data)` after it. The limit bounds the memory that this
   * side uses for a peer that does not read. The default suffices for programs that write an answer of some megabytes without
   * awaiting each write. Default 16,777,216 (16 MiB), or `highWaterMark` if that is more; never less than it.
   */
  maxBufferedAmount?: number | undefined;
  /**
   * How many milliseconds a connection that is about to end may pass without a byte moving in either direction. It applies once
   * this side has ended, a send has failed, or the peer has reset the connection, even if the program does not read, so that
   * every such connection ends. Until then the program can read bytes that arrived before. The connection then closes with
   * `ECONNRESET` if the peer reset it, else with `ETIMEDOUT`. It does not apply to an open connection. Default 30,000.
   */
  endTimeout?: number | undefined;
  /**
   * `bytes`: a chunk is what one receive gave. `lines`: a chunk is one line without its LF or CR LF, and
   * `write()` appends LF. A message that ends with CR arrives without it where the receiver takes CR LF for a line's
   * end, as this package does. Default `bytes`.
   */
  framing?: 'bytes' | 'lines' | undefined;
  /** The longest line, in bytes; a longer one ends the connection with `ERR_FRAME_TOO_LONG`. Default 65,536. */
  maxFrame?: number | undefined;
  /**
   * `owned`: a chunk is the consumer's for good. `borrowed`: it holds its bytes until the consumer asks for the next one
   * or leaves; then its memory is received into again, which costs a fifth less for large chunks. Writing it, or copying
   * what is to stay, before that is right; to keep it is wrong, and so is to change it once it was written: it leaves
   * with the batch, from where it lies. Neither is noticed. Default `owned`.
   */
  chunks?: 'owned' | 'borrowed' | undefined;
  /** Who announces readiness. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
}

/** The names of {@link ConnectionOptions}. */
export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
  noDelay: true,
  allowHalfOpen: true,
  readHighWaterMark: true,
  highWaterMark: true,
  lowWaterMark: true,
  maxBufferedAmount: true,
  endTimeout: true,
  framing: true,
  maxFrame: true,
  chunks: true,
  driver: true,
};

/** The checked options of a connection. */
export interface ConnectionConfig {
  settings: ConnectionSettings;
  highWaterMark: number;
  /** Writes up to this many bytes are staged; longer ones are sent from the caller's memory at once. */
  stagedLength: number;
  allowHalfOpen: boolean;
  readHighWaterMark: number;
}

/** The largest value of a limit. */
export const MAX: number = 2 ** 31 - 1;
/** A turn may receive this many bytes of one connection even if its mark is lower: small receives need more system calls. */
const LEAST_PER_TURN = 16_384;

/** Checks the options that `listen()` and `connect()` share. */
export function connectionConfig(options: ConnectionOptions): ConnectionConfig {
  const highWaterMark = optionalInteger('highWaterMark', options.highWaterMark, 1, MAX, 65_536);
  const quarter = Math.floor(highWaterMark / 4);
  const readMark = optionalInteger('readHighWaterMark', options.readHighWaterMark, 1, MAX, 65_536);
  const framing =
    options.framing === undefined ? 'bytes' : oneOf('framing', options.framing, ['bytes', 'lines']);
  const chunks =
    options.chunks === undefined ? 'owned' : oneOf('chunks', options.chunks, ['owned', 'borrowed']);
  return {
    highWaterMark,
    // A framing may refuse a message, which the writer must hear at once.
    stagedLength: framing === 'bytes' ? 4096 : -1,
    settings: {
      highWaterMark,
      lowWaterMark: optionalInteger(
        'lowWaterMark',
        options.lowWaterMark,
        0,
        highWaterMark - 1,
        quarter,
      ),
      maxBuffered: optionalInteger(
        'maxBufferedAmount',
        options.maxBufferedAmount,
        highWaterMark,
        MAX,
        Math.max(16_777_216, highWaterMark),
      ),
      mostPerTurn: Math.max(readMark, LEAST_PER_TURN),
      endTimeout: optionalInteger('endTimeout', options.endTimeout, 1, MAX, 30_000),
      noDelay: optionalBoolean('noDelay', options.noDelay, true),
      framing,
      maxFrame: optionalInteger('maxFrame', options.maxFrame, 1, MAX, 65_536),
      lend: chunks === 'borrowed',
    },
    allowHalfOpen: optionalBoolean('allowHalfOpen', options.allowHalfOpen, false),
    readHighWaterMark: readMark,
  };
}
