// connection.upgrade(): another protocol or framing on a connection that is open.
import test from 'ava';
import type { Connection } from 'edgepoll';

import {
  dial,
  pairOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';
import { speaking, speakingPair } from './helpers.js';
import type { Said, Written } from './probe.js';
import { plugin, probe } from './probe.js';

type Speaking = Connection<unknown, Said, Written>;

test('lines, then a protocol: what follows the last line is decoded by the protocol', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  await send(peer, 'upgrade\n');
  t.is((await connection.read())?.toString(), 'upgrade');
  const upgraded: Speaking = connection.upgrade(probe());
  t.is(upgraded, connection as unknown as Speaking);
  await send(peer, 'echo one\n');
  t.deepEqual((await upgraded.read())?.texts, ['one']);
  void upgraded.write({ kind: 0, text: 'reply' });
  t.is((await receiveExactly(peer, 6)).toString(), 'reply\n');
  peer.end();
  t.is(await upgraded.read(), null);
});

test('a protocol that has paused leaves its input to the next one', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  await send(peer, 'echo one\npause\necho two\n');
  t.deepEqual((await connection.read())?.texts, ['one']);
  t.is((await connection.read())?.kind, 5);
  const upgraded = connection.upgrade({ framing: 'lines' });
  t.is((await upgraded.read())?.toString(), 'echo two');
  void upgraded.write('plain');
  t.is((await receiveExactly(peer, 6)).toString(), 'plain\n');
  const back = upgraded.upgrade(probe());
  await send(peer, 'echo three\n');
  t.deepEqual((await back.read())?.texts, ['three']);
});

test('one loop goes on over an upgrade', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  await send(peer, 'pause\nfour\nfive\n');
  peer.end();
  const seen: unknown[] = [];
  for await (const value of connection as Connection<unknown, Said | Buffer, Written>) {
    seen.push(Buffer.isBuffer(value) ? value.toString() : value.kind);
    if (seen.length === 1) connection.upgrade({ framing: 'lines' });
  }
  t.deepEqual(seen, [5, 'four', 'five']);
});

test('with events(), unread chunks and messages are counted until they are taken', async (t) => {
  const server = await serverOf(t, { readHighWaterMark: 16_384 });
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  let chunks = 0;
  let messages = 0;
  await send(peer, 'first');
  const count = 5000;
  for await (const event of server.events()) {
    if (event.type === 'data' && chunks === 0) {
      chunks += 1;
      event.connection.upgrade(probe());
      void send(peer, 'echo 0123456789\n'.repeat(count));
    } else if (event.type === 'data') messages += 1;
    if (messages === count) break;
  }
  t.is(messages, count);
});

test('batches go on over an upgrade', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'pause\nfour\nfive\n');
  const seen: string[] = [];
  for await (const batch of server.batches()) {
    for (const message of batch) {
      if (message.fields === 0) {
        seen.push(`kind ${message.kind}`);
        message.connection.upgrade({ framing: 'lines' });
      } else seen.push(message.text(0));
    }
    if (seen.length === 3) break;
  }
  t.deepEqual(seen, ['kind 5', 'four', 'five']);
});

test('an upgraded connection belongs to its server, and ends with it', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  connection.upgrade(probe());
  t.deepEqual([...server.connections], [connection]);
  void connection.read().catch(() => {});
  peer.end();
  await server.close();
  t.is((await received).bytes.toString(), 'bye\n');
});

test('refused: a closed connection, what is neither protocol nor framing, and a call from decode()', async (t) => {
  const { connection } = await pairOf(t);
  for (const to of [null, undefined, 5, 'lines'])
    t.throws(() => connection.upgrade(to as never), { instanceOf: TypeError });
  t.throws(() => connection.upgrade({ framing: 'line' as never }), {
    message: /did you mean 'lines'/,
  });
  t.throws(() => connection.upgrade({ framin: 'lines' } as never), { code: 'ERR_UNKNOWN_OPTION' });
  t.throws(() => connection.upgrade({ ...probe(), native: {} }), { code: 'ERR_INVALID_ARG_TYPE' });
  connection.destroy();
  t.throws(() => connection.upgrade(probe()), { code: 'ERR_CLOSED' });

  const upgrade: { again?: () => unknown } = {};
  const decode = (): unknown => upgrade.again?.();
  const speaker = await speakingPair(t, { ...probe(plugin.probe()), decode });
  upgrade.again = () => speaker.connection.upgrade({ framing: 'lines' });
  await send(speaker.peer, 'echo\n');
  t.is((await rejection(speaker.connection.read())).code, 'ERR_PROTOCOL_FAULT');
});
