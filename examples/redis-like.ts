/**
 * A server that speaks RESP2 and RESP3 and knows some of Redis's commands: keys in a JavaScript Map, and channels. Keys and values are
 * texts: bytes that are not UTF-8 do not come back as they were.
 *
 * In two styles: a loop per connection, and one loop over the messages of all connections (the fast path).
 */
import type { Server } from 'edgepoll';
import { listen } from 'edgepoll';
import { OK, resp, simple } from 'edgepoll-resp';
import type { Command, Reply } from 'edgepoll-resp';

import type { Client } from './redis-like/channels.js';
import { Commands } from './redis-like/commands.js';
import { refuse, stop } from './support/end.js';
import { parseServerArguments, serve } from './support/serve.js';

type RedisLike = Server<unknown, Command, Reply>;

const USAGE = 'redis-like [--host HOST] [--port PORT] [--style connection|batches]';
const { host, port, values } = parseServerArguments('redis-like', USAGE, { style: 'connection' });

const commands = new Commands();
const PONG = simple('PONG');

/** The commands that the fast path knows by a number. */
const names = ['GET', 'SET', 'PING'] as const;
const [GET, SET, PING] = [1, 2, 3];

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

async function byBatches(server: RedisLike): Promise<void> {
  const { keys, channels } = commands;
  for await (const batch of server.batches()) {
    batch.forEach((message) => {
      const { connection, fields } = message;
      // These clients may not send all commands.
      const isLimited = channels.hasSubscriptions(connection) || commands.hasQuit(connection);
      const kind = isLimited ? 0 : message.kind;
      if (kind === GET && fields === 2) {
        void connection.write(keys.get(message.name(1)) ?? null);
      } else if (kind === SET && fields === 3) {
        keys.set(message.name(1), message.text(2));
        void connection.write(OK);
      } else if (kind === PING && fields === 1) {
        void connection.write(PONG);
      } else {
        const reply = commands.run(message.decode(), connection);
        if (reply !== undefined) void connection.write(reply);
      }
    });
    for (const { connection } of batch.closed) commands.forget(connection);
  }
}

const styles: Record<string, (server: RedisLike) => Promise<void>> = {
  connection: byConnection,
  batches: byBatches,
};
const run = styles[values.style];
if (run === undefined)
  refuse('redis-like', `--style must be connection or batches, not ${values.style}`, USAGE);

const server = await listen({ host, port, protocol: resp({ commands: names }) }).catch(
  (error: unknown) => stop('redis-like', error, USAGE),
);
await serve(server, run);
