/**
 * Messages of sockets, sent and received, with their descriptors, credentials and control messages; and the entries of a
 * socket's error queue.
 *
 * It must never drop a control message without setting `controlTruncated`, nor show one as another kind.
 */
import { isIPv4, isIPv6 } from 'node:net';

import type { fd as types } from '../internal/binding.js';
import { errorName } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { integer, invalidValue, isBytes, rangeError, typeError } from '../internal/validate.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import { fromNative, optionalInterface } from './address.js';
import type { Constant } from './constants.js';
import { constant, constants } from './constants.js';
import type { OwnedFd } from './owned.js';
import { makeOwned } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';

export const MOST_DESCRIPTORS = 253;
const U32 = 2 ** 32 - 1;

/** The most room for control messages, in bytes. */
export const MOST_CONTROL = 65_536;

/** The process that sent a message, as the kernel checked it. */
export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

/** A control message by its numbers (cmsg(3)). */
export interface ControlMessage {
  /** The protocol's level: `constants.SOL_SOCKET`, `constants.IPPROTO_IP` … */
  level: number;
  /** The kind, in the level's own numbering. */
  type: number;
  /** The content, in the layout that level and kind have on this architecture. */
  data: Chunk;
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

/** The interface and the addresses of a received packet (IP_PKTINFO of ip(7), IPV6_PKTINFO of ipv6(7)). */
export interface PacketInfo {
  /** The interface's index. */
  interface: number;
  /** The destination in the packet's header, which may be a multicast group or a broadcast address. */
  destination: string;
  /** IPv4: the local address to answer from. IPv6: `undefined`; answer from `destination` unless it is a group. */
  local: string | undefined;
}

/** The interface and the address that a packet is sent from. At least one of the two is required. */
export interface SendFrom {
  /** The interface, by name or index. Default: the kernel's choice. */
  interface?: string | number | undefined;
  /** The source address, of the socket's family. Default: the kernel's choice. */
  source?: string | undefined;
}

/** When a packet was sent or received (SO_TIMESTAMPING). */
export interface Timestamps {
  /** The network stack's time: nanoseconds since 1970. */
  software: bigint | undefined;
  /** The network card's time: nanoseconds of its own clock. */
  hardware: bigint | undefined;
}

/** The options of {@link Socket.receiveMessage}: how much room it makes for each part of the message. */
export interface ReceiveOptions {
  /** Bytes. Default 65,536. */
  length?: number | undefined;
  /** Descriptors, 0 to 253. Further ones are closed. Default 0: none is accepted. */
  descriptors?: number | undefined;
  /** Whether to give the sender's credentials; the kernel adds them once `passCredentials` is on. Default `false`. */
  credentials?: boolean | undefined;
  /**
   * Bytes of room for other control messages, 0 to 65,536. Each needs its content and 16 bytes, rounded up to a multiple of 8.
   * Default 512, for Unix sockets 0.
   */
  control?: number | undefined;
  /** Looks at the message and leaves it there (MSG_PEEK). Default `false`. */
  peek?: boolean | undefined;
}

export const RECEIVE_OPTIONS: OptionNames<ReceiveOptions> = {
  length: true,
  descriptors: true,
  credentials: true,
  control: true,
  peek: true,
};

/** The options of {@link Socket.values}. */
export interface MessagesOptions extends WaitOptions, Omit<ReceiveOptions, 'peek'> {}

export const MESSAGES_OPTIONS: OptionNames<MessagesOptions> = {
  ...WAIT_OPTIONS,
  length: true,
  descriptors: true,
  credentials: true,
  control: true,
};

/** A received message. */
export interface Message {
  /** The message's bytes, as far as there was room. They may be empty; of a stream that is the end. */
  data: Chunk;
  /** The message's true length: more than `data.length` if it was truncated. J1939 does not report it. */
  length: number;
  /** The message did not fit, and its end is lost (MSG_TRUNC). */
  truncated: boolean;
  /** The sender; `undefined` when it has no address or the socket is connected to it. */
  from: SocketAddress | undefined;
  /** Descriptors that came with it. They are the receiver's to close. */
  descriptors: OwnedFd[];
  /**
   * More descriptors came than there was room for; the others are closed (MSG_CTRUNC). The kernel does not report what had no
   * room, so this is true as well if only `control` was too small and `controlTruncated` is true.
   */
  descriptorsTruncated: boolean;
  /** The process that sent it, with the option `credentials`. */
  credentials: Credentials | undefined;
  /** When the kernel received it, in nanoseconds since 1970: with the option SO_TIMESTAMP or SO_TIMESTAMPNS. */
  timestamp: bigint | undefined;
  /** When it was received, with the option SO_TIMESTAMPING. */
  timestamps: Timestamps | undefined;
  /** The interface and the addresses of the packet, with the option IP_PKTINFO or IPV6_RECVPKTINFO. */
  packetInfo: PacketInfo | undefined;
  /** Every other control message, in the kernel's order. */
  control: ControlMessage[];
  /** Control messages are lost, because there was no room for them (MSG_CTRUNC). */
  controlTruncated: boolean;
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

/** The source of an entry of the error queue. A source without a name here is a number. */
export type ErrorOrigin = 'local' | 'icmp' | 'icmp6' | 'timestamping' | 'zerocopy' | 'txtime';

// SO_EE_ORIGIN_… of <linux/errqueue.h>.
const origins: readonly (ErrorOrigin | undefined)[] = [
  undefined,
  'local',
  'icmp',
  'icmp6',
  'timestamping',
  'zerocopy',
  'txtime',
];

/** The options of {@link Socket.receiveError}: how much room it makes for each part of the entry. */
export interface ReceiveErrorOptions {
  /** Bytes of the packet that the entry is about. Default 65,536. */
  length?: number | undefined;
  /** Bytes of room for control messages, 0 to 65,536. Default 512. */
  control?: number | undefined;
}

export const RECEIVE_ERROR_OPTIONS: OptionNames<ReceiveErrorOptions> = {
  length: true,
  control: true,
};

/** The options of {@link Socket.errors}. */
export interface ErrorsOptions extends WaitOptions, ReceiveErrorOptions {}

export const ERRORS_OPTIONS: OptionNames<ErrorsOptions> = {
  ...WAIT_OPTIONS,
  ...RECEIVE_ERROR_OPTIONS,
};

/** An entry of a socket's error queue: the fields of `sock_extended_err` (ip(7)) and the packet that it is about. */
export interface QueuedError {
  /**
   * The symbol of the error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE` …; `ENOMSG` for a timestamp; `undefined` for a finished
   * zero-copy send.
   */
  name: string | undefined;
  /** The error's number, negative as in Node.js; 0 without one. */
  errno: number;
  /** The source of the entry. */
  origin: ErrorOrigin | number;
  /** ICMP's type. */
  type: number;
  /** ICMP's code. */
  code: number;
  /**
   * For `EMSGSIZE` the path's MTU; for a timestamp the step at which it was taken (0 sent, 1 scheduled, 2 acknowledged); for
   * `zerocopy` the first send's number.
   */
  info: number;
  /** For a timestamp the send's number, with SOF_TIMESTAMPING_OPT_ID; for `zerocopy` the last send's number. */
  data: number;
  /** The sender of the ICMP message. */
  offender: SocketAddress | undefined;
  /** The destination of the packet. */
  to: SocketAddress | undefined;
  /** The bytes of the packet that the kernel kept, as far as there was room. */
  packet: Chunk;
  /** The packet did not fit (MSG_TRUNC). */
  truncated: boolean;
  /** When the packet was sent, with the option SO_TIMESTAMPING. */
  timestamps: Timestamps | undefined;
  /** The interface that the packet took, with SOF_TIMESTAMPING_OPT_CMSG. */
  packetInfo: PacketInfo | undefined;
  /** Every other control message, in the kernel's order. */
  control: ControlMessage[];
  /** Control messages are lost, because there was no room for them (MSG_CTRUNC). */
  controlTruncated: boolean;
}

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

/** Control messages and the like in the form of the native side; `undefined` if there are none. */
export function toNativeBeside(
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

function controlOf(message: types.ReceivedMessage): ControlMessage[] {
  const { control = [] } = message;
  return control.map(({ level, kind, data: { buffer, byteOffset, byteLength } }) => {
    return { level, type: kind, data: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
  });
}

function packetInfoOf({ packetInfo }: types.ReceivedMessage): PacketInfo | undefined {
  if (packetInfo === undefined) return undefined;
  const { interfaceIndex, destination, local } = packetInfo;
  return { interface: interfaceIndex, destination, local };
}

function timestampsOf(message: types.ReceivedMessage): Timestamps | undefined {
  const { softwareTimestamp: software, hardwareTimestamp: hardware } = message;
  if (software === undefined && hardware === undefined) return undefined;
  return { software, hardware };
}

function addressOf(address: types.SocketAddress | undefined): SocketAddress | undefined {
  return address === undefined ? undefined : fromNative(address);
}

/** The received bytes of `into`. A small message is copied, so that it does not keep a large buffer in memory. */
function received(message: types.ReceivedMessage, into: Chunk): Chunk {
  const length = Math.min(message.length, into.length);
  const bytes = into.subarray(0, length);
  return length * 2 < into.length ? Buffer.from(bytes) : bytes;
}

/** Makes a message of what the native side has received into `into`. */
export function messageOf(message: types.ReceivedMessage, into: Chunk): Message {
  const [pid, uid = 0, gid = 0] = message.credentials;
  return {
    data: received(message, into),
    length: message.length,
    truncated: message.truncated,
    from: addressOf(message.from),
    descriptors: message.descriptors.map((number) => makeOwned(number, 'received')),
    descriptorsTruncated: message.descriptorsTruncated,
    credentials: pid === undefined ? undefined : { pid, uid, gid },
    timestamp: message.timestamp,
    timestamps: timestampsOf(message),
    packetInfo: packetInfoOf(message),
    control: controlOf(message),
    controlTruncated: message.controlTruncated,
  };
}

/** Makes an entry of the error queue of what the native side has received into `into`. */
export function queuedErrorOf(message: types.ReceivedMessage, into: Chunk): QueuedError {
  // The error's fields are missing only if there was no room for them.
  const { errno, origin, kind, code, info, data, offender } = message.error ?? NO_ERROR;
  return {
    name: errno === 0 ? undefined : errorName(errno),
    errno: errno === 0 ? 0 : -errno,
    origin: origins[origin] ?? origin,
    type: kind,
    code,
    info,
    data,
    offender: addressOf(offender),
    to: addressOf(message.from),
    packet: received(message, into),
    truncated: message.truncated,
    timestamps: timestampsOf(message),
    packetInfo: packetInfoOf(message),
    control: controlOf(message),
    controlTruncated: message.controlTruncated,
  };
}

const NO_ERROR: types.QueuedError = {
  errno: 0,
  origin: 0,
  kind: 0,
  code: 0,
  info: 0,
  data: 0,
};
