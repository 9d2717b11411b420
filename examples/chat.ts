/** A chat server for `nc`: it sends every line to all clients, and reports each join and leave. */
import type { Connection } from 'edgepoll';
import { listen } from 'edgepoll';

import { stop } from './support/end.js';
import { parseServerArguments, serve } from './support/serve.js';

/** The longest line of a client in bytes, and the room for the name that the server puts before it. */
const LONGEST = 65_536;
const NAME = 64;

const USAGE = 'chat [--host HOST] [--port PORT]';
const { host, port } = parseServerArguments('chat', USAGE, {});
const maxFrame = LONGEST + NAME;

const opened = await listen({ host, port, framing: 'lines', maxFrame }).catch((error: unknown) =>
  stop('chat', error, USAGE),
);
await serve(opened, async (server) => {
  const names = new Map<Connection, string>();

  const broadcast = (line: Uint8Array | string): void => {
    // Not awaited, so that a slow reader delays no other client. If it stays slow, it loses its own connection.
    for (const connection of names.keys()) void connection.write(line);
  };

  for await (const event of server.events()) {
    const { connection } = event;
    switch (event.type) {
      case 'open':
        names.set(connection, `guest ${connection.id}`);
        broadcast(`* ${names.get(connection)} joined, ${names.size} here`);
        break;
      case 'data':
        // The line stays bytes, because a client may use another encoding than UTF-8.
        if (event.data.length > LONGEST) void connection.write(`* no line over ${LONGEST} bytes`);
        else broadcast(Buffer.concat([Buffer.from(`${names.get(connection)}: `), event.data]));
        break;
      case 'close': {
        const name = names.get(connection);
        names.delete(connection);
        broadcast(`* ${name} left, ${names.size} here`);
        break;
      }
      case 'drain':
      case 'end':
        break;
    }
  }
});
