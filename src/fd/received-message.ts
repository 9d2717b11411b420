/**
 * Receiving messages of sockets with their descriptors, credentials and control messages.
 *
 * It must never drop a control message without setting `controlTruncated`, nor show one as another kind.
 */
import { fd as native } from '../internal/binding.js';
import type { fd as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionalBoolean, optionalInteger } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import { constants } from './constants.js';
import type { ControlMessage, PacketInfo, Timestamps } from './message-parts.js';
import {
  bytesOf,
  CONTROL_ROOM,
  controlOf,
  MOST_CONTROL,
  packetInfoOf,
  timestampsOf,
} from './message-parts.js';
import { optionalFromNative } from './native-address.js';
import type { Credentials } from './outgoing-message.js';
import { MOST_DESCRIPTORS } from './outgoing-message.js';
import type { Descriptor, OwnedFd } from './owned.js';
import { makeOwned } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';
import { valueUnlessBlocked } from './results.js';
import { socketTypes } from './socket-type.js';

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

const { AF_UNIX } = constants;
const { stream: STREAM, seqpacket: SEQPACKET } = socketTypes;

/** Bits of the native receive. */
const UNIX = 1;
const WITH_CREDENTIALS = 2;
const TRUE_LENGTH = 4;
const PEEK = 8;

/** Bits for the native receive. Not the true length for a stream: MSG_TRUNC would drop bytes there. */
export function receiveFlags(family: number, type: number): number {
  return (family === AF_UNIX ? UNIX : 0) | (type === STREAM ? 0 : TRUE_LENGTH);
}

/** See {@link Socket.receiveMessage}. */
export function receiveMessage(
  owner: Descriptor,
  family: number,
  type: number,
  options: ReceiveOptions,
): Message | null {
  const size = optionalInteger('length', options.length, 1, 2 ** 30, 65_536);
  const most = optionalInteger('descriptors', options.descriptors, 0, MOST_DESCRIPTORS, 0);
  const usual = family === AF_UNIX ? 0 : CONTROL_ROOM;
  const control = optionalInteger('control', options.control, 0, MOST_CONTROL, usual);
  let how = receiveFlags(family, type);
  if (optionalBoolean('credentials', options.credentials, false)) how |= WITH_CREDENTIALS;
  if (optionalBoolean('peek', options.peek, false)) how |= PEEK;
  const { fd } = owner;
  // Not zeroed and not shared: only what was received is handed out.
  const into = Buffer.allocUnsafeSlow(size);
  const got = native.messageReceive(fd, into, most, control, how);
  const message = valueUnlessBlocked(got, 'recvmsg', fd);
  return message === null ? null : messageOf(message, into);
}

/** Makes a message of what the native side has received into `into`. */
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

/** Whether `message` is the end of what a socket of this type receives. */
export function isEnd(message: Message, type: number): boolean {
  if (message.length > 0 || message.descriptors.length > 0) return false;
  if (type === STREAM) return true;
  // An empty packet looks like the end of packets in order, unless its sender is told.
  if (type !== SEQPACKET) return false;
  return message.credentials === undefined || message.credentials.pid === 0;
}
