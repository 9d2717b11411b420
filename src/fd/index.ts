/**
 * edgepoll/fd: descriptors to watch, made and used without another addon.
 *
 * Every one is close-on-exec and non-blocking from its birth, and has one owner.
 *
 * @packageDocumentation
 */
export type { Driver } from '../internal/driver.js';
export type { Chunk } from '../internal/chunk.js';
export type { ErrorCode, PackageErrorCode, SystemErrorCode } from '../internal/error-codes.js';
export { EdgepollError } from '../internal/errors.js';
export type { ErrorDetails } from '../internal/errors.js';
export type {
  CanAddress,
  FamilyName,
  Inet6Address,
  InetAddress,
  NetlinkAddress,
  OtherAddress,
  PacketAddress,
  PacketType,
  SocketAddress,
  UnixAddress,
  UnspecifiedAddress,
  VsockAddress,
} from './address.js';
export { withUnblockedSignals } from './children.js';
export { constants } from './constants.js';
export type { Constant, ConstantName } from './constants.js';
export { EventFd, eventfd } from './eventfd.js';
export type { EventFdOptions } from './eventfd.js';
export { Inotify, inotify } from './inotify.js';
export type { InotifyEvent, InotifyEventType, InotifyFlag, InotifyWatchFor } from './inotify.js';
export type { DescriptorOwner } from '../internal/validate.js';
export { Descriptor, OwnedFd } from './owned.js';
export { PidFd, pidfd } from './pidfd.js';
export { pipe } from './pipe.js';
export type { WaitOptions } from './ready.js';
export { SignalFd, signalfd } from './signalfd.js';
export type { SignalInfo } from './signalfd.js';
export { Socket, socket, socketpair } from './socket.js';
export type {
  AcceptedConnection,
  ListeningSocket,
  SocketOptions,
  SocketPairOptions,
  SocketType,
} from './socket.js';
export type {
  ControlMessage,
  Credentials,
  ErrorOrigin,
  ErrorsOptions,
  Message,
  MessagesOptions,
  OutgoingControlMessage,
  OutgoingMessage,
  PacketInfo,
  QueuedError,
  ReceiveErrorOptions,
  ReceiveOptions,
  SendFrom,
  Timestamps,
} from './messages.js';
export type { TcpInfo } from './tcp-info.js';
export { TimerFd, timerfd } from './timerfd.js';
export type { Clock, TimerFdOptions, TimerStart } from './timerfd.js';
