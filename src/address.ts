/** The addresses of connections and servers, as the public API shows them. */
import type { NativeAddress, ReactorBinding } from './binding.js';

/** An address of one end of a connection, or of a server. */
export interface Address {
  /** The address in numbers. */
  address: string;
  /** The port, 0 to 65,535. */
  port: number;
  /** Which family. */
  family: 'IPv4' | 'IPv6';
}

/** An address as a record tells it: family and port, zone, and the address in four numbers. */
export type AddressNumbers = readonly [number, number, number, number, number, number];

/** The text of an address that a record told. */
export function addressFrom(
  native: ReactorBinding,
  [detail, zone, ...words]: AddressNumbers,
): Address | undefined {
  return addressOf(native.addressText(detail, zone, words));
}

/** An address as the native side gives it; `null` is none. */
export function addressOf(found: NativeAddress | null): Address | undefined {
  return found === null
    ? undefined
    : { ...found, family: found.family === 'IPv4' ? 'IPv4' : 'IPv6' };
}
