/** The options of `listen()`, their defaults and their checks. Every limit is finite. */
import { descriptorLimit } from '../internal/binding.js';
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
import type { ConnectionConfig, ConnectionOptions } from './connection-options.js';
import { CONNECTION_OPTIONS, connectionConfig, MAX } from './connection-options.js';

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
