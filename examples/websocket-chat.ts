/** A chat for browsers. node:http serves a page, and the page connects to the chat, which has a port of its own. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import type { Connection } from 'edgepoll';
import { listen } from 'edgepoll';
import type { Incoming, Outgoing, WebSocketOptions } from 'edgepoll-websocket';
import { websocket } from 'edgepoll-websocket';

import { stop } from './support/end.js';
import { parseServerArguments, serve } from './support/serve.js';

/** The longest message of a client in bytes. */
const LONGEST = 4096;

const USAGE = 'websocket-chat [--host HOST] [--port PORT] [--page-port PORT]';
const { host, port, values } = parseServerArguments('websocket-chat', USAGE, {
  'page-port': '8080',
});

const protocol = websocket({ accepts: 'text', maxMessage: LONGEST, deflate: true });
const opened = await listen({ host, port, protocol }).catch((error: unknown) =>
  stop('websocket-chat', error, USAGE),
);

// From build/examples/ the page is two folders up.
const page = readFileSync(
  fileURLToPath(new URL('../../examples/websocket-chat/page.html', import.meta.url)),
  'utf8',
).replace('PORT', String(opened.address.port));
const pages = createServer((_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
});
pages.on('error', (error) => stop('websocket-chat', error, USAGE));
pages.listen(Number(values['page-port']), host, () => {
  const at = pages.address();
  if (at !== null && typeof at === 'object')
    process.stdout.write(`open http://${host}:${at.port}/\n`);
});

type Client = Connection<unknown, Incoming<WebSocketOptions>, Outgoing>;

await serve(opened, async (server) => {
  const names = new Map<Client, string>();

  const broadcast = (text: string): void => {
    // Not awaited, so that a slow reader delays no other client. If it stays slow, it loses its own connection.
    for (const client of names.keys()) void client.write(text);
  };

  for await (const event of server.events()) {
    const { connection } = event;
    if (event.type === 'close') {
      const name = names.get(connection);
      // A connection that never completed its handshake has no name.
      if (!names.delete(connection)) continue;
      broadcast(`* ${name} left, ${names.size} here`);
    } else if (event.type === 'data') {
      const message = event.data;
      if (typeof message === 'string') broadcast(`${names.get(connection)}: ${message}`);
      else if ('type' in message && message.type === 'open') {
        names.set(connection, `guest ${connection.id}`);
        broadcast(`* ${names.get(connection)} joined, ${names.size} here`);
      }
    }
  }
  pages.close();
  pages.closeAllConnections();
});
