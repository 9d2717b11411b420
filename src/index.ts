/**
 * `edgepoll`: waits for Linux file descriptors, and serves and opens TCP connections with bounded memory.
 *
 * @packageDocumentation
 */
export type { Address } from './connections/address.js';
export type { AddressList } from './connections/address-list.js';
export type { AdmissionOptions } from './connections/admission.js';
export type { Chunk, Payload } from './internal/chunk.js';
export type { Batch, BatchMessage } from './connections/batch.js';
export type { ClosedConnection } from './connections/batch-contents.js';
export { connect } from './connections/connect.js';
export { Connection } from './connections/connection.js';
export type { CloseReason } from './connections/close-reason.js';
export type { Drop, DropStats } from './connections/drops.js';
export type { Driver } from './internal/driver.js';
export type { ErrorCode, PackageErrorCode, SystemErrorCode } from './internal/error-codes.js';
export { EdgepollError } from './internal/errors.js';
export type { ErrorDetails } from './internal/errors.js';
export { listen } from './connections/listen.js';
export type { BufferOptions } from './connections/buffer-options.js';
export type { ConnectionOptions } from './connections/connection-options.js';
export type { ConnectOptions } from './connections/connect-options.js';
export type {
  DelimitedFraming,
  DelimiterFraming,
  FixedFraming,
  Framing,
  LengthPrefixFraming,
  LinesFraming,
  PlainFraming,
} from './connections/framing.js';
export type { ListenOptions } from './connections/listen-options.js';
export type {
  DataOptions,
  Engine,
  InterestOptions,
  ModifyOptions,
  RegisterArguments,
  RegisterOptions,
  RegisterOptionsBase,
  Trigger,
} from './readiness/interest.js';
export { Poller } from './readiness/poller.js';
export type { PollerOptions, PollerStats, PollOptions } from './readiness/poller-options.js';
export type { ReadinessEvent } from './readiness/readiness-event.js';
export { Registration } from './readiness/registration.js';
export { MessageView } from './connections/message-view.js';
export { MessageWriter } from './connections/message-writer.js';
export type { Protocol } from './connections/protocol.js';
export type { UpgradeOptions } from './connections/upgrade.js';
export { Server } from './connections/server.js';
export type { CloseOptions, Connections } from './connections/server.js';
export type { FailureStats, ServerStats } from './connections/server-stats.js';
export type {
  BatchesOptions,
  DropEvent,
  EventsOptions,
  ServerEvent,
} from './connections/server-events.js';
export type { DescriptorOwner } from './internal/validate.js';
export { watch } from './readiness/watch.js';
export type { WatchOptions } from './readiness/watch.js';
