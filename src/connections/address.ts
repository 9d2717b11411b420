/** The addresses of connections and servers, as the public API shows them. */
import type { NativeAddress, ReactorBinding } from '../internal/binding.js';

/** An address of one end of a connection, or of a server. */
export interface Address {
  /** The numeric address, such as `127.0.0.1` or `::1`. */
  address: string;
  /** The port, 0 to 65,535. */
  port: number;
  /** The address family. */
  family: 'IPv4' | 'IPv6';
}

/** An address as a record holds it: family and port, zone, and the address as four numbers. */
export type AddressNumbers = readonly [number, number, number, number, number, number];

/** Formats an address of a record as text. */
export function addressFrom(
  native: ReactorBinding,
  numbers: AddressNumbers | undefined,
): Address | undefined {
  if (numbers === undefined) return undefined;
  const [detail, zone, ...words] = numbers;
  return addressOf(native.addressText(detail, zone, words));
}

/** Converts an address from the native side; `null` stands for no address. */
export function addressOf(found: NativeAddress | null): Address | undefined {
  return found === null
    ? undefined
    : { ...found, family: found.family === 'IPv4' ? 'IPv4' : 'IPv6' };
}
