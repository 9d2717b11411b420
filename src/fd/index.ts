/**
 * `edgepoll/fd`: creates and uses descriptors of any kind, without another addon.
 *
 * Every descriptor is created close-on-exec and non-blocking, and belongs to one object.
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
export { Socket } from './socket.js';
export type { AcceptedConnection, ListeningSocket } from './socket.js';
export { socket, socketpair } from './create-socket.js';
export type { SocketOptions, SocketPairOptions } from './create-socket.js';
export type { SocketType } from './socket-type.js';
export type { ControlMessage, Credentials, PacketInfo, Timestamps } from './message-parts.js';
export type { OutgoingControlMessage, OutgoingMessage, SendFrom } from './outgoing-message.js';
export type {
  ErrorOrigin,
  ErrorsOptions,
  QueuedError,
  ReceiveErrorOptions,
} from './queued-error.js';
export type { Message, MessagesOptions, ReceiveOptions } from './received-message.js';
export type { TcpInfo } from './tcp-info.js';
export { TimerFd, timerfd } from './timerfd.js';
export type { Clock, TimerFdOptions, TimerStart } from './timerfd.js';
