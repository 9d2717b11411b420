/** A chat server for `nc`: every line goes to everybody, joins and leaves are told. */
import type { Connection } from 'edgepoll';
import { listen } from 'edgepoll';

import { parseServerArguments, serve } from './support/serve.js';

const { host, port } = parseServerArguments({});

await serve(await listen({ host, port, framing: 'lines' }), async (server) => {
  const names = new Map<Connection, string>();

  const tell = (line: string): void => {
    // Not awaited: a reader who is too slow loses its own connection, and nobody waits for it.
    for (const connection of names.keys()) void connection.write(line);
  };

  for await (const event of server.events()) {
    const { connection } = event;
    switch (event.type) {
      case 'open':
        names.set(connection, `guest ${connection.id}`);
        tell(`* ${names.get(connection)} joined, ${names.size} here`);
        break;
      case 'data':
        tell(`${names.get(connection)}: ${event.data.toString()}`);
        break;
      case 'close': {
        const name = names.get(connection);
        names.delete(connection);
        tell(`* ${name} left, ${names.size} here`);
        break;
      }
      case 'drain':
      case 'end':
        break;
    }
  }
});
