/** Checks socket addresses, and converts them for the native side and back. A path that is too long is refused, and never cut. */
import { isIPv4, isIPv6 } from 'node:net';

import { fd as native } from '../internal/binding.js';
import type { fdTypes as types } from '../internal/binding.js';
import { systemError } from '../internal/errors.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  integer,
  isBytes,
  oneOf,
  optionalInteger,
  port,
  rangeError,
  typeError,
} from '../internal/validate.js';
import type { OtherAddress, PacketType, SocketAddress } from './address.js';

/** The numbers of families (address_families(7)). */
const families = {
  unspecified: 0,
  unix: 1,
  inet: 2,
  inet6: 10,
  netlink: 16,
  packet: 17,
  can: 29,
  vsock: 40,
};

const packetTypes: readonly PacketType[] = [
  'host',
  'broadcast',
  'multicast',
  'otherhost',
  'outgoing',
];

type NamedFamily = keyof typeof families;

const OTHER_FIELDS: OptionNames<OtherAddress> = { family: true, data: true };

/** The fields of the addresses of each family. Other names are refused, so that a misspelt `scopeId` does not count as 0. */
const FIELDS: { [F in NamedFamily]: OptionNames<Extract<SocketAddress, { family: F }>> } = {
  unspecified: { family: true },
  unix: { family: true, path: true },
  inet: { family: true, address: true, port: true },
  inet6: { family: true, address: true, port: true, flowInfo: true, scopeId: true },
  netlink: { family: true, pid: true, groups: true },
  packet: {
    family: true,
    interface: true,
    protocol: true,
    address: true,
    hardwareType: true,
    packetType: true,
  },
  can: { family: true, interface: true, receiveId: true, sendId: true },
  vsock: { family: true, cid: true, port: true },
};

const MAX_PATH = 107;
const MAX_LINK_ADDRESS = 32;
const ENAMETOOLONG = 36;
const U32 = 2 ** 32 - 1;

/** Returns the number of a family, given by name or number. */
export function familyNumber(value: unknown): number {
  if (typeof value === 'number') return integer('family', value, 0, 65_535);
  const words = ['unix', 'inet', 'inet6', 'netlink', 'packet', 'can', 'vsock'] as const;
  return families[oneOf('family', value, words, (other) => familyOf(other, words))];
}

/** Names of families that are usual elsewhere. */
const otherNames: Readonly<Record<string, NamedFamily>> = {
  ip: 'inet',
  ipv4: 'inet',
  ipv6: 'inet6',
  local: 'unix',
  unspec: 'unspecified',
};

/** The word for another name of a family: one of C, such as AF_INET, or one of `otherNames`. */
function familyOf<T extends NamedFamily>(other: string, words: readonly T[]): T | undefined {
  const name = other.toLowerCase().replace(/^[ap]f_/, '');
  const meant = Object.hasOwn(otherNames, name) ? otherNames[name] : name;
  return words.find((word) => word === meant);
}

/** Returns a path as text for error messages: bytes that are not printable ASCII appear like `\xff`. */
function pathText(path: string | Uint8Array): string {
  if (typeof path === 'string') return path;
  const shown = Array.from(path, (byte) =>
    byte >= 0x20 && byte < 0x7f
      ? String.fromCodePoint(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return shown.join('');
}

function unixPath(path: unknown, syscall: string): { path: string } | { pathBytes: Buffer } {
  if (typeof path !== 'string' && !isBytes(path))
    throw typeError('path', 'a string or a Uint8Array', path);
  // A lone surrogate cannot be encoded as UTF-8: Node.js would replace it, and the path would be a different one.
  if (typeof path === 'string' && /\p{Surrogate}/u.test(path))
    throw rangeError('path', 'well-formed text', path);
  const bytes = Buffer.from(path);
  const isAbstract = bytes[0] === 0;
  if (!isAbstract && bytes.includes(0))
    throw rangeError('path', 'a path without NUL', pathText(path));
  if (bytes.length > MAX_PATH + (isAbstract ? 1 : 0))
    throw systemError(ENAMETOOLONG, { syscall, address: pathText(path) });
  return typeof path === 'string' ? { path } : { pathBytes: bytes };
}

function linkAddress(value: unknown): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (!isBytes(value)) throw typeError('address', 'a Uint8Array', value);
  if (value.length > MAX_LINK_ADDRESS)
    throw rangeError('address', `at most ${MAX_LINK_ADDRESS} bytes`, `${value.length} bytes`);
  return Buffer.from(value);
}

function interfaceIndex(value: unknown): number {
  if (typeof value === 'number') return integer('interface', value, 0, 2 ** 31 - 1);
  if (typeof value !== 'string') throw typeError('interface', 'a name or an index', value);
  if (value === '' || value.includes('\0')) throw rangeError('interface', 'a name', value);
  const index = native.interfaceIndex(value);
  if (index < 0) throw systemError(-index, { syscall: 'if_nametoindex', address: value });
  return index;
}

/** Returns the index of an interface, given by name or index; 0, the kernel's choice, for `undefined`. */
export function optionalInterface(value: unknown): number {
  return value === undefined ? 0 : interfaceIndex(value);
}

function host(value: unknown, expected: string, holds: (text: string) => boolean): string {
  if (typeof value !== 'string') throw typeError('address', expected, value);
  // A zone, as in `fe80::1%eth0`, belongs in the field `scopeId`.
  if (!holds(value) || value.includes('%')) throw rangeError('address', expected, value);
  return value;
}

/** Checks an address and converts it for the native side. `syscall` is the name of the call, for errors. */
export function toNative(value: SocketAddress, syscall: string): types.SocketAddress {
  if (typeof value !== 'object' || value === null) throw typeError('address', 'an object', value);
  if (typeof value.family === 'number') {
    optionsObject('address', value, OTHER_FIELDS);
    const { data } = value;
    const family = integer('family', value.family, 0, 65_535);
    const known = Object.entries(families).find(([, number]) => number === family)?.[0];
    // The fields of a named family are checked. Its bytes would not be.
    if (known !== undefined) throw rangeError('family', `'${known}' in an address`, family);
    if (!isBytes(data)) throw typeError('data', 'a Uint8Array', data);
    // A sockaddr_storage has 128 bytes, of which 2 are the family.
    if (data.length > 126) throw rangeError('data', 'at most 126 bytes', `${data.length} bytes`);
    return { family, data: Buffer.from(data) };
  }
  const words = Object.keys(families) as NamedFamily[];
  const name = oneOf('family', value.family, words, (other) => familyOf(other, words));
  optionsObject('address', value, FIELDS[name]);
  const family = families[name];
  switch (value.family) {
    case 'unspecified':
      return { family };
    case 'unix':
      return { family, ...unixPath(value.path, syscall) };
    case 'inet': {
      const address = host(value.address, 'an IPv4 address', isIPv4);
      return { family, address, port: port(value.port, 0) };
    }
    case 'inet6':
      return {
        family,
        address: host(value.address, 'an IPv6 address', isIPv6),
        port: port(value.port, 0),
        flowInfo: optionalInteger('flowInfo', value.flowInfo, 0, U32, 0),
        scopeId: optionalInteger('scopeId', value.scopeId, 0, U32, 0),
      };
    case 'netlink':
      return {
        family,
        pid: integer('pid', value.pid, 0, U32),
        groups: integer('groups', value.groups, 0, U32),
      };
    case 'packet':
      return {
        family,
        interfaceIndex: interfaceIndex(value.interface),
        protocol: optionalInteger('protocol', value.protocol, 0, 65_535, 0),
        data: linkAddress(value.address),
      };
    case 'can':
      return {
        family,
        interfaceIndex: interfaceIndex(value.interface),
        receiveId: optionalInteger('receiveId', value.receiveId, 0, U32, 0),
        sendId: optionalInteger('sendId', value.sendId, 0, U32, 0),
      };
    case 'vsock':
      return {
        family,
        cid: integer('cid', value.cid, 0, U32),
        port: integer('port', value.port, 0, U32),
      };
    default:
      throw new Error('an address family without a case');
  }
}

/** Converts an address of the native side. */
export function fromNative(value: types.SocketAddress): SocketAddress {
  const { address = '', port: at = 0 } = value;
  switch (value.family) {
    case families.unspecified:
      return { family: 'unspecified' };
    case families.unix:
      return { family: 'unix', path: value.path ?? value.pathBytes ?? '' };
    case families.inet:
      return { family: 'inet', address, port: at };
    case families.inet6: {
      const { flowInfo = 0, scopeId = 0 } = value;
      return { family: 'inet6', address, port: at, flowInfo, scopeId };
    }
    case families.netlink:
      return { family: 'netlink', pid: value.pid ?? 0, groups: value.groups ?? 0 };
    case families.packet: {
      const { interfaceIndex: index = 0, protocol = 0, hardware = 0, packetKind = 0 } = value;
      return {
        family: 'packet',
        interface: index,
        protocol,
        address: value.data ?? new Uint8Array(),
        hardwareType: hardware,
        packetType: packetTypes[packetKind] ?? packetKind,
      };
    }
    case families.can: {
      const { interfaceIndex: index = 0, receiveId = 0, sendId = 0 } = value;
      return { family: 'can', interface: index, receiveId, sendId };
    }
    case families.vsock:
      return { family: 'vsock', cid: value.cid ?? 0, port: at };
    default:
      return { family: value.family, data: value.data ?? new Uint8Array() };
  }
}

/** As {@link fromNative}. Returns `undefined` if there is no address. */
export function optionalFromNative(
  address: types.SocketAddress | undefined,
): SocketAddress | undefined {
  return address === undefined ? undefined : fromNative(address);
}

/** Returns the result of a call with an address. Throws an error that names the address if the result is negative. */
export function checkedAt(
  syscall: string,
  result: number,
  fd: number,
  address: SocketAddress,
): number {
  if (result >= 0) return result;
  if (address.family === 'inet' || address.family === 'inet6') {
    throw systemError(-result, { syscall, address: address.address, port: address.port, fd });
  }
  const path = 'path' in address ? { address: pathText(address.path) } : {};
  throw systemError(-result, { syscall, ...path, fd });
}
