/**
 * edgepoll: Linux readiness for JavaScript.
 *
 * @packageDocumentation
 */
export type { Address } from './address.js';
export type { Chunk } from './chunk.js';
export { connect } from './connect.js';
export { Connection } from './connection.js';
export type { CloseReason } from './connection-parts.js';
export type { Driver } from './driver.js';
export type { ErrorCode, PackageErrorCode, SystemErrorCode } from './error-codes.js';
export { EdgepollError } from './errors.js';
export type { ErrorDetails } from './errors.js';
export { listen } from './listen.js';
export type { ConnectionOptions, ConnectOptions, ListenOptions } from './options.js';
export type {
  DataOptions,
  Engine,
  InterestOptions,
  ModifyOptions,
  RegisterArguments,
  RegisterOptions,
  RegisterOptionsBase,
  Trigger,
} from './interest.js';
export { Poller } from './poller.js';
export type { PollerOptions, PollerStats, PollOptions } from './poller-options.js';
export type { ReadinessEvent } from './readiness-event.js';
export { Registration } from './registration.js';
export { Server } from './server.js';
export type { CloseOptions, Connections, ServerStats } from './server.js';
export type { EventsOptions, ServerEvent } from './server-events.js';
export type { DescriptorOwner } from './validate.js';
export { watch } from './watch.js';
export type { WatchOptions } from './watch.js';
