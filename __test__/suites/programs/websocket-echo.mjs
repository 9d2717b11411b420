// A WebSocket server that sends each message back. The first argument is the style: events or connection. A message that begins
// with `report ` is printed too.

import { listen } from 'edgepoll';
import { websocket } from 'edgepoll-websocket';

const server = await listen({
  host: '127.0.0.1',
  port: 0,
  // Autobahn sends messages of 16 MiB, and the answers to some at once.
  maxBufferedAmount: 64 * 2 ** 20,
  protocol: websocket({ maxMessage: 32 * 2 ** 20, deflate: { threshold: 0 } }),
});
process.on('SIGTERM', () => server.destroy());
console.log(`listening on 127.0.0.1:${server.address.port} pid ${process.pid}`);

const isMessage = (data) => typeof data === 'string' || data instanceof Uint8Array;

if (process.argv[2] === 'events') {
  for await (const { type, connection, data, error } of server.events()) {
    if (type === 'data' && isMessage(data)) echo(connection, data);
    else if (type === 'close') check(error);
  }
} else {
  for await (const connection of server) void serve(connection).catch(check);
}

async function serve(connection) {
  for await (const message of connection) if (isMessage(message)) await echo(connection, message);
}

function echo(connection, message) {
  if (typeof message === 'string' && message.startsWith('report ')) console.log(message);
  return connection.write(message);
}

/** Clients break the rules on purpose. What is not their fault goes to stderr, which must stay empty. */
function check(error) {
  const expected = [
    undefined,
    'ECONNRESET',
    'EPIPE',
    'ERR_FRAME_TOO_LONG',
    'ERR_FRAME_TRUNCATED',
    'ERR_MALFORMED',
    'ERR_PROTOCOL_REFUSED',
    // A close frame behind the message ends the connection before the echo is written.
    'ERR_WRITE_AFTER_END',
  ];
  if (!expected.includes(error?.code)) console.error(error);
}
