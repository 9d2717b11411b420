/** Sending messages of sockets with their descriptors, credentials and control messages. */
import { isIPv4, isIPv6 } from 'node:net';

import { fd as native, isOpen } from '../internal/binding.js';
import type { fd as types } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { integer, invalidValue, isBytes, rangeError, typeError } from '../internal/validate.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import type { Constant } from './constants.js';
import { constant, constants } from './constants.js';
import { optionalInterface, toNative } from './native-address.js';
import type { Descriptor } from './owned.js';
import { data as bytesToSend } from './owned.js';
import { unlessBlocked } from './results.js';
import { socketTypes } from './socket-type.js';

export const MOST_DESCRIPTORS = 253;
const U32 = 2 ** 32 - 1;

/** The process that sent a message, as the kernel checked it. */
export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

/** A control message to send. */
export interface OutgoingControlMessage {
  /** The protocol's level: a number, or a name of `constants`. */
  level: Constant;
  /** The kind: a number, or a name of `constants`. */
  type: Constant;
  /** The content, at most 4,096 bytes. */
  data: Uint8Array;
}

/** The interface and the address that a packet is sent from. At least one of the two is required. */
export interface SendFrom {
  /** The interface, by name or index. Default: the kernel's choice. */
  interface?: string | number | undefined;
  /** The source address, of the socket's family. Default: the kernel's choice. */
  source?: string | undefined;
}

/** What {@link Socket.sendMessage} sends. */
export interface OutgoingMessage {
  /**
   * The bytes; a string is sent as UTF-8. Default: none. On a stream socket descriptors and credentials travel with the first
   * byte (unix(7)), so they need at least one.
   */
  data?: Uint8Array | string | undefined;
  /** The receiver; left out if the socket is connected. */
  to?: SocketAddress | undefined;
  /** Up to 253 descriptors, of a Unix socket; the receiver gets its own, these stay open here. */
  descriptors?: readonly (number | DescriptorOwner)[] | undefined;
  /** The process's own credentials, of a Unix or netlink socket. Others need a privilege. */
  credentials?: Credentials | undefined;
  /** The interface and the address to send from, of an `inet` or `inet6` socket for datagrams or raw packets (IP_PKTINFO, IPV6_PKTINFO). */
  packetInfo?: SendFrom | undefined;
  /** Any other control messages: at most 64. The kernel ignores those of a level that the socket does not have. */
  control?: readonly OutgoingControlMessage[] | undefined;
}

export const OUTGOING_MESSAGE: OptionNames<OutgoingMessage> = {
  data: true,
  to: true,
  descriptors: true,
  credentials: true,
  packetInfo: true,
  control: true,
};

const CREDENTIALS: OptionNames<Credentials> = { pid: true, uid: true, gid: true };
const SEND_FROM: OptionNames<SendFrom> = { interface: true, source: true };
const OUTGOING_CONTROL: OptionNames<OutgoingControlMessage> = {
  level: true,
  type: true,
  data: true,
};
const { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX } = constants;
const MOST_MESSAGES = 64;
const LONGEST_CONTROL = 4096;

const { stream: STREAM } = socketTypes;
const EBADF = 9;

/** Sends a message whose fields are known to be those of {@link OutgoingMessage}. */
export function sendMessage(
  owner: Descriptor,
  family: number,
  type: number,
  message: OutgoingMessage,
): number | null {
  const to = message.to === undefined ? undefined : toNative(message.to, 'sendmsg');
  const beside = toNativeBeside(message, family, type === STREAM);
  const { data = '' } = message;
  const bytes = bytesToSend('data', data);
  const { fd } = owner;
  const taken = native.messageSend(fd, bytes, to, beside);
  // It may be one of those passed that is not open, and the error names it then.
  const closed =
    taken === -EBADF ? beside?.descriptors.find((passed) => !isOpen(passed)) : undefined;
  return unlessBlocked(taken, 'sendmsg', closed ?? fd);
}

/** Control messages and the like in the form of the native side; `undefined` if there are none. */
function toNativeBeside(
  message: OutgoingMessage,
  family: number,
  isStream: boolean,
): types.OutgoingBeside | undefined {
  const { descriptors = [], credentials, packetInfo, control = [] } = message;
  if (!Array.isArray(descriptors)) throw typeError('descriptors', 'an array', descriptors);
  if (descriptors.length > MOST_DESCRIPTORS)
    throw rangeError('descriptors', `at most ${MOST_DESCRIPTORS}`, descriptors.length);
  if (!Array.isArray(control)) throw typeError('control', 'an array', control);
  if (control.length > MOST_MESSAGES)
    throw rangeError('control', `at most ${MOST_MESSAGES} messages`, control.length);
  const isBare = descriptors.length === 0 && control.length === 0;
  if (isBare && credentials === undefined && packetInfo === undefined) return undefined;
  const isInet6 = family === AF_INET6;
  const beside = {
    descriptors: descriptors.map(numberOf),
    credentials: credentialNumbers(credentials),
    ...sendFrom(packetInfo, isInet6),
    control: control.map(controlToNative),
  };
  // The kernel would send the bytes without what it ignores.
  if (descriptors.length > 0 && family !== AF_UNIX)
    throw invalidValue('descriptors', 'empty unless the socket is a Unix socket', descriptors);
  if (credentials !== undefined && family !== AF_UNIX && family !== AF_NETLINK)
    throw invalidValue(
      'credentials',
      'undefined unless the family is unix or netlink',
      credentials,
    );
  if (packetInfo !== undefined && (isStream || !(isInet6 || family === AF_INET)))
    throw invalidValue(
      'packetInfo',
      'undefined unless inet or inet6 datagrams are sent',
      packetInfo,
    );
  return beside;
}

function numberOf(value: unknown): number {
  const isOwner = typeof value === 'object' && value !== null && 'fd' in value;
  return integer('descriptors', isOwner ? value.fd : value, 0, 2 ** 31 - 1);
}

function credentialNumbers(value: Credentials | undefined): number[] {
  if (value === undefined) return [];
  optionsObject('credentials', value, CREDENTIALS);
  const { pid, uid, gid } = value;
  return [
    integer('pid', pid, 0, 2 ** 31 - 1),
    integer('uid', uid, 0, U32),
    integer('gid', gid, 0, U32),
  ];
}

function sendFrom(
  value: SendFrom | undefined,
  isInet6: boolean,
): { source?: string; interfaceIndex?: number } {
  if (value === undefined) return {};
  optionsObject('packetInfo', value, SEND_FROM);
  const { source = isInet6 ? '::' : '0.0.0.0' } = value;
  const expected = isInet6 ? 'an IPv6 address' : 'an IPv4 address';
  if (typeof source !== 'string') throw typeError('source', expected, source);
  const holds = isInet6 ? isIPv6(source) && !source.includes('%') : isIPv4(source);
  if (!holds) throw rangeError('source', expected, source);
  if (value.interface === undefined && value.source === undefined)
    throw typeError('packetInfo', 'an object with interface or source', value);
  return { source, interfaceIndex: optionalInterface(value.interface) };
}

function controlToNative(value: OutgoingControlMessage): types.ControlMessage {
  optionsObject('control', value ?? null, OUTGOING_CONTROL);
  const { data } = value;
  if (!isBytes(data)) throw typeError('data', 'a Uint8Array', data);
  if (data.length > LONGEST_CONTROL)
    throw rangeError('data', `at most ${LONGEST_CONTROL} bytes`, `${data.length} bytes`);
  return {
    level: constant('level', value.level),
    kind: constant('type', value.type),
    // A copy: the caller's memory may be shared.
    data: Uint8Array.from(data),
  };
}
