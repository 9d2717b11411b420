/**
 * An echo server, in two styles: an iterator per connection (the easy path), and one iterator over the events of
 * all connections (the fast path).
 *
 * The server writes each chunk before it takes the next one and keeps none, so it can borrow them: with `--chunks
 * borrowed`, the default here, large chunks arrive in the same memory again.
 */
import type { Connection, ConnectionOptions, Server } from 'edgepoll';
import { listen } from 'edgepoll';

import { refuse, stop } from './support/end.js';
import { parseServerArguments, serve } from './support/serve.js';

const USAGE =
  'echo [--host HOST] [--port PORT] [--style connection|events] [--chunks owned|borrowed] [--per-address CONNECTIONS]';
const { host, port, values } = parseServerArguments('echo', USAGE, {
  style: 'connection',
  chunks: 'borrowed',
  'per-address': '',
});

async function echo(connection: Connection): Promise<void> {
  try {
    for await (const chunk of connection) await connection.write(chunk);
  } catch {
    // The peer has reset this connection. The others go on.
  }
}

async function byConnection(server: Server): Promise<void> {
  for await (const connection of server) void echo(connection);
}

async function byEvents(server: Server): Promise<void> {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
  }
}

const styles: Record<string, (server: Server) => Promise<void>> = {
  connection: byConnection,
  events: byEvents,
};
const run = styles[values.style];
if (run === undefined)
  refuse('echo', `--style must be connection or events, not ${values.style}`, USAGE);

const chunks = values.chunks as NonNullable<ConnectionOptions['chunks']>;
// One address may have half of all connections by default. A benchmark has its clients on one address.
const perAddress = values['per-address'];
const maxConnectionsPerAddress = perAddress === '' ? undefined : Number(perAddress);
const server = await listen({ host, port, chunks, maxConnectionsPerAddress }).catch(
  (error: unknown) => stop('echo', error, USAGE),
);
await serve(server, run);
