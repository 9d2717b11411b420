/**
 * Options of servers and connections, their defaults and their checks. Every limit is finite.
 */
import type { ConnectionSettings } from '../internal/binding.js';
import { descriptorLimit } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  host,
  integer,
  oneOf,
  optionalBoolean,
  optionalInteger,
  optionalSignal,
  optionsWithPort,
  port,
} from '../internal/validate.js';

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

/** What `listen()` takes. */
export interface ListenOptions extends ConnectionOptions {
  /** The port, 0 to 65,535; 0 lets the kernel choose. */
  port: number;
  /** A name or an address, without brackets or a port. Default: every address, IPv6 and IPv4. */
  host?: string | undefined;
  /** Connections that may wait in the kernel. Default 511, at most 65,535; the kernel cuts it to net.core.somaxconn. */
  backlog?: number | undefined;
  /** Several servers may share the address (SO_REUSEPORT). Default `false`. */
  reusePort?: boolean | undefined;
  /** Do not take IPv4 connections on an IPv6 address. Default `false`. */
  ipv6Only?: boolean | undefined;
  /** Connections open at once; more wait in the backlog. Default 80 % of the limit of open descriptors. */
  maxConnections?: number | undefined;
  /** Connections accepted that the consumer has not taken yet; more wait in the backlog. Default 64, at most 65,535. */
  maxPending?: number | undefined;
  /**
   * Aborts the listening: before, `listen()` rejects with its reason; after, the server is destroyed, and its iterator throws
   * the reason, once. The reads of its connections reject with it, or with an `AbortError` if the reason is no `Error`.
   */
  signal?: AbortSignal | undefined;
}

/** What `connect()` takes. */
export interface ConnectOptions extends ConnectionOptions {
  /** The port, 1 to 65,535. */
  port: number;
  /** A name or an address, without brackets or a port; of several addresses each is tried in turn. Default `localhost`. */
  host?: string | undefined;
  /** Milliseconds until the connect fails with `ETIMEDOUT`, per address. Default 10,000. */
  timeout?: number | undefined;
  /** Aborts the connect: `connect()` rejects with its reason. No effect once connected. */
  signal?: AbortSignal | undefined;
}

const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
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

const LISTEN_OPTIONS: OptionNames<ListenOptions> = {
  port: true,
  host: true,
  backlog: true,
  reusePort: true,
  ipv6Only: true,
  maxConnections: true,
  maxPending: true,
  signal: true,
  ...CONNECTION_OPTIONS,
};

const CONNECT_OPTIONS: OptionNames<ConnectOptions> = {
  port: true,
  host: true,
  timeout: true,
  signal: true,
  ...CONNECTION_OPTIONS,
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

const MAX = 2 ** 31 - 1;
/** A turn may receive this many bytes of one connection even if its mark is lower: small receives need more system calls. */
const LEAST_PER_TURN = 16_384;

function connectionConfig(options: ConnectionOptions): ConnectionConfig {
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

/** Checked options of `listen()`. */
export interface ListenConfig extends ConnectionConfig {
  port: number;
  host: string | undefined;
  backlog: number;
  reusePort: boolean;
  ipv6Only: boolean;
  /** The default needs a system call, which may be made once everything is checked: {@link mostConnections}. */
  maxConnections: number | undefined;
  maxPending: number;
  signal: AbortSignal | undefined;
}

/** Checks everything that `listen()` was given. */
export function listenConfig(options: ListenOptions): ListenConfig {
  optionsWithPort(options);
  optionsObject('options', options, LISTEN_OPTIONS);
  return {
    ...connectionConfig(options),
    port: port(options.port, 0),
    host: host(options.host, undefined),
    backlog: optionalInteger('backlog', options.backlog, 1, 65_535, 511),
    reusePort: optionalBoolean('reusePort', options.reusePort, false),
    ipv6Only: optionalBoolean('ipv6Only', options.ipv6Only, false),
    maxConnections:
      options.maxConnections === undefined
        ? undefined
        : integer('maxConnections', options.maxConnections, 1, MAX),
    maxPending: optionalInteger('maxPending', options.maxPending, 1, 65_535, 64),
    signal: optionalSignal('signal', options.signal),
  };
}

/** How many connections a server has at most if nobody says. */
export function mostConnections(): number {
  return Math.max(1, Math.floor(descriptorLimit() * 0.8));
}

/** Checked options of `connect()`. */
export interface ConnectConfig extends ConnectionConfig {
  port: number;
  host: string;
  timeout: number;
  signal: AbortSignal | undefined;
}

/** Checks everything that `connect()` was given. */
export function connectConfig(options: ConnectOptions): ConnectConfig {
  optionsWithPort(options);
  optionsObject('options', options, CONNECT_OPTIONS);
  return {
    ...connectionConfig(options),
    port: port(options.port, 1),
    host: host(options.host, 'localhost'),
    timeout: optionalInteger('timeout', options.timeout, 1, MAX, 10_000),
    signal: optionalSignal('signal', options.signal),
  };
}
