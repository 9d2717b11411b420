// A test file for Node.js's own test runner.
import { strictEqual } from 'node:assert';
import test from 'node:test';
import { connect, listen } from 'edgepoll';

test('echo', async () => {
  const server = await listen({ host: '127.0.0.1', port: 0 });
  const client = await connect({ host: '127.0.0.1', port: server.address.port });
  await client.end('hello');
  for await (const connection of server) {
    for await (const chunk of connection) await connection.write(chunk);
    break;
  }
  const chunks = [];
  for await (const chunk of client) chunks.push(chunk);
  strictEqual(Buffer.concat(chunks).toString(), 'hello');
  await server.close();
});
