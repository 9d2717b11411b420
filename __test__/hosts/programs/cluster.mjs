// Two workers of node:cluster listen on one port. The first process connects until both have answered, and prints one line.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { connect, listen } from 'edgepoll';

const host = '127.0.0.1';
/** The kernel spreads connections over the workers, so one of them is hardly ever left out so often. */
const mostTries = 1000;

async function answerer(port) {
  const connection = await connect({ host, port });
  const chunks = [];
  for await (const chunk of connection) chunks.push(chunk);
  await connection.end();
  return Buffer.concat(chunks).toString();
}

async function work() {
  const server = await listen({ host, port: Number(process.env.PORT), reusePort: true });
  process.once('disconnect', () => void server.close());
  process.send(server.address.port);
  for await (const connection of server) void connection.end(`${process.pid}`);
}

async function lead() {
  const first = cluster.fork({ PORT: 0 });
  const [port] = await once(first, 'message');
  const second = cluster.fork({ PORT: port });
  await once(second, 'message');
  const answered = new Set();
  for (let tries = 0; answered.size < 2 && tries < mostTries; tries += 1)
    answered.add(await answerer(port));
  const exits = [once(first, 'exit'), once(second, 'exit')];
  cluster.disconnect();
  const codes = (await Promise.all(exits)).map(([code]) => code);
  console.log(JSON.stringify({ answered: answered.size, codes }));
}

void (cluster.isPrimary ? lead() : work());
