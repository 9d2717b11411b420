// WebSocket echo on edgepoll. The first argument is the style: events or connection.

import { listen } from 'edgepoll';
import { websocket } from 'edgepoll-websocket';
import { announce } from './listening.mjs';

const server = await listen({ host: '127.0.0.1', port: 0, protocol: websocket() });
announce(server.address.address, server.address.port, process.pid);

/** @param {unknown} data @returns {data is string | Buffer} */
const isMessage = (data) => typeof data === 'string' || data instanceof Uint8Array;

if (process.argv[2] === 'connection') {
  for await (const connection of server) serve(connection).catch(ignoreEnd);
} else {
  for await (const event of server.events()) {
    if (event.type === 'data' && isMessage(event.data)) void event.connection.write(event.data);
  }
}

/** @param {import('edgepoll').Connection<unknown, import('edgepoll-websocket').Incoming<{}>, import('edgepoll-websocket').Outgoing>} connection */
async function serve(connection) {
  for await (const message of connection) if (isMessage(message)) await connection.write(message);
}

/** The load ends its connections without a close frame. @param {import('edgepoll').EdgepollError} error */
function ignoreEnd(error) {
  if (error.protocolNumber !== 1006) console.error(`connection failed: ${error.message}`);
}
