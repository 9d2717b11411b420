// A test file for test runners that have `test` and `expect` as globals.
import { connect, listen } from 'edgepoll';

async function serve(server) {
  for await (const connection of server) {
    for await (const chunk of connection) await connection.write(chunk);
  }
}

test('echo', async () => {
  const server = await listen({ host: '127.0.0.1', port: 0 });
  const served = serve(server);
  const client = await connect({ host: '127.0.0.1', port: server.address.port });
  await client.end('hello');
  const chunks = [];
  for await (const chunk of client) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('hello');
  await server.close();
  await served;
});
