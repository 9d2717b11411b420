/** The examples with protocols of plug-ins, run as users run them: redis-like in both of its styles, and websocket-chat. */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';
import { connect } from 'edgepoll';
import type { Reply, Request } from 'edgepoll-resp';
import { Push, ReplyError, respClient } from 'edgepoll-resp';
import type { Incoming, Outgoing } from 'edgepoll-websocket';
import { websocket } from 'edgepoll-websocket';

import { dial, receiveAll } from '../support/net.js';
import { run } from '../support/process.js';
import { interrupt, npm, serve } from './serving.js';

const host = '127.0.0.1';

type Client = Connection<unknown, Reply, Request>;
type Chatting = Connection<unknown, Incoming<object>, Outgoing>;

async function enter(t: ExecutionContext, port: number): Promise<Client> {
  const client = await connect({ host, port, protocol: respClient() });
  t.teardown(() => client.destroy());
  return client;
}

async function ask(client: Client, ...request: (string | number)[]): Promise<Reply> {
  await client.write(request);
  return client.read();
}

/** Asks again and again until this reply comes. ava's time limit ends the test if it never does. */
async function until(client: Client, request: string[], reply: Reply): Promise<void> {
  while ((await ask(client, ...request)) !== reply);
}

for (const style of ['connection', 'batches']) {
  const start = ['redis-like', '--style', style];

  test(`redis-like --style ${style}: keys`, async (t) => {
    const running = await serve(t, ...start);
    const client = await enter(t, running.port);
    const requests: [(string | number)[], Reply][] = [
      [['PING'], 'PONG'],
      [['SET', 'key', 'grüezi'], 'OK'],
      [['GET', 'key'], 'grüezi'],
      [['GET', 'none'], null],
      [['INCR', 'count'], 1],
      [['INCRBY', 'count', 41], 42],
      [
        ['MGET', 'key', 'none', 'count'],
        ['grüezi', null, '42'],
      ],
      [['TTL', 'key'], -1],
      [['EXPIRE', 'key', 100], 1],
      [['EXPIRE', 'none', 100], 0],
      [['DEL', 'count', 'none'], 1],
      [['INCR', 'key'], new ReplyError('ERR value is not an integer or out of range')],
      [['GET'], new ReplyError("ERR wrong number of arguments for 'get' command")],
    ];
    for (const [request, reply] of requests) t.deepEqual(await ask(client, ...request), reply);

    // All at once, the replies come in the order of the requests.
    for (const [request] of requests.slice(0, 4)) void client.write(request);
    for (const [, reply] of requests.slice(0, 4)) t.deepEqual(await client.read(), reply);

    t.is(await ask(client, 'PEXPIRE', 'key', 1), 1);
    await until(client, ['GET', 'key'], null);
    await interrupt(t, running);
  });

  test(`redis-like --style ${style}: channels`, async (t) => {
    const running = await serve(t, ...start);
    const [subscriber, publisher] = await Promise.all([
      enter(t, running.port),
      enter(t, running.port),
    ]);
    t.true((await ask(subscriber, 'HELLO', 3)) instanceof Map);
    t.deepEqual(await ask(subscriber, 'SUBSCRIBE', 'news'), new Push(['subscribe', 'news', 1]));
    t.deepEqual(await ask(subscriber, 'PSUBSCRIBE', 'n?ws'), new Push(['psubscribe', 'n?ws', 2]));
    t.is(await ask(publisher, 'PUBLISH', 'news', 'hello'), 2);
    t.deepEqual(await subscriber.read(), new Push(['message', 'news', 'hello']));
    t.deepEqual(await subscriber.read(), new Push(['pmessage', 'n?ws', 'news', 'hello']));
    t.is(await ask(publisher, 'PUBLISH', 'other', 'hello'), 0);
    subscriber.reset();
    await until(publisher, ['PUBLISH', 'news', 'hello'], 0);
    await interrupt(t, running);
  });

  test(`redis-like --style ${style}: a client that sends no RESP ends alone, and nothing runs after QUIT`, async (t) => {
    const running = await serve(t, ...start);
    const client = await enter(t, running.port);
    const wrong = await dial(running.port);
    wrong.write('*1\r\n$4\r\nPING\r\n*1\r\n+x\r\n');
    const { bytes } = await receiveAll(wrong);
    t.is(bytes.toString(), "+PONG\r\n-ERR Protocol error: expected '$', got '+'\r\n");
    const leaving = await dial(running.port);
    leaving.write('QUIT\r\nSET key late\r\n');
    t.is((await receiveAll(leaving)).bytes.toString(), '+OK\r\n');
    t.is(await ask(client, 'GET', 'key'), null);
    await interrupt(t, running);
  });
}

test('redis-like: an unknown style is refused', async (t) => {
  const { code, stdout, stderr } = await run('npm', [...npm, 'redis-like', '--style=x']);
  t.deepEqual({ code, stdout }, { code: 2, stdout: '' });
  t.regex(
    stderr,
    /^redis-like: --style must be connection or batches, not x\nusage: redis-like .*\n$/,
  );
});

test('websocket-chat: the page names the port of the chat, and texts go to all clients', async (t) => {
  const running = await serve(t, 'websocket-chat', '--page-port', '0');
  const line = (await running.child.line()) ?? '';
  const address = /^open (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line)?.[1] ?? '';
  const response = await fetch(address);
  t.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
  t.true((await response.text()).includes(`:${running.port}/`));

  const join = async () => {
    const url = `ws://${host}:${running.port}/`;
    const protocol = websocket({ url, deflate: true });
    const client = await connect({ host, port: running.port, protocol });
    t.teardown(() => client.destroy());
    t.like(await client.read(), { type: 'open', deflate: true });
    return client;
  };
  const first = await join();
  const joined = async (client: Chatting): Promise<[name: string, count: string]> => {
    const [, name = '', count = ''] =
      /^\* (guest \d+) joined, (\d) here$/.exec(await textOf(client)) ?? [];
    return [name, count];
  };
  const [one, alone] = await joined(first);
  t.is(alone, '1');
  const second = await join();
  const [two, both] = await joined(second);
  t.is(both, '2');
  t.is(await first.read(), `* ${two} joined, 2 here`);

  await second.write('grüezi');
  for (const client of [first, second]) t.is(await client.read(), `${two}: grüezi`);

  // What is no text, and what is too long, ends its own connection with a code.
  await second.write(Buffer.from('bytes'));
  t.is(await codeOf(second), 1003);
  t.is(await first.read(), `* ${two} left, 1 here`);
  const third = await join();
  const [three] = await joined(third);
  t.is(await first.read(), `* ${three} joined, 2 here`);
  await third.write('x'.repeat(4097));
  t.is(await codeOf(third), 1009);
  t.is(await first.read(), `* ${three} left, 1 here`);
  t.not(one, two);
  await interrupt(t, running, `open ${address}\n`);
});

/** The next message, which must be a text. */
async function textOf(client: Chatting): Promise<string> {
  const message = await client.read();
  if (typeof message !== 'string') throw new Error(`not a text: ${JSON.stringify(message)}`);
  return message;
}

/** The code of the server's close frame, which is the next message. */
async function codeOf(client: Chatting): Promise<number | undefined> {
  const message = await client.read();
  const isClose = typeof message === 'object' && message !== null && 'code' in message;
  return isClose ? message.code : undefined;
}
