/**
 * Reads the entries of a socket's error queue (MSG_ERRQUEUE, recv(2)).
 *
 * If a control message is lost, `controlTruncated` is true.
 */
import { errorName, fd as native } from '../internal/binding.js';
import type { fdTypes as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { RECEIVE_ERROR_QUEUE } from '../internal/layout.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionalInteger } from '../internal/validate.js';
import type { SocketAddress } from './address.js';
import { constants } from './constants.js';
import type { ControlMessage, PacketInfo, Timestamps } from './message-parts.js';
import {
  bytesOf,
  DEFAULT_CONTROL,
  controlOf,
  MAX_CONTROL,
  packetInfoOf,
  timestampsOf,
} from './message-parts.js';
import { optionalFromNative } from './native-address.js';
import type { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';
import { valueUnlessBlocked } from './results.js';
import { socketTypes } from './socket-type.js';

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

/** The options of {@link Socket.receiveError}: the room for each part of the entry. */
export interface ReceiveErrorOptions {
  /** Room for the packet that the entry is about, in bytes, 1 to 2^30. Default 65,536. */
  length?: number | undefined;
  /** Room for control messages in bytes, 0 to 65,536. Default 512. */
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
   * The name of the error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE` …; `ENOMSG` for a timestamp; `undefined` for a finished
   * zero-copy send.
   */
  name: string | undefined;
  /** The error number, negative as in Node.js; 0 if there is no error. */
  errno: number;
  /** The source of the entry. */
  origin: ErrorOrigin | number;
  /** The type of the ICMP message. */
  type: number;
  /** The code of the ICMP message. */
  code: number;
  /**
   * For `EMSGSIZE` the MTU of the path. For a timestamp the step at which it was taken: 0 sent, 1 scheduled, 2 acknowledged. For
   * `zerocopy` the number of the first send.
   */
  info: number;
  /** For a timestamp the number of the send, with SOF_TIMESTAMPING_OPT_ID. For `zerocopy` the number of the last send. */
  data: number;
  /** The sender of the ICMP message. */
  offender: SocketAddress | undefined;
  /** The destination of the packet. */
  to: SocketAddress | undefined;
  /** The bytes of the packet that the kernel kept, as far as there was room. */
  packet: Chunk;
  /** Whether the packet did not fit and its rest is lost (MSG_TRUNC). */
  truncated: boolean;
  /** When the packet was sent. Only with the option SO_TIMESTAMPING. */
  timestamps: Timestamps | undefined;
  /** The interface that sent the packet. Only with SOF_TIMESTAMPING_OPT_CMSG. */
  packetInfo: PacketInfo | undefined;
  /** All other control messages, in the kernel's order. */
  control: ControlMessage[];
  /** Whether control messages are lost because there was no room for them (MSG_CTRUNC). */
  controlTruncated: boolean;
}

const {
  AF_CAN,
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_VSOCK,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IP_RECVERR,
  IPV6_RECVERR,
} = constants;
const { stream: STREAM } = socketTypes;
const EOPNOTSUPP = 95;

/** The families that have an error queue. Others ignore MSG_ERRQUEUE, and recvmsg(2) would take a message instead. */
const withErrorQueue = new Set([AF_INET, AF_INET6, AF_PACKET, AF_CAN, AF_VSOCK]);

/** See {@link Socket.receiveError}. */
export function receiveError(
  owner: Descriptor,
  family: number,
  options: ReceiveErrorOptions,
): QueuedError | null {
  const size = optionalInteger('length', options.length, 1, 2 ** 30, 65_536);
  const control = optionalInteger('control', options.control, 0, MAX_CONTROL, DEFAULT_CONTROL);
  const { fd } = owner;
  if (!withErrorQueue.has(family)) throw systemError(EOPNOTSUPP, { syscall: 'recvmsg', fd });
  const into = Buffer.allocUnsafeSlow(size);
  const result = native.messageReceive(fd, into, 0, control, RECEIVE_ERROR_QUEUE);
  const message = valueUnlessBlocked(result, 'recvmsg', fd);
  return message === null ? null : queuedErrorOf(message, into);
}

/**
 * The errors that the kernel makes of ICMP messages (icmp_err_convert and icmpv6_err_convert). With IP_RECVERR or IPV6_RECVERR each
 * of them is an entry of the queue, and also the pending error of the socket, which the next recvmsg(2) or sendmsg(2) reports.
 */
const fromIcmp = new Set([
  'EACCES',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMSGSIZE',
  'ENETUNREACH',
  'ENONET',
  'ENOPROTOOPT',
  'EOPNOTSUPP',
  'EPROTO',
]);

/** Whether a receive has failed with the pending error of the socket, and the kernel has put an entry for it on the queue. */
export function isQueued(error: unknown, fd: number, family: number, type: number): boolean {
  if (!(error instanceof EdgepollError) || !fromIcmp.has(error.code)) return false;
  // The errors of a connection are not on the queue (ip(7), IP_RECVERR), and other families have no such option.
  if (type === STREAM || (family !== AF_INET && family !== AF_INET6)) return false;
  if (family === AF_INET6 && isOn(fd, IPPROTO_IPV6, IPV6_RECVERR)) return true;
  // An `inet6` socket has this option, too, because it may send to IPv4 addresses.
  return isOn(fd, IPPROTO_IP, IP_RECVERR);
}

/** Whether a socket has an integer option, and it is not 0. */
function isOn(fd: number, level: number, name: number): boolean {
  const bytes = native.socketOptionBytes(fd, level, name, 4);
  return typeof bytes !== 'number' && bytes.some((byte) => byte !== 0);
}

/** Makes an entry from what the native side has received into `into`. */
function queuedErrorOf(message: types.ReceivedMessage, into: Chunk): QueuedError {
  // The fields of the error are missing only if there was no room for them.
  const { errno, origin, kind, code, info, data, offender } = message.error ?? NO_ERROR;
  return {
    name: errno === 0 ? undefined : errorName(errno),
    errno: errno === 0 ? 0 : -errno,
    origin: origins[origin] ?? origin,
    type: kind,
    code,
    info,
    data,
    offender: optionalFromNative(offender),
    to: optionalFromNative(message.from),
    packet: bytesOf(message, into),
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
