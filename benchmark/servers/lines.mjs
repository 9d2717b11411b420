// Line echo on edgepoll with its default limits. The first argument is the style: events or connection. The second one is the
// time of the deadlines in milliseconds, if it is not the default.

import { listen } from 'edgepoll';
import { announce } from './listening.mjs';

const [style, time] = process.argv.slice(2);
const late = time === undefined ? undefined : Number(time);
const server = await listen({
  host: '127.0.0.1',
  port: 0,
  framing: 'lines',
  firstByteTimeout: late,
  messageTimeout: late,
  sendTimeout: late,
});
process.on('SIGUSR2', () => console.log(`stats ${JSON.stringify(server.stats())}`));
announce(server.address.address, server.address.port, process.pid);

if (style === 'connection') {
  for await (const connection of server) serve(connection).catch(ignoreEnd);
} else {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
  }
}

/** @param {import('edgepoll').Connection} connection */
async function serve(connection) {
  for await (const line of connection) await connection.write(line);
}

/** A hostile client ends its own connection only. `server.stats()` counts why. */
function ignoreEnd() {}
