/**
 * Receives messages with their descriptors, credentials and other control messages (recvmsg(2)).
 *
 * If a control message is lost, `controlTruncated` is true.
 */
import { fd as native } from '../internal/binding.js';
import type { fdTypes as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import * as layout from '../internal/layout.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionalBoolean, optionalInteger } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import { constants } from './constants.js';
import type { ControlMessage, Credentials, PacketInfo, Timestamps } from './message-parts.js';
import {
  bytesOf,
  DEFAULT_CONTROL,
  controlOf,
  MAX_CONTROL,
  packetInfoOf,
  timestampsOf,
} from './message-parts.js';
import { optionalFromNative } from './native-address.js';
import { MAX_DESCRIPTORS } from './outgoing-message.js';
import type { Descriptor, OwnedFd } from './owned.js';
import { makeOwned } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';
import { valueUnlessBlocked } from './results.js';
import { socketTypes } from './socket-type.js';

/** The options of {@link Socket.receiveMessage}: the room for each part of the message. */
export interface ReceiveOptions {
  /** Room for the message in bytes, 1 to 2^30. Default 65,536. */
  length?: number | undefined;
  /** The most descriptors to receive, 0 to 253. Further ones are closed. Default 0. */
  descriptors?: number | undefined;
  /** Whether to receive the sender's credentials. The kernel adds them after {@link Socket.setPassCredentials}. Default `false`. */
  credentials?: boolean | undefined;
  /**
   * Room for other control messages in bytes, 0 to 65,536. Each needs its content and 16 bytes, rounded up to a multiple of 8.
   * Default 512, for Unix sockets 0.
   */
  control?: number | undefined;
  /** Whether to leave the message in the queue (MSG_PEEK). Default `false`. */
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
  /** The bytes, as far as there was room. They may be empty; on a stream socket that is the end. */
  data: Chunk;
  /** The length of the whole message: more than `data.length` if it was truncated. J1939 sockets do not report it. */
  length: number;
  /** Whether the message did not fit and its rest is lost (MSG_TRUNC). */
  truncated: boolean;
  /** The sender's address; `undefined` if it has none or the socket is connected to it. */
  from: SocketAddress | undefined;
  /** The descriptors of the message. The program has to close them. */
  descriptors: OwnedFd[];
  /**
   * Whether there were more descriptors than room; the others are closed (MSG_CTRUNC). The kernel does not report which part had no
   * room, so this is also true if only `control` was too small and `controlTruncated` is true.
   */
  descriptorsTruncated: boolean;
  /** The sender's credentials, with the option `credentials`. */
  credentials: Credentials | undefined;
  /** When the kernel received the message, in nanoseconds since 1970. Only with the option SO_TIMESTAMP or SO_TIMESTAMPNS. */
  timestamp: bigint | undefined;
  /** When the message was received. Only with the option SO_TIMESTAMPING. */
  timestamps: Timestamps | undefined;
  /** The interface and the addresses of the packet. Only with the option IP_PKTINFO or IPV6_RECVPKTINFO. */
  packetInfo: PacketInfo | undefined;
  /** All other control messages, in the kernel's order. */
  control: ControlMessage[];
  /** Whether control messages are lost because there was no room for them (MSG_CTRUNC). */
  controlTruncated: boolean;
}

// V8 builds a module's own constants into its optimised code. An imported constant is loaded and checked at each use.
const { RECEIVE_CREDENTIALS, RECEIVE_PEEK, RECEIVE_TRUE_LENGTH, RECEIVE_UNIX } = layout;
const { AF_UNIX } = constants;
const { stream: STREAM, seqpacket: SEQPACKET } = socketTypes;

/**
 * Returns the flags for a socket of this kind. A stream socket has no RECEIVE_TRUE_LENGTH, because its MSG_TRUNC discards bytes
 * (tcp(7)).
 */
export function receiveFlags(family: number, type: number): number {
  return (family === AF_UNIX ? RECEIVE_UNIX : 0) | (type === STREAM ? 0 : RECEIVE_TRUE_LENGTH);
}

/** See {@link Socket.receiveMessage}. */
export function receiveMessage(
  owner: Descriptor,
  family: number,
  type: number,
  options: ReceiveOptions,
): Message | null {
  const size = optionalInteger('length', options.length, 1, 2 ** 30, 65_536);
  const maxDescriptors = optionalInteger('descriptors', options.descriptors, 0, MAX_DESCRIPTORS, 0);
  const defaultControl = family === AF_UNIX ? 0 : DEFAULT_CONTROL;
  const control = optionalInteger('control', options.control, 0, MAX_CONTROL, defaultControl);
  let flags = receiveFlags(family, type);
  if (optionalBoolean('credentials', options.credentials, false)) flags |= RECEIVE_CREDENTIALS;
  if (optionalBoolean('peek', options.peek, false)) flags |= RECEIVE_PEEK;
  const { fd } = owner;
  // Not filled with zeros, because the caller gets only the part that was received. Not from the shared pool of Buffer.
  const into = Buffer.allocUnsafeSlow(size);
  const result = native.messageReceive(fd, into, maxDescriptors, control, flags);
  const message = valueUnlessBlocked(result, 'recvmsg', fd);
  return message === null ? null : messageOf(message, into);
}

/** Makes a message from what the native side has received into `into`. */
function messageOf(message: types.ReceivedMessage, into: Chunk): Message {
  const [pid, uid = 0, gid = 0] = message.credentials;
  return {
    data: bytesOf(message, into),
    length: message.length,
    truncated: message.truncated,
    from: optionalFromNative(message.from),
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

/** Whether `message` is the end of input for a socket of this type. */
export function isEnd(message: Message, type: number): boolean {
  if (message.length > 0 || message.descriptors.length > 0) return false;
  if (type === STREAM) return true;
  // An empty packet of a seqpacket socket looks like the end, unless the sender's credentials are received with it.
  if (type !== SEQPACKET) return false;
  return message.credentials === undefined || message.credentials.pid === 0;
}
