// RESP and WebSocket between a server and a client of this process. Prints `protocols ok`.

import { deepStrictEqual } from 'node:assert';
import { connect, listen } from 'edgepoll';
import { OK, resp, respClient } from 'edgepoll-resp';
import { websocket } from 'edgepoll-websocket';

const host = '127.0.0.1';

await overResp();
await overWebSocket();
console.log('protocols ok');

async function overResp() {
  const values = new Map();
  const server = await listen({ port: 0, host, protocol: resp() });
  const serve = async () => {
    for await (const { type, connection, data } of server.events()) {
      if (type !== 'data') continue;
      const [key, value] = data.args;
      if (data.name === 'SET') values.set(key, value);
      void connection.write(data.name === 'SET' ? OK : (values.get(key) ?? null));
    }
  };
  const served = serve();
  const client = await connect({ port: server.address.port, host, protocol: respClient() });
  void client.write(['SET', 'key', 'größe']);
  void client.write(['GET', 'other']);
  await client.end(['GET', 'key']);
  deepStrictEqual(await all(client), ['OK', null, 'größe']);
  await server.close();
  await served;
}

async function overWebSocket() {
  const server = await listen({ port: 0, host, protocol: websocket({ deflate: true }) });
  const serve = async () => {
    for await (const { type, connection, data } of server.events()) {
      if (type !== 'data' || (typeof data !== 'string' && !Buffer.isBuffer(data))) continue;
      void connection.write(data);
      if (typeof data !== 'string') void connection.end();
    }
  };
  const served = serve();
  const { port } = server.address;
  const protocol = websocket({ url: `ws://${host}:${port}/`, deflate: true });
  const client = await connect({ port, host, protocol });
  const text = 'größe '.repeat(1000);
  const came = [];
  for await (const message of client) {
    came.push(typeof message === 'string' || Buffer.isBuffer(message) ? message : message.type);
    if (message.type !== 'open') continue;
    void client.write(text);
    void client.write(new Uint8Array([0, 255]));
  }
  deepStrictEqual(came, ['open', text, Buffer.from([0, 255]), 'close']);
  await server.close();
  await served;
}

async function all(iterable) {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
}
