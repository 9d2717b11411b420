/**
 * User code that throws in the middle of a server: `throwing LIBRARY PLACE KEEP`, LIBRARY being `net` or a driver.
 * With KEEP `yes` a handler keeps the process, which then has to serve a second client.
 */
import { once } from 'node:events';
import { connect as netConnect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import type { Driver } from 'edgepoll';
import { listen } from 'edgepoll';

const [library, place, keep] = process.argv.slice(2);
let thrown = false;

function thrower(): never {
  throw new TypeError('thrown by the user');
}

/** The same body for both libraries: throws for the first chunk, echoes every other. */
async function serve(
  connection: AsyncIterable<Buffer>,
  write: (chunk: Buffer) => unknown,
): Promise<void> {
  for await (const chunk of connection) {
    if (!thrown) {
      thrown = true;
      if (place === 'loop') thrower();
      if (place === 'microtask') queueMicrotask(thrower);
      if (place === 'tick') process.nextTick(thrower);
    }
    write(chunk);
  }
}

async function start(): Promise<number> {
  if (library === 'net') {
    const server = createServer((socket) => void serve(socket, (chunk) => socket.write(chunk)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }
  const server = await listen({ host: '127.0.0.1', port: 0, driver: library as Driver });
  void (async () => {
    for await (const connection of server) {
      void serve(connection, (chunk) => connection.write(chunk));
    }
  })();
  return server.address.port;
}

const port = await start();
if (keep === 'yes') {
  process.on('uncaughtException', (error, origin) => {
    process.stdout.write(`${origin}: ${String(error)}\n`);
    const second = netConnect(port, '127.0.0.1', () => second.write('still here'));
    second.on('data', (data) => {
      process.stdout.write(`${String(data)}\n`);
      process.exit(0);
    });
  });
}
const client = netConnect(port, '127.0.0.1', () => client.write('x'));
