// A client by edgepoll-resp, in RESP2 and RESP3. The argument is the port of redis-server.

import assert from 'node:assert';
import { connect } from 'edgepoll';
import { Push, ReplyError, respClient } from 'edgepoll-resp';

const port = Number(process.argv[2]);
const open = (options) => connect({ host: '127.0.0.1', port, protocol: respClient(options) });

for (const version of [2, 3]) {
  const client = await open();
  const ask = async (...request) => {
    await client.write(request);
    return await client.read();
  };
  const hello = await ask('HELLO', version);
  assert.strictEqual(hello instanceof Map, version === 3);
  assert.strictEqual(await ask('FLUSHALL'), 'OK');
  assert.strictEqual(await ask('SET', 'key', 'grüezi'), 'OK');
  assert.strictEqual(await ask('GET', 'key'), 'grüezi');
  assert.strictEqual(await ask('GET', 'none'), null);
  assert.ok((await ask('LPUSH', 'key', 'x')) instanceof ReplyError);
  assert.strictEqual(await ask('RPUSH', 'list', 1, 2n, 'three'), 3);
  assert.deepStrictEqual(await ask('LRANGE', 'list', 0, -1), ['1', '2', 'three']);
  await ask('HSET', 'hash', 'a', '1');
  const hash = await ask('HGETALL', 'hash');
  assert.deepStrictEqual(hash, version === 3 ? new Map([['a', '1']]) : ['a', '1']);
  const long = 'x'.repeat(2 ** 20);
  await ask('SET', 'long', long);
  assert.strictEqual(await ask('GET', 'long'), long);

  // Many at once.
  for (let at = 0; at < 5000; at += 1) void client.write(['INCR', 'count']);
  for (let at = 1; at <= 5000; at += 1) assert.strictEqual(await client.read(), at);

  const subscriber = await open();
  await subscriber.write(['HELLO', version]);
  await subscriber.read();
  await subscriber.write(['SUBSCRIBE', 'news']);
  const values = (message) => (message instanceof Push ? message.values : message);
  assert.deepStrictEqual(values(await subscriber.read()), ['subscribe', 'news', 1]);
  assert.strictEqual(await ask('PUBLISH', 'news', 'hello'), 1);
  const message = await subscriber.read();
  assert.strictEqual(message instanceof Push, version === 3);
  assert.deepStrictEqual(values(message), ['message', 'news', 'hello']);
  for (const each of [client, subscriber]) await each.end();
}

const bytes = await open({ strings: 'bytes' });
await bytes.write(['SET', 'bytes', Buffer.from([0, 255, 13, 10])]);
await bytes.read();
await bytes.end(['GET', 'bytes']);
assert.deepStrictEqual(await bytes.read(), Buffer.from([0, 255, 13, 10]));
assert.strictEqual(await bytes.read(), null);
