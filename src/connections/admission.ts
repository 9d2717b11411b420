/** The options of `listen()` that say which clients are accepted, their defaults and their checks. */
import type { AdmissionSettings } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { integer, oneOf, optionalInteger, typeError } from '../internal/validate.js';
import type { AddressList } from './address-list.js';
import { addressList } from './address-list.js';
import { MAX } from './connection-options.js';
import type { Drop } from './drops.js';

/**
 * Which clients a server accepts. What it refuses is closed as soon as it is accepted, takes no memory, and is counted in
 * `server.stats()`. While `maxConnections` are open or `maxPending` wait, the server accepts nothing, and such clients wait too.
 */
export interface AdmissionOptions {
  /**
   * How many connections of one address may be open at once. Further ones are closed at once (`address-limit`). For IPv6 an address
   * here is a /64, the first 64 bits, because a client usually has all addresses of one. At most `maxConnections`. Default half of
   * `maxConnections`, at least 1.
   */
  maxConnectionsPerAddress?: number | undefined;
  /**
   * How many connections one address may make in a second, and at once if it made none for a second. Further ones are closed at once
   * (`accept-rate`). Default 16,384, at most 2^31 − 1.
   */
  acceptRatePerAddress?: number | undefined;
  /** Addresses without these two limits: load balancers, monitors. Default none. */
  exemptAddresses?: AddressList | undefined;
  /**
   * Addresses whose connections are closed at once (`blocked`), also if they are exempt. {@link Server.setBlockList} replaces it. Default
   * none.
   */
  blockList?: AddressList | undefined;
  /**
   * What a refused client sees. `reset`: RST, and the kernel keeps nothing. `end`: FIN, for clients that report a reset as a fault; the
   * kernel then keeps some memory of the connection for a minute, and resets it all the same if the client has sent something. Default
   * `reset`.
   */
  refuseBy?: 'reset' | 'end' | undefined;
  /**
   * Called when the server has refused connections, ten times a second at most, in a microtask of its own. The counts of all calls
   * together are the numbers in `server.stats()`, except what was refused in the last tenth of a second before the server closed. An
   * error that it throws is uncaught. With `events()` the same comes as an event. Default none.
   */
  onDrop?: ((drop: Drop) => void) | undefined;
}

/** The names of {@link AdmissionOptions}. */
export const ADMISSION_OPTIONS: OptionNames<AdmissionOptions> = {
  maxConnectionsPerAddress: true,
  acceptRatePerAddress: true,
  exemptAddresses: true,
  blockList: true,
  refuseBy: true,
  onDrop: true,
};

/** The checked options. */
export interface AdmissionConfig extends Omit<AdmissionSettings, 'perAddress'> {
  /** `undefined` stands for half of `maxConnections`, whose default needs a system call. */
  perAddress: number | undefined;
}

/** Checks the options. `maxConnections` is checked already. */
export function admissionConfig(
  options: AdmissionOptions,
  maxConnections: number = MAX,
): AdmissionConfig {
  const { maxConnectionsPerAddress: most, acceptRatePerAddress, refuseBy } = options;
  return {
    perAddress:
      most === undefined
        ? undefined
        : integer(
            'maxConnectionsPerAddress',
            most,
            1,
            maxConnections,
            ': it is at most maxConnections',
          ),
    rate: optionalInteger('acceptRatePerAddress', acceptRatePerAddress, 1, MAX, 16_384),
    exempt: optionalList('exemptAddresses', options.exemptAddresses),
    block: optionalList('blockList', options.blockList),
    reset: refuseBy === undefined || oneOf('refuseBy', refuseBy, ['reset', 'end']) === 'reset',
  };
}

/** An empty list for `undefined`. */
function optionalList(name: string, value: unknown): string[] {
  return value === undefined ? [] : (addressList(name, value) as string[]);
}

/** Checks the option `onDrop`. */
export function dropCallback(value: unknown): ((drop: Drop) => void) | undefined {
  if (value === undefined || typeof value === 'function')
    return value as ((drop: Drop) => void) | undefined;
  throw typeError('onDrop', 'a function', value);
}

/** The settings for the native side. */
export function admissionSettings(
  { perAddress, ...config }: AdmissionConfig,
  maxConnections: number,
): AdmissionSettings {
  const half = Math.max(1, Math.floor(maxConnections / 2));
  return { ...config, perAddress: Math.min(perAddress ?? half, maxConnections) };
}
