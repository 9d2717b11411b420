// The npm client `redis` in RESP2 and RESP3. The argument is the server's port.

import assert from 'node:assert';
import { createClient } from 'redis';

for (const version of [2, 3]) {
  const client = createClient({ url: `redis://127.0.0.1:${process.argv[2]}`, RESP: version });
  // Without a listener, a lost connection is tried again and again.
  client.on('error', (error) => {
    throw error;
  });
  await client.connect();
  await client.flushAll();
  assert.strictEqual(await client.set('key', 'grüezi'), 'OK');
  assert.strictEqual(await client.get('key'), 'grüezi');
  assert.strictEqual(await client.get('none'), null);
  assert.strictEqual(await client.expire('key', 100), 1);
  assert.ok((await client.ttl('key')) > 90);
  assert.deepStrictEqual(await client.mGet(['key', 'none']), ['grüezi', null]);
  const long = 'x'.repeat(2 ** 20);
  await client.set('long', long);
  assert.strictEqual(await client.get('long'), long);

  const counts = await Promise.all(Array.from({ length: 5000 }, () => client.incr('count')));
  assert.deepStrictEqual(
    counts,
    Array.from(counts, (_, at) => at + 1),
  );
  assert.strictEqual(await client.del(['key', 'long', 'count', 'none']), 3);
  await assert.rejects(client.sendCommand(['NOSUCH']), /unknown command/);
  assert.strictEqual(await client.ping(), 'PONG');

  const subscriber = client.duplicate();
  await subscriber.connect();
  const messages = [];
  const { promise, resolve } = withResolvers();
  const add = (message, channel) => {
    messages.push(`${channel}: ${message}`);
    if (messages.length === 2) resolve();
  };
  await subscriber.subscribe('news', add);
  await subscriber.pSubscribe('n?ws', add);
  assert.strictEqual(await client.publish('news', 'hello'), 2);
  await promise;
  assert.deepStrictEqual(messages, ['news: hello', 'news: hello']);
  await subscriber.unsubscribe('news');
  await subscriber.pUnsubscribe('n?ws');
  assert.strictEqual(await client.publish('news', 'nobody'), 0);
  await subscriber.close();
  await client.close();
}

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
