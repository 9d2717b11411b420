/** The options that `listen()` and `connect()` share, their defaults and their checks. Every limit is finite. */
import type { BufferSizes, ConnectionSettings, FramingSettings } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import type { OptionNames } from '../internal/option-names.js';
import type { Chunk, Payload } from '../internal/chunk.js';
import { invalidValue, oneOf, optionalBoolean, optionalInteger } from '../internal/validate.js';
import type { BufferOptions } from './buffer-options.js';
import { BUFFER_OPTIONS, bufferSizes } from './buffer-options.js';
import type { Fits } from './fitting.js';
import { fitsOf, STAGED_LENGTH } from './fitting.js';
import type { Framing } from './framing.js';
import { framingOf } from './framing.js';
import type { AnyProtocol, Protocol } from './protocol.js';
import { optionalProtocol } from './protocol-check.js';

/**
 * The options of a connection. A server passes its own to each of its connections. `In` is what the program receives, and `Out`
 * what it writes: the types of `protocol`.
 */
export interface ConnectionOptions<In = Chunk, Out = Payload> extends BufferOptions {
  /** Sends small writes at once (TCP_NODELAY). Default `true`. */
  noDelay?: boolean | undefined;
  /**
   * Keeps this side open for writing after the peer has ended its side. Default `false`: this side ends too, once the consumer
   * has taken the peer's end.
   */
  allowHalfOpen?: boolean | undefined;
  /**
   * A connection stops receiving while more than this many received bytes wait for the consumer. It goes on when at most half as
   * many wait. Each chunk counts as 128 bytes more than it has. The bytes are counted after each turn of the reactor, which
   * receives at most `readHighWaterMark` bytes, or 16,384 if that is more. So the mark may be exceeded by the bytes of one turn,
   * and with a framing by the start of one message as well. Default 65,536. This and every limit below is at most
   * 2^31 − 1.
   */
  readHighWaterMark?: number | undefined;
  /** When this many bytes wait to be sent, the promise of `write()` waits. Default 65,536. */
  highWaterMark?: number | undefined;
  /** When only this many bytes wait to be sent, that promise resolves. Default a quarter of `highWaterMark`. */
  lowWaterMark?: number | undefined;
  /**
   * When this many bytes wait to be sent, a further write fails with `ERR_SEND_QUEUE_FULL` and resets the connection. The last
   * write below the limit may exceed it by its own size, and so may `end(data)` after it. The limit bounds the memory that this
   * side uses for a peer that does not read. The default is enough for programs that write an answer of some megabytes without
   * awaiting each write. Default 16,777,216 (16 MiB), or `highWaterMark` if that is more; never less than it.
   */
  maxBufferedAmount?: number | undefined;
  /**
   * The longest time, in milliseconds, without a byte moving in either direction on a connection that is about to end. It
   * applies once this side has ended, a send has failed, or the peer has reset the connection, even if the program does not
   * read, so that every such connection ends. Until then the program can read bytes that arrived before. The connection then
   * closes with `ECONNRESET` if the peer reset it, else with `ETIMEDOUT`. An open connection has the deadlines below.
   *
   * A byte moves when this machine's kernel takes it to be sent, or gives it as received. It does not say when the peer reads: a
   * peer that reads slowly moves bytes while it makes room. The close may come up to an eighth of the time late. Default 30,000.
   */
  endTimeout?: number | undefined;
  /**
   * How long no byte may move in either direction, in milliseconds, whether the program reads or not. Then the connection closes with
   * `ERR_IDLE_TIMEOUT`. Default 3,600,000 (an hour).
   */
  idleTimeout?: number | undefined;
  /**
   * With a framing or a protocol: how long a message may take from its first byte to its last, in milliseconds. Then the connection
   * closes with `ERR_MESSAGE_TIMEOUT`. The time begins anew when the program reads again after a pause. At most `idleTimeout`. Default
   * 60,000, or `idleTimeout` if that is less.
   */
  messageTimeout?: number | undefined;
  /** In bytes a second: a message has a second more than `messageTimeout` for each so many of its bytes that have arrived. Default 1,024. */
  minReceiveRate?: number | undefined;
  /**
   * How long bytes may wait to be sent until none is left, in milliseconds. Then the connection closes with `ERR_SEND_TIMEOUT`, and the
   * peer sees a reset. At most `idleTimeout`. Default 60,000, or `idleTimeout` if that is less.
   */
  sendTimeout?: number | undefined;
  /** In bytes a second: there is a second more than `sendTimeout` for each so many bytes that the kernel has taken since. Default 1,024. */
  minSendRate?: number | undefined;
  /**
   * How received bytes are cut into chunks, and what `write()` adds to a message. `bytes`: a chunk is what one receive returned, and
   * bytes leave as they are. `lines`: a chunk is one line without its LF or CR LF, and `write()` appends LF. If a message ends with CR, a
   * receiver that takes CR LF as the end of a line, as this package does, drops that CR. `netstring`: `5:hello,`. An object has the
   * options of lines, and the other framings: `delimiter`, `length-prefix` and `fixed`. Default `bytes`.
   */
  framing?: Framing | undefined;
  /**
   * The longest message, in bytes, without its delimiter or header. A longer one ends the connection with `ERR_FRAME_TOO_LONG`, before
   * it has arrived if its length is announced. Without a meaning for `bytes` and `fixed`. Default 65,536.
   */
  maxFrame?: number | undefined;
  /**
   * `owned`: a chunk belongs to the consumer, and its bytes stay. `borrowed`: a chunk has its bytes only until the consumer
   * requests the next one or leaves its loop. Then its memory is received into again, which costs a fifth less for large chunks. Until
   * then the program may write the chunk to a connection, or copy it. It must not use the chunk later, and must not change it
   * after writing it, because the bytes are sent later, from the same memory. Such mistakes are not detected. Default `owned`.
   */
  chunks?: 'owned' | 'borrowed' | undefined;
  /**
   * A protocol of a plug-in: the connection gives its messages instead of chunks, and writes its messages. With a protocol there is no
   * `framing`, `maxFrame` or `chunks`. Default: none.
   */
  protocol?: Protocol<In, Out> | undefined;
  /** What announces readiness. Default `uv` in Node.js, and `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
}

/** The names of {@link ConnectionOptions}. */
export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions<unknown, unknown>> = {
  noDelay: true,
  allowHalfOpen: true,
  readHighWaterMark: true,
  highWaterMark: true,
  lowWaterMark: true,
  maxBufferedAmount: true,
  endTimeout: true,
  idleTimeout: true,
  messageTimeout: true,
  minReceiveRate: true,
  sendTimeout: true,
  minSendRate: true,
  framing: true,
  maxFrame: true,
  chunks: true,
  protocol: true,
  ...BUFFER_OPTIONS,
  driver: true,
};

/** The checked options of a connection. */
export interface ConnectionConfig {
  settings: ConnectionSettings;
  protocol: AnyProtocol | undefined;
  highWaterMark: number;
  /** Writes of up to this many bytes are staged. Longer ones are sent at once, from the caller's memory. */
  stagedLength: number;
  /** With a framing, only messages that certainly fit it are staged, also empty ones. If it refuses one, write() has to reject at once. */
  fits: Fits | undefined;
  allowHalfOpen: boolean;
  readHighWaterMark: number;
}

/** Which writes of a connection with this framing are staged. */
export function stagedWith(
  framing: FramingSettings,
  maxFrame: number,
): Pick<ConnectionConfig, 'stagedLength' | 'fits'> {
  return {
    stagedLength: framing.type === 'bytes' ? STAGED_LENGTH : -1,
    fits: fitsOf(framing, Math.min(maxFrame, STAGED_LENGTH)),
  };
}

/** Checks the option `maxFrame`. */
export function maxFrameOf(value: unknown): number {
  return optionalInteger('maxFrame', value, 1, MAX, 65_536);
}

/** The largest value of a limit. */
export const MAX: number = 2 ** 31 - 1;
/** A turn may receive this many bytes of one connection even if its mark is lower: smaller receives need more calls. */
const LEAST_PER_TURN = 16_384;

/** Checks the options that `listen()` and `connect()` share. `sizes` are the defaults of what the kernel keeps. */
export function connectionConfig(
  options: ConnectionOptions<unknown, unknown>,
  sizes: BufferSizes,
): ConnectionConfig {
  const highWaterMark = optionalInteger('highWaterMark', options.highWaterMark, 1, MAX, 65_536);
  const quarter = Math.floor(highWaterMark / 4);
  const readMark = optionalInteger('readHighWaterMark', options.readHighWaterMark, 1, MAX, 65_536);
  const framing = framingOf(options.framing);
  const maxFrame = maxFrameOf(options.maxFrame);
  const chunks =
    options.chunks === undefined ? 'owned' : oneOf('chunks', options.chunks, ['owned', 'borrowed']);
  const protocol = protocolAlone(options);
  return {
    highWaterMark,
    protocol,
    ...stagedWith(framing, maxFrame),
    settings: {
      highWaterMark,
      lowWaterMark: optionalInteger(
        'lowWaterMark',
        options.lowWaterMark,
        0,
        highWaterMark - 1,
        quarter,
        ': it is less than highWaterMark',
      ),
      maxBuffered: optionalInteger(
        'maxBufferedAmount',
        options.maxBufferedAmount,
        highWaterMark,
        MAX,
        Math.max(16_777_216, highWaterMark),
        ': it is at least highWaterMark',
      ),
      maxTotalBuffered: 0,
      mostPerTurn: Math.max(readMark, LEAST_PER_TURN),
      endTimeout: optionalInteger('endTimeout', options.endTimeout, 1, MAX, 30_000),
      firstByteTimeout: 0,
      ...deadlines(options),
      noDelay: optionalBoolean('noDelay', options.noDelay, true),
      buffers: bufferSizes(options, sizes),
      framing,
      maxFrame,
      // A message is decoded before anything else is received, so its memory can be received into again.
      lend: chunks === 'borrowed' || protocol !== undefined,
      ...(protocol === undefined ? {} : { protocol: protocol.native }),
    },
    allowHalfOpen: optionalBoolean('allowHalfOpen', options.allowHalfOpen, false),
    readHighWaterMark: readMark,
  };
}

/** The deadlines of the peer. */
function deadlines(
  options: ConnectionOptions<unknown, unknown>,
): Pick<
  ConnectionSettings,
  'idleTimeout' | 'messageTimeout' | 'receiveRate' | 'sendTimeout' | 'sendRate'
> {
  const idleTimeout = optionalInteger('idleTimeout', options.idleTimeout, 1, MAX, 3_600_000);
  const within = (name: 'messageTimeout' | 'sendTimeout'): number =>
    optionalInteger(
      name,
      options[name],
      1,
      idleTimeout,
      Math.min(60_000, idleTimeout),
      ': it is at most idleTimeout',
    );
  return {
    idleTimeout,
    messageTimeout: within('messageTimeout'),
    receiveRate: optionalInteger('minReceiveRate', options.minReceiveRate, 1, MAX, 1024),
    sendTimeout: within('sendTimeout'),
    sendRate: optionalInteger('minSendRate', options.minSendRate, 1, MAX, 1024),
  };
}

/** The protocol, without options that have no meaning beside it. */
function protocolAlone(options: ConnectionOptions<unknown, unknown>): AnyProtocol | undefined {
  const protocol = optionalProtocol('protocol', options.protocol);
  if (protocol === undefined) return undefined;
  for (const name of ['framing', 'maxFrame', 'chunks'] as const) {
    if (options[name] !== undefined)
      throw invalidValue(name, 'left out beside a protocol', options[name]);
  }
  return protocol;
}
