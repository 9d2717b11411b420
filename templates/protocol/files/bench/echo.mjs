// What a message costs a server: CPU time and all time, with the protocol and, to compare, with bare chunks of the same bytes. The
// client is a process of its own. node bench/echo.mjs [BYTES]

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { connect, listen } from 'edgepoll';
import { protocolName } from 'edgepoll-protocol-name';

const host = '127.0.0.1';
const messages = 200_000;
const atOnce = 100;

const [first, ...others] = process.argv.slice(2);
if (first === 'client') await sendAll(...others.map(Number));
else await main(Number(first ?? 64));

async function main(bytes) {
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > 1_000_000) {
    console.error('bench: the argument is a number of bytes, at most 1,000,000');
    process.exit(2);
  }
  for (let round = 1; round <= 3; round += 1) {
    await measure(bytes, 'protocol-name', { protocol: protocolName() });
    await measure(bytes, 'bare chunks', {});
  }
}

/** Sends back what comes, until the client ends. */
async function measure(bytes, name, options) {
  const server = await listen({ port: 0, host, ...options });
  fork(fileURLToPath(import.meta.url), ['client', server.address.port, bytes]);
  let began, used;
  for await (const event of server.events()) {
    if (event.type === 'open') {
      began = performance.now();
      used = process.cpuUsage();
    } else if (event.type === 'data') void event.connection.write(event.data);
    else if (event.type === 'close') break;
  }
  const { user, system } = process.cpuUsage(used);
  const cpu = ((user + system) / messages).toFixed(2);
  const all = (((performance.now() - began) * 1000) / messages).toFixed(2);
  console.log(`${name}: for each message ${cpu} µs of CPU time, ${all} µs in all`);
  await server.close();
}

/** The client writes some messages at once and waits for the answers. It speaks the protocol in either case. */
async function sendAll(port, bytes) {
  const connection = await connect({ port, host, protocol: protocolName() });
  const message = { topic: 'bench', payload: Buffer.alloc(bytes, 'x') };
  for (let sent = 0; sent < messages; sent += atOnce) {
    for (let index = 0; index < atOnce; index += 1) void connection.write(message);
    for (let index = 0; index < atOnce; index += 1) await connection.read();
  }
  await connection.end();
}
