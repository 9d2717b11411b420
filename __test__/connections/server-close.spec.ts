// server.close(): it ends idle connections at once and busy ones as soon as they are idle. It cuts no reply short and does not
// wait for idle peers. Most tests leave close() its default timeout of 30 seconds: it would destroy the connections and so fail
// the test.
import test from 'ava';
import type { Connection, Server } from 'edgepoll';
import { connect } from 'edgepoll';

import { eventually, rounds } from '../support/eventually.js';
import {
  dial,
  nextOf,
  pairOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';

/** Answers each chunk, by an iterator per connection. */
async function byConnection(
  server: Server,
  answer: (chunk: Buffer, connection: Connection) => Promise<void>,
): Promise<void> {
  const one = async (connection: Connection): Promise<void> => {
    for await (const chunk of connection) await answer(chunk, connection);
  };
  const all: Promise<void>[] = [];
  for await (const connection of server) all.push(one(connection));
  await Promise.all(all);
}

async function byEvents(
  server: Server,
  answer: (chunk: Buffer, connection: Connection) => Promise<void>,
): Promise<void> {
  for await (const event of server.events())
    if (event.type === 'data') await answer(event.data, event.connection);
}

for (const [style, serve] of Object.entries({ byConnection, byEvents })) {
  test(`${style}: idle connections are ended at once, and close() resolves after their peers have ended`, async (t) => {
    const server = await serverOf(t);
    const serving = serve(server, (chunk, connection) => connection.write(chunk));
    const peers = await Promise.all([1, 2, 3].map(() => dial(server.address.port)));
    const [first] = peers;
    if (first === undefined) throw new Error('no peer');
    // The server has answered the first peer. The other two have sent nothing.
    await send(first, 'x');
    await receiveExactly(first, 1);
    await eventually(
      'all are accepted',
      () => server.stats().open === 3 && server.stats().pending === 0,
    );
    const closing = server.close();
    for (const peer of peers) {
      t.deepEqual(await receiveAll(peer), { bytes: Buffer.alloc(0), fin: true, error: undefined });
      peer.end();
    }
    await closing;
    await serving;
  });

  test(`${style}: a busy connection answers first, and is ended then`, async (t) => {
    const server = await serverOf(t);
    let answered!: () => void;
    const mayAnswer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    let hasQuestion = false;
    const serving = serve(server, async (chunk, connection) => {
      hasQuestion = true;
      await mayAnswer;
      await connection.write(`answer to ${String(chunk)}`);
    });
    const peer = await dial(server.address.port);
    await send(peer, 'question');
    await eventually('the question is there', () => hasQuestion);
    const closing = server.close();
    await rounds();
    t.is(server.connections.size, 1);
    answered();
    const { bytes, fin } = await receiveAll(peer);
    t.is(bytes.toString(), 'answer to question');
    t.true(fin);
    peer.end();
    await closing;
    await serving;
  });

  test(`${style}: bytes queued for a slow peer are all sent before the end`, async (t) => {
    const long = Buffer.alloc(2 ** 25, 'long ');
    const server = await serverOf(t, { maxBufferedAmount: 2 ** 26 });
    let isAnswered = false;
    const serving = serve(server, (_chunk, connection) => {
      // Not awaited, so the consumer waits for the next chunk while the send queue is long.
      void connection.write(long);
      isAnswered = true;
      return Promise.resolve();
    });
    const peer = await dial(server.address.port);
    await send(peer, 'question');
    await eventually('the answer is queued', () => isAnswered);
    const [connection] = [...server.connections];
    const closing = server.close();
    await rounds();
    t.true((connection?.bufferedAmount ?? 0) > 0);
    // The server has not ended the connection yet, so a write is still taken.
    void connection?.write('more');
    const { bytes, fin } = await receiveAll(peer);
    t.true(bytes.equals(Buffer.concat([long, Buffer.from('more')])));
    t.true(fin);
    peer.end();
    await closing;
    await serving;
  });

  test(`${style}: a paused connection is not idle until it is resumed`, async (t) => {
    const server = await serverOf(t);
    let paused: Connection | undefined;
    const serving = serve(server, (_chunk, connection) => {
      paused = connection.pause();
      return Promise.resolve();
    });
    const peer = await dial(server.address.port);
    await send(peer, 'question');
    await eventually('it is paused', () => paused !== undefined);
    const closing = server.close();
    await rounds();
    await paused?.write('late answer');
    paused?.resume();
    const { bytes, fin } = await receiveAll(peer);
    t.is(bytes.toString(), 'late answer');
    t.true(fin);
    peer.end();
    await closing;
    await serving;
  });

  test(`${style}: lines that arrived together are all answered, though the reactor needs several turns for them`, async (t) => {
    const questions = 1000;
    const server = await serverOf(t, { framing: 'lines' });
    let closing: Promise<void> | undefined;
    const refused: string[] = [];
    const serving = serve(server, (line, connection) => {
      closing ??= server.close();
      // Not awaited, so the consumer waits for the next line before the reactor hands it over.
      void connection
        .write(`to ${String(line)}`)
        .catch((error: Error) => refused.push(String(error)));
      return Promise.resolve();
    });
    const peer = await dial(server.address.port);
    const numbers = Array.from({ length: questions }, (_, number) => number);
    await send(peer, numbers.map((number) => `${number}\n`).join(''));
    const { bytes, fin } = await receiveAll(peer);
    t.deepEqual(refused, []);
    t.is(bytes.toString(), numbers.map((number) => `to ${number}\n`).join(''));
    t.true(fin);
    peer.end();
    await closing;
    await serving;
  });

  test(`${style}: bytes that the peer still sends are read up to its end`, async (t) => {
    const server = await serverOf(t);
    const chunks: string[] = [];
    const serving = serve(server, (chunk) => {
      chunks.push(String(chunk));
      return Promise.resolve();
    });
    const peer = await dial(server.address.port);
    await eventually('it is accepted', () => server.stats().open === 1);
    const closing = server.close();
    t.true((await receiveAll(peer)).fin);
    peer.end('last words');
    await closing;
    await serving;
    t.is(chunks.join(''), 'last words');
  });

  test(`${style}: graceful false: every connection is destroyed at once`, async (t) => {
    const server = await serverOf(t);
    const serving = serve(server, () => Promise.resolve());
    const peer = await dial(server.address.port);
    await eventually(
      'it is accepted',
      () => server.stats().pending === 0 && server.stats().open === 1,
    );
    const [connection] = [...server.connections];
    await server.close({ graceful: false });
    t.is((await connection?.closed)?.cause, 'destroyed');
    await serving;
    peer.destroy();
  });
}

test('a connection without a consumer is not idle: it is destroyed at the timeout', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  await server.close({ timeout: 20 });
  t.is((await connection.closed).cause, 'destroyed');
  peer.destroy();
});

test('a second close() with graceful false destroys the connections that the first waits for', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  const closing = server.close();
  await server.close({ graceful: false });
  await closing;
  t.is((await connection.closed).cause, 'destroyed');
  peer.destroy();
});

test('connections that wait for their consumer are served and ended', async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  const client = connect({ host: '127.0.0.1', port: server.address.port });
  const first = await nextOf(accepted);
  first.destroy();
  (await client).destroy();
  const peer = await dial(server.address.port);
  await eventually('it waits', () => server.stats().pending === 1);
  const closing = server.close();
  const connection = await nextOf(accepted);
  await send(peer, 'question');
  t.is(String(await connection.read()), 'question');
  await connection.write('answer');
  const reading = connection.read();
  const { bytes, fin } = await receiveAll(peer);
  t.is(bytes.toString(), 'answer');
  t.true(fin);
  peer.end();
  t.is(await reading, null);
  await closing;
});

test('bad options of close() close nothing', async (t) => {
  const server = await serverOf(t);
  t.true((await rejection(server.close({ graceful: 'yes' as never }))) instanceof TypeError);
  (await dial(server.address.port)).destroy();
});
