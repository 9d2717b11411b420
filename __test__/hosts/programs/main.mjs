// An echo server and a client of it in one process, and an object of edgepoll/fd. Prints one line, with the addons that the process has
// mapped, and ends by itself.
import { readFileSync } from 'node:fs';
import { connect, listen } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

async function serve(server) {
  for await (const connection of server) {
    for await (const chunk of connection) await connection.write(chunk);
  }
}

async function main() {
  const server = await listen({ host: '127.0.0.1', port: 0 });
  const served = serve(server);
  const client = await connect({ host: '127.0.0.1', port: server.address.port });
  await client.end('hello');
  const chunks = [];
  for await (const chunk of client) chunks.push(chunk);
  await server.close();
  await served;
  const counter = eventfd();
  counter.write(3);
  const count = Number(counter.read());
  counter.close();
  const addons = new Set(readFileSync('/proc/self/maps', 'utf8').match(/\/\S*\.node\b/g));
  const echo = Buffer.concat(chunks).toString();
  console.log(JSON.stringify({ echo, count, addons: [...addons] }));
}

void main();
