/** What util.inspect() shows of a connection. */
import { endpoint } from '../internal/inspect.js';
import { READ_ENDED, WRITE_ENDED } from './connection-flags.js';
import type { Late } from './connection-late.js';
import type { AnyConnection } from './connection.js';

/** The properties that util.inspect() shows. `flags` are the bits of connection-flags.ts. */
export function describe(
  connection: AnyConnection,
  flags: number,
  late: Late | undefined,
): Record<string, unknown> {
  const { id, bytesRead, bytesWritten, bufferedAmount } = connection;
  const { reason, data } = late ?? {};
  return {
    id,
    state: reason?.cause ?? stateOf(flags),
    localAddress: endpoint(connection.localAddress),
    remoteAddress: endpoint(connection.remoteAddress),
    bytesRead,
    bytesWritten,
    bufferedAmount,
    // Only the text, because the stack would be longer than everything else.
    ...(reason?.error === undefined ? {} : { error: String(reason.error) }),
    ...(data === undefined ? {} : { data }),
  };
}

/** The state of a connection that is not over. */
function stateOf(flags: number): string {
  if ((flags & WRITE_ENDED) !== 0) return 'ending';
  return (flags & READ_ENDED) === 0 ? 'open' : 'ended by the peer';
}
