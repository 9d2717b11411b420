/**
 * The entries of a socket's error queue.
 *
 * It must never drop a control message without setting `controlTruncated`, nor show one as another kind.
 */
import { errorName, fd as native } from '../internal/binding.js';
import type { fd as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';
import { systemError } from '../internal/errors.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionalInteger } from '../internal/validate.js';
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
import type { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';
import { valueUnlessBlocked } from './results.js';

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

const { AF_CAN, AF_INET, AF_INET6, AF_PACKET, AF_VSOCK } = constants;
const EOPNOTSUPP = 95;

/** A bit of the native receive. */
const ERROR_QUEUE = 16;

/** Families with an error queue. Others ignore MSG_ERRQUEUE, and recvmsg(2) would take a message instead. */
const withErrorQueue = new Set([AF_INET, AF_INET6, AF_PACKET, AF_CAN, AF_VSOCK]);

/** See {@link Socket.receiveError}. */
export function receiveError(
  owner: Descriptor,
  family: number,
  options: ReceiveErrorOptions,
): QueuedError | null {
  const size = optionalInteger('length', options.length, 1, 2 ** 30, 65_536);
  const control = optionalInteger('control', options.control, 0, MOST_CONTROL, CONTROL_ROOM);
  const { fd } = owner;
  if (!withErrorQueue.has(family)) throw systemError(EOPNOTSUPP, { syscall: 'recvmsg', fd });
  const into = Buffer.allocUnsafeSlow(size);
  const got = native.messageReceive(fd, into, 0, control, ERROR_QUEUE);
  const message = valueUnlessBlocked(got, 'recvmsg', fd);
  return message === null ? null : queuedErrorOf(message, into);
}

/** Makes an entry of the error queue of what the native side has received into `into`. */
function queuedErrorOf(message: types.ReceivedMessage, into: Chunk): QueuedError {
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
