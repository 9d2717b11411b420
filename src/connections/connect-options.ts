/** The options of `connect()`, their defaults and their checks. Every limit is finite. */
import type { Chunk, Payload } from '../internal/chunk.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  host,
  optionalInteger,
  optionalSignal,
  optionsWithPort,
  port,
} from '../internal/validate.js';
import type { ChosenSizes } from './buffer-options.js';
import { chosenSizes, CONNECT_SIZES } from './buffer-options.js';
import type { ConnectionConfig, ConnectionOptions } from './connection-options.js';
import { CONNECTION_OPTIONS, connectionConfig, MAX } from './connection-options.js';

/** The options of `connect()`. */
export interface ConnectOptions<In = Chunk, Out = Payload> extends ConnectionOptions<In, Out> {
  /** The port, 1 to 65,535. */
  port: number;
  /**
   * A name or an address, without brackets or a port. If a name has several addresses, each is tried in turn. Default
   * `localhost`.
   */
  host?: string | undefined;
  /** How many milliseconds each address may take. Then it fails with `ETIMEDOUT`. Default 10,000. */
  timeout?: number | undefined;
  /** When it aborts, `connect()` rejects with its reason. It has no effect once connected. */
  signal?: AbortSignal | undefined;
}

const CONNECT_OPTIONS: OptionNames<ConnectOptions<unknown, unknown>> = {
  port: true,
  host: true,
  timeout: true,
  signal: true,
  ...CONNECTION_OPTIONS,
};

/** The checked options of `connect()`. */
export interface ConnectConfig extends ConnectionConfig {
  port: number;
  host: string;
  timeout: number;
  signal: AbortSignal | undefined;
  sizes: ChosenSizes;
}

/** Checks the options of `connect()`. */
export function connectConfig(options: ConnectOptions<unknown, unknown>): ConnectConfig {
  optionsWithPort(options);
  optionsObject('options', options, CONNECT_OPTIONS);
  return {
    ...connectionConfig(options, CONNECT_SIZES),
    port: port(options.port, 1),
    host: host(options.host, 'localhost'),
    timeout: optionalInteger('timeout', options.timeout, 1, MAX, 10_000),
    signal: optionalSignal('signal', options.signal),
    sizes: chosenSizes(options),
  };
}
