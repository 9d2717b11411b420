/**
 * A server that speaks RESP2 and RESP3 and knows some of Redis's commands: keys in a JavaScript Map, and channels.
 *
 * In two styles: a loop per connection, and one loop over the events of all connections (the fast path).
 */
import type { Server } from 'edgepoll';
import { listen } from 'edgepoll';
import { resp } from 'edgepoll-resp';
import type { Command, Reply } from 'edgepoll-resp';

import type { Client } from './redis-like/channels.js';
import { Commands } from './redis-like/commands.js';
import { refuse, stop } from './support/end.js';
import { parseServerArguments, serve } from './support/serve.js';

type RedisLike = Server<unknown, Command, Reply>;

const USAGE = 'redis-like [--host HOST] [--port PORT] [--style connection|events]';
const { host, port, values } = parseServerArguments('redis-like', USAGE, { style: 'connection' });

const commands = new Commands();

async function serveClient(client: Client): Promise<void> {
  try {
    for await (const command of client) {
      const reply = commands.run(command, client);
      if (reply !== undefined) await client.write(reply);
    }
  } catch {
    // The client has reset the connection, or sent something that is no RESP. The others go on.
  } finally {
    commands.forget(client);
  }
}

async function byConnection(server: RedisLike): Promise<void> {
  for await (const client of server) void serveClient(client);
}

async function byEvents(server: RedisLike): Promise<void> {
  for await (const event of server.events()) {
    if (event.type === 'data') {
      const reply = commands.run(event.data, event.connection);
      if (reply !== undefined) void event.connection.write(reply);
    } else if (event.type === 'close') commands.forget(event.connection);
  }
}

const styles: Record<string, (server: RedisLike) => Promise<void>> = {
  connection: byConnection,
  events: byEvents,
};
const run = styles[values.style];
if (run === undefined)
  refuse('redis-like', `--style must be connection or events, not ${values.style}`, USAGE);

const server = await listen({ host, port, protocol: resp() }).catch((error: unknown) =>
  stop('redis-like', error, USAGE),
);
await serve(server, run);
