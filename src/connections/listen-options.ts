/** The options of `listen()`, their defaults and their checks. Every limit is finite. */
import { descriptorLimit } from '../internal/binding.js';
import type { Chunk, Payload } from '../internal/chunk.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  host,
  integer,
  optionalBoolean,
  optionalInteger,
  optionalSignal,
  optionsWithPort,
  port,
} from '../internal/validate.js';
import type { AdmissionConfig, AdmissionOptions } from './admission.js';
import { ADMISSION_OPTIONS, admissionConfig, dropCallback } from './admission.js';
import type { ChosenSizes } from './buffer-options.js';
import { chosenSizes, LISTEN_SIZES } from './buffer-options.js';
import type { ConnectionConfig, ConnectionOptions } from './connection-options.js';
import { CONNECTION_OPTIONS, connectionConfig, MAX } from './connection-options.js';
import type { Drop } from './drops.js';

/** The options of `listen()`. */
export interface ListenOptions<In = Chunk, Out = Payload>
  extends ConnectionOptions<In, Out>, AdmissionOptions {
  /** The port, 0 to 65,535. With 0 the kernel chooses one. */
  port: number;
  /** A name or an address, without brackets or a port. Default: every address of this machine, IPv6 and IPv4. */
  host?: string | undefined;
  /**
   * How many connections may wait in the kernel to be accepted (the backlog). Default 4,096, at most 65,535. The kernel reduces it
   * to net.core.somaxconn. If more clients connect at once, some have to try again, after a second.
   */
  backlog?: number | undefined;
  /** Lets several servers share the address (SO_REUSEPORT). Default `false`. */
  reusePort?: boolean | undefined;
  /** Refuses IPv4 connections on an IPv6 address. Default `false`. */
  ipv6Only?: boolean | undefined;
  /** How many connections may be open at once. More wait in the backlog. Default 80 % of the limit of open descriptors. */
  maxConnections?: number | undefined;
  /**
   * How many accepted connections may wait until the consumer takes them. More wait in the backlog. Default 64, at most 65,535.
   */
  maxPending?: number | undefined;
  /**
   * How many bytes all connections of the server may hold together: written bytes in send queues, received bytes of messages that are not
   * complete, and those that the consumer has not taken, with 128 for each chunk or message. A connection that
   * holds as much as is still free stops receiving. So those that hold most stop first, and the others go on. If
   * the program has written so much that the sum is above the limit, connections close with `ERR_SERVER_FULL` until a quarter is free:
   * those that hold more than the average, and of these the ones whose peers read slowest.
   *
   * At least `highWaterMark`, `readHighWaterMark` and four times `maxFrame`, at most 2^53 − 1. Default 268,435,456 (256 MiB), or what it
   * must be at least if that is more. With the other defaults that is room for 4,096 peers that read nothing.
   */
  maxTotalBufferedAmount?: number | undefined;
  /**
   * How long a connection may stay without a byte of either side, in milliseconds. Then it closes with `ERR_FIRST_BYTE_TIMEOUT`. At most
   * `idleTimeout`. Default 30,000, or `idleTimeout` if that is less.
   */
  firstByteTimeout?: number | undefined;
  /**
   * When it aborts before the server is open, `listen()` rejects with its reason. When it aborts later, the server is destroyed,
   * and its iterator throws the reason once. The reads of its connections reject with the reason, or with an `AbortError` if the
   * reason is not an `Error`.
   */
  signal?: AbortSignal | undefined;
}

const LISTEN_OPTIONS: OptionNames<ListenOptions<unknown, unknown>> = {
  port: true,
  host: true,
  backlog: true,
  reusePort: true,
  ipv6Only: true,
  maxConnections: true,
  maxPending: true,
  maxTotalBufferedAmount: true,
  firstByteTimeout: true,
  signal: true,
  ...ADMISSION_OPTIONS,
  ...CONNECTION_OPTIONS,
};

/** The checked options of `listen()`. */
export interface ListenConfig extends ConnectionConfig {
  port: number;
  host: string | undefined;
  backlog: number;
  reusePort: boolean;
  ipv6Only: boolean;
  /** `undefined` stands for {@link mostConnections}: that needs a system call, and no call is made before all checks. */
  maxConnections: number | undefined;
  maxPending: number;
  admission: AdmissionConfig;
  onDrop: ((drop: Drop) => void) | undefined;
  signal: AbortSignal | undefined;
  sizes: ChosenSizes;
}

/** Checks the options of `listen()`. */
export function listenConfig(options: ListenOptions<unknown, unknown>): ListenConfig {
  optionsWithPort(options);
  optionsObject('options', options, LISTEN_OPTIONS);
  const config = connectionConfig(options, LISTEN_SIZES);
  const { idleTimeout } = config.settings;
  const { highWaterMark, readHighWaterMark } = config;
  const least = Math.max(highWaterMark, readHighWaterMark, 4 * config.settings.maxFrame);
  const firstByteTimeout = optionalInteger(
    'firstByteTimeout',
    options.firstByteTimeout,
    1,
    idleTimeout,
    Math.min(30_000, idleTimeout),
    ': it is at most idleTimeout',
  );
  const maxConnections =
    options.maxConnections === undefined
      ? undefined
      : integer('maxConnections', options.maxConnections, 1, MAX);
  return {
    ...config,
    settings: {
      ...config.settings,
      firstByteTimeout,
      maxTotalBuffered: optionalInteger(
        'maxTotalBufferedAmount',
        options.maxTotalBufferedAmount,
        least,
        Number.MAX_SAFE_INTEGER,
        Math.max(268_435_456, least),
        ': it is at least highWaterMark, readHighWaterMark and 4 times maxFrame',
      ),
    },
    port: port(options.port, 0),
    host: host(options.host, undefined),
    backlog: optionalInteger('backlog', options.backlog, 1, 65_535, 4_096),
    reusePort: optionalBoolean('reusePort', options.reusePort, false),
    ipv6Only: optionalBoolean('ipv6Only', options.ipv6Only, false),
    maxConnections,
    maxPending: optionalInteger('maxPending', options.maxPending, 1, 65_535, 64),
    admission: admissionConfig(options, maxConnections),
    onDrop: dropCallback(options.onDrop),
    signal: optionalSignal('signal', options.signal),
    sizes: chosenSizes(options),
  };
}

/** The default of `maxConnections`. */
export function mostConnections(): number {
  return Math.max(1, Math.floor(descriptorLimit() * 0.8));
}
