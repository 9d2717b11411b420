// The npm client `ioredis` in RESP2 and RESP3. The argument is the server's port.

import assert from 'node:assert';
import { once } from 'node:events';
import { Redis } from 'ioredis';

for (const protocol of [2, 3]) {
  const client = new Redis({ port: Number(process.argv[2]), protocol, retryStrategy: null });
  await client.flushall();
  assert.strictEqual(await client.set('key', 'grüezi', 'EX', 100), 'OK');
  assert.strictEqual(await client.get('key'), 'grüezi');
  assert.strictEqual(await client.get('none'), null);
  assert.ok((await client.ttl('key')) > 90);
  const bytes = Buffer.from('x'.repeat(2 ** 20));
  await client.set('long', bytes);
  assert.ok((await client.getBuffer('long')).equals(bytes));

  const pipeline = client.pipeline();
  for (let at = 0; at < 5000; at += 1) pipeline.incr('count');
  const replies = await pipeline.exec();
  assert.deepStrictEqual(
    replies,
    Array.from(replies, (_, at) => [null, at + 1]),
  );
  assert.strictEqual(await client.del('key', 'long', 'count', 'none'), 3);
  await assert.rejects(client.call('NOSUCH'), /unknown command/);

  const subscriber = client.duplicate();
  await subscriber.subscribe('news');
  const message = once(subscriber, 'message');
  assert.strictEqual(await client.publish('news', 'hello'), 1);
  assert.deepStrictEqual(await message, ['news', 'hello']);
  await subscriber.psubscribe('n?ws');
  await subscriber.unsubscribe('news');
  const matching = once(subscriber, 'pmessage');
  assert.strictEqual(await client.publish('news', 'again'), 1);
  assert.deepStrictEqual(await matching, ['n?ws', 'news', 'again']);
  await Promise.all([subscriber.quit(), client.quit()]);
}
