/** RESP2 and RESP3, the protocol of Redis, for servers ({@link resp}) and clients ({@link respClient}) of edgepoll. */
export { respClient } from './client.js';
export type { ClientOptions, Received, ReplyPart, Request } from './client.js';
export { Command, CommandPart, MoreArguments } from './command.js';
export { Attributed, OK, Push, ReplyError, Simple, Verbatim, nullArray, simple } from './reply.js';
export type { Reply } from './reply.js';
export { resp } from './server.js';
export type { Incoming, ServerOptions } from './server.js';
export { setVersion } from './version.js';
export type { Version } from './version.js';
