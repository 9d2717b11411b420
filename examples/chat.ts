/** A chat server for `nc`: every line goes to everybody, joins and leaves are told. */
import type { Connection } from 'edgepoll';
import { listen } from 'edgepoll';

import { parseServerArguments, serve } from './support/serve.js';

/** The longest line, and room for the name before it. */
const LONGEST = 65_536;
const NAME = 64;

const { host, port } = parseServerArguments({});
const maxFrame = LONGEST + NAME;

await serve(await listen({ host, port, framing: 'lines', maxFrame }), async (server) => {
  const names = new Map<Connection, string>();

  const tell = (line: Uint8Array | string): void => {
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
        // Bytes, not text: whoever writes another encoding than UTF-8 is passed on as he is.
        if (event.data.length > LONGEST) void connection.write(`* no line over ${LONGEST} bytes`);
        else tell(Buffer.concat([Buffer.from(`${names.get(connection)}: `), event.data]));
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
