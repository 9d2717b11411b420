/**
 * Messages of sockets: what travels beside the bytes, both ways, and the entries of a socket's error queue.
 *
 * It must never drop a control message without saying so, nor show one as something else.
 */
import { isIPv4, isIPv6 } from 'node:net';

import type { fd as types } from '../binding.js';
import { errorName } from '../binding.js';
import type { Chunk } from '../chunk.js';
import type { OptionNames } from '../option-names.js';
import { optionsObject } from '../option-names.js';
import { integer, isBytes, rangeError, typeError } from '../validate.js';
import type { DescriptorOwner } from '../validate.js';
import type { SocketAddress } from './address.js';
import { fromNative, optionalInterface } from './address.js';
import type { Constant } from './constants.js';
import { constant } from './constants.js';
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

/** Which interface and address a packet came by (IP_PKTINFO of ip(7), IPV6_PKTINFO of ipv6(7)). */
export interface PacketInfo {
  /** The interface's index. */
  interface: number;
  /** The destination in the packet's header: of a multicast or a broadcast the group or the broadcast address. */
  destination: string;
  /** IPv4: the local address to answer from. IPv6: `undefined`; answer from `destination` unless it is a group. */
  local: string | undefined;
}

/** Where a packet is to be sent from; at least one of the two. */
export interface SendFrom {
  /** The interface, by name or index. Default: the kernel's choice. */
  interface?: string | number | undefined;
  /** The source address, of the socket's family. Default: the kernel's choice. */
  source?: string | undefined;
}

/** When a packet went or came (SO_TIMESTAMPING). */
export interface Timestamps {
  /** The network stack's time: nanoseconds since 1970. */
  software: bigint | undefined;
  /** The network card's time: nanoseconds of its own clock. */
  hardware: bigint | undefined;
}

/** What {@link Socket.receiveMessage} is to make room for. */
export interface ReceiveOptions {
  /** Bytes. Default 65,536. */
  length?: number | undefined;
  /** Descriptors, 0 to 253. What comes beyond is closed. Default 0: none is accepted. */
  descriptors?: number | undefined;
  /** The sender's credentials; they come once `passCredentials` is on. Default `false`. */
  credentials?: boolean | undefined;
  /**
   * Bytes of room for other control messages, 0 to 65,536; each needs its content and 16 bytes, rounded up to 8. Default
   * 512; of Unix sockets 0.
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

/** How messages are received one after the other: what {@link Socket.values} takes. */
export interface MessagesOptions extends WaitOptions, Omit<ReceiveOptions, 'peek'> {}

export const MESSAGES_OPTIONS: OptionNames<MessagesOptions> = {
  ...WAIT_OPTIONS,
  length: true,
  descriptors: true,
  credentials: true,
  control: true,
};

/** A message that was received. */
export interface Message {
  /** As much of it as there was room for. An empty one is a message too, except at the end of a stream. */
  data: Chunk;
  /** Its true length: more than `data.length` when it was truncated. J1939 does not tell it. */
  length: number;
  /** It did not fit, and its end is lost (MSG_TRUNC). */
  truncated: boolean;
  /** The sender; `undefined` when it has no address or the socket is connected to it. */
  from: SocketAddress | undefined;
  /** Descriptors that came with it. They are the receiver's to close. */
  descriptors: OwnedFd[];
  /**
   * More descriptors came than there was room for; they are closed (MSG_CTRUNC). The kernel does not say what had no room: when
   * `controlTruncated` is true for want of `control` alone, this is true as well.
   */
  descriptorsTruncated: boolean;
  /** The process that sent it, if that was asked for. */
  credentials: Credentials | undefined;
  /** When the kernel received it, in nanoseconds since 1970: with the option SO_TIMESTAMP or SO_TIMESTAMPNS. */
  timestamp: bigint | undefined;
  /** When it was received, with the option SO_TIMESTAMPING. */
  timestamps: Timestamps | undefined;
  /** Which way it came, with the option IP_PKTINFO or IPV6_RECVPKTINFO. */
  packetInfo: PacketInfo | undefined;
  /** Every other control message, in the kernel's order. */
  control: ControlMessage[];
  /** Control messages are lost, because there was no room for them (MSG_CTRUNC). */
  controlTruncated: boolean;
}

/** What {@link Socket.sendMessage} sends. */
export interface OutgoingMessage {
  /**
   * A string is sent as UTF-8. Default: nothing. Of a stream, descriptors and credentials travel with its first byte
   * (unix(7)): it needs at least one.
   */
  data?: Uint8Array | string | undefined;
  /** The receiver; none if connected. */
  to?: SocketAddress | undefined;
  /** Up to 253 descriptors; the receiver gets its own, these stay open here. */
  descriptors?: readonly (number | DescriptorOwner)[] | undefined;
  /** Own credentials; others need a privilege. */
  credentials?: Credentials | undefined;
  /** The interface and the address to send from, of an `inet` or `inet6` socket (IP_PKTINFO, IPV6_PKTINFO). */
  packetInfo?: SendFrom | undefined;
  /** Any other control messages: at most 64. */
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

/** What reports an entry of the error queue; a number where it has no name here. */
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

/** What {@link Socket.receiveError} is to make room for. */
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

/** How entries of the error queue are received one after the other: what {@link Socket.errors} takes. */
export interface ErrorsOptions extends WaitOptions, ReceiveErrorOptions {}

export const ERRORS_OPTIONS: OptionNames<ErrorsOptions> = {
  ...WAIT_OPTIONS,
  ...RECEIVE_ERROR_OPTIONS,
};

/** An entry of a socket's error queue: the fields of `sock_extended_err` (ip(7)) and the packet that it is about. */
export interface QueuedError {
  /**
   * The symbol of the error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE` …; `ENOMSG` of a timestamp; `undefined` of a
   * finished zero-copy send.
   */
  name: string | undefined;
  /** The error's number, negative as in Node.js; 0 without one. */
  errno: number;
  /** What reports it. */
  origin: ErrorOrigin | number;
  /** ICMP's type. */
  type: number;
  /** ICMP's code. */
  code: number;
  /**
   * Of `EMSGSIZE` the path's MTU; of a timestamp when it was taken (0 sent, 1 scheduled, 2 acknowledged); of `zerocopy` the
   * first send's number.
   */
  info: number;
  /** Of a timestamp the send's number, with SOF_TIMESTAMPING_OPT_ID; of `zerocopy` the last send's number. */
  data: number;
  /** The sender of the ICMP message. */
  offender: SocketAddress | undefined;
  /** The destination of the packet. */
  to: SocketAddress | undefined;
  /** The packet, as far as the kernel kept it and there was room. */
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
const MOST_MESSAGES = 64;
const LONGEST_CONTROL = 4096;

/** What the native side sends beside the bytes; `undefined` for nothing. */
export function toNativeBeside(
  message: OutgoingMessage,
  isInet6: boolean,
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
  return {
    descriptors: descriptors.map(numberOf),
    credentials: credentialNumbers(credentials),
    ...sendFrom(packetInfo, isInet6),
    control: control.map(controlToNative),
  };
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

/** What was received of `into`, in memory of its own where a small message would keep a large room. */
function received(message: types.ReceivedMessage, into: Chunk): Chunk {
  const length = Math.min(message.length, into.length);
  const bytes = into.subarray(0, length);
  return length * 2 < into.length ? Buffer.from(bytes) : bytes;
}

/** A message, of what the native side received into `into`. */
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

/** An entry of the error queue, of what the native side received into `into`. */
export function queuedErrorOf(message: types.ReceivedMessage, into: Chunk): QueuedError {
  // It is missing only where there was no room for it.
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
