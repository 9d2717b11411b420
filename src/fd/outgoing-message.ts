/** Sends messages with descriptors, credentials and other control messages (sendmsg(2)). */
import { isIPv4, isIPv6 } from 'node:net';

import { fd as native, isOpen } from '../internal/binding.js';
import type { fdTypes as types } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  coded,
  integer,
  invalidValue,
  isBytes,
  rangeError,
  typeError,
} from '../internal/validate.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import type { Constant } from './constants.js';
import { constant, constants } from './constants.js';
import type { Credentials } from './message-parts.js';
import { optionalInterface, toNative } from './native-address.js';
import type { Descriptor } from './owned.js';
import { bytesToSend } from './owned.js';
import { unlessBlocked } from './results.js';
import { optionNumber } from './socket-options.js';
import { socketTypes } from './socket-type.js';

/** The kernel's limit of descriptors in one message (SCM_MAX_FD). */
export const MAX_DESCRIPTORS = 253;
const U32 = 2 ** 32 - 1;

/** A control message to send. */
export interface OutgoingControlMessage {
  /** The protocol level (`cmsg_level`): a number, or a name in `constants`. */
  level: Constant;
  /** The type (`cmsg_type`): a number, or a name in `constants`. */
  type: Constant;
  /** The content, at most 4,096 bytes. */
  data: Uint8Array;
}

/** The interface and the source address of a packet. At least one of the two is required. */
export interface SendFrom {
  /** The interface, by name or index. Default: the kernel's choice. */
  interface?: string | number | undefined;
  /** The source address, of the socket's family. Default: the kernel's choice. */
  source?: string | undefined;
}

/** A message for {@link Socket.sendMessage}. */
export interface OutgoingMessage {
  /**
   * The bytes; a string is encoded as UTF-8. Default: none. On a stream socket descriptors, credentials and control messages travel
   * with the first byte (unix(7)): without bytes they are a `TypeError`.
   */
  data?: Uint8Array | string | undefined;
  /** The destination. Not for TCP and Unix `seqpacket` sockets. Default: the peer of the connected socket. */
  to?: SocketAddress | undefined;
  /** Up to 253 descriptors. Only for Unix sockets. The receiver gets duplicates, and these stay open here. Default: none. */
  descriptors?: readonly (number | DescriptorOwner)[] | undefined;
  /** Credentials of this process. Only for Unix and netlink sockets. Other credentials need a privilege (unix(7)). Default: none. */
  credentials?: Credentials | undefined;
  /**
   * The interface and the source address (IP_PKTINFO, IPV6_PKTINFO). Only for `inet` and `inet6` sockets that send datagrams or raw
   * packets. Default: the kernel's choice.
   */
  packetInfo?: SendFrom | undefined;
  /** At most 64 other control messages. The kernel ignores those of a level that the socket does not have. Default: none. */
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
const { AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, IPPROTO_SCTP, SOL_SOCKET, SO_PROTOCOL } = constants;
const MAX_CONTROL_MESSAGES = 64;
const MAX_CONTROL_DATA = 4096;
const { stream: STREAM, seqpacket: SEQPACKET } = socketTypes;
const EBADF = 9;

/** See {@link Socket.sendMessage}. The names of the fields were checked before. */
export function sendMessage(
  owner: Descriptor,
  family: number,
  type: number,
  message: OutgoingMessage,
): number | null {
  const to = message.to === undefined ? undefined : toNative(message.to, 'sendmsg');
  const ancillary = ancillaryToNative(message, family, type === STREAM);
  const { data = '' } = message;
  const bytes = bytesToSend('data', data);
  if (type === STREAM && bytes.length === 0 && ancillary !== undefined) throw nothingToTravelWith();
  const { fd } = owner;
  if (to !== undefined && ignoresAddress(fd, family, type))
    throw invalidValue('to', 'undefined for a socket that sends only to its peer', message.to);
  const taken = native.messageSend(fd, bytes, to, ancillary);
  // With EBADF the descriptor that is not open may be one of those in the message. The error then names that one.
  const closed =
    taken === -EBADF ? ancillary?.descriptors.find((passed) => !isOpen(passed)) : undefined;
  return unlessBlocked(taken, 'sendmsg', closed ?? fd);
}

/** Whether the kernel ignores an address beside the bytes, and sends them to the peer of the connected socket. Others refuse it. */
function ignoresAddress(fd: number, family: number, type: number): boolean {
  if (family === AF_UNIX) return type === SEQPACKET;
  if (type !== STREAM || (family !== AF_INET && family !== AF_INET6)) return false;
  // SCTP uses the address.
  return optionNumber(fd, SOL_SOCKET, SO_PROTOCOL) !== IPPROTO_SCTP;
}

/** The error for a message without bytes on a stream. The kernel would return 0 and drop what else the message carries. */
function nothingToTravelWith(): TypeError {
  const message =
    'data must have at least one byte: on a stream socket descriptors, credentials and control messages travel with the first byte';
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/** Checks the ancillary data, and converts it for the native side; `undefined` if there is none. */
function ancillaryToNative(
  message: OutgoingMessage,
  family: number,
  isStream: boolean,
): types.OutgoingBeside | undefined {
  const { descriptors = [], credentials, packetInfo, control = [] } = message;
  if (!Array.isArray(descriptors)) throw typeError('descriptors', 'an array', descriptors);
  if (descriptors.length > MAX_DESCRIPTORS)
    throw rangeError('descriptors', `at most ${MAX_DESCRIPTORS}`, descriptors.length);
  if (!Array.isArray(control)) throw typeError('control', 'an array', control);
  if (control.length > MAX_CONTROL_MESSAGES)
    throw rangeError('control', `at most ${MAX_CONTROL_MESSAGES} messages`, control.length);
  const isEmpty = descriptors.length === 0 && control.length === 0;
  if (isEmpty && credentials === undefined && packetInfo === undefined) return undefined;
  const isInet6 = family === AF_INET6;
  const ancillary = {
    descriptors: descriptors.map(descriptorNumber),
    credentials: credentialNumbers(credentials),
    ...sendFromToNative(packetInfo, isInet6),
    control: control.map(controlToNative),
  };
  // The kernel ignores what a socket of this kind does not support, and would send the bytes without it.
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
  return ancillary;
}

function descriptorNumber(value: unknown): number {
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

function sendFromToNative(
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
  if (data.length > MAX_CONTROL_DATA)
    throw rangeError('data', `at most ${MAX_CONTROL_DATA} bytes`, `${data.length} bytes`);
  return {
    level: constant('level', value.level),
    kind: constant('type', value.type),
    // A copy, because another thread may share the caller's memory.
    data: Uint8Array.from(data),
  };
}
