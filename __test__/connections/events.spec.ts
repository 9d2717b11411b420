// server.events(): the order of each connection's events, how many wait at most, and the end of the iteration.
import test from 'ava';
import type { Connection, Driver, ServerEvent } from 'edgepoll';

import { bytes, numbers, sha256 } from '../support/bytes.js';
import { eventually, rounds } from '../support/eventually.js';
import {
  dial,
  nextOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';

for (const driver of ['uv', 'thread'] satisfies Driver[]) {
  test(`each connection: open, data in order, end, close; driver ${driver}`, async (t) => {
    const server = await serverOf(t, { driver });
    const seen = new Map<Connection, { types: string[]; data: Buffer[] }>();
    const running = (async () => {
      for await (const event of server.events()) {
        const { connection, type } = event;
        if (type === 'open') {
          t.false(seen.has(connection));
          seen.set(connection, { types: [], data: [] });
        }
        const record = seen.get(connection) ?? t.fail(`${type} before open`);
        if (record.types.at(-1) !== type || type !== 'data') record.types.push(type);
        if (type === 'data') record.data.push(event.data);
        if (type === 'close') t.like(event.reason, { cause: 'ended', error: undefined });
      }
    })();
    const next = numbers(3);
    const clients = Array.from({ length: 40 }, async (_, client) => {
      const peer = await dial(server.address.port);
      const message = bytes(1 + Math.floor(next() * 100_000), client + 1);
      const end = receiveAll(peer);
      for (let at = 0; at < message.length; at += 10_007) {
        await send(peer, message.subarray(at, at + 10_007));
      }
      const { localPort } = peer;
      peer.end();
      t.true((await end).fin);
      return [localPort, sha256(message)] as const;
    });
    const expected = await Promise.all(clients);
    await server.close();
    await running;
    const hashes = new Set([...seen.values()].map(({ data }) => sha256(...data)));
    t.deepEqual(hashes, new Set(expected.map(([, hash]) => hash)));
    for (const { types } of seen.values()) t.deepEqual(types, ['open', 'data', 'end', 'close']);
  });
}

test('a reset: data, then close with the error, and no end', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [open, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  t.is(open.type, 'open');
  await send(peer, 'half a mess');
  const data = await nextOf(events);
  peer.resetAndDestroy();
  const close = await nextOf(events);
  t.like(data, { type: 'data', connection: open.connection });
  t.true(close.type === 'close' && close.connection === open.connection);
  if (close.type === 'close')
    t.like(close.reason, { cause: 'failed', error: { code: 'ECONNRESET' } });
});

test('drain comes when the queue has fallen, once for each time that a write had to wait', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  for (let round = 0; round < 3; round += 1) {
    const message = bytes(12 * 1_048_576, round + 1);
    void connection.write(message);
    t.true(connection.bufferedAmount >= 65_536);
    const [event, received] = await Promise.all([
      nextOf(events),
      receiveExactly(peer, message.length),
    ]);
    t.like(event, { type: 'drain', connection });
    t.true(connection.bufferedAmount <= 16_384);
    t.is(sha256(received), sha256(message));
  }
  peer.destroy();
  t.not((await nextOf(events)).type, 'drain');
});

test('a slow consumer: the bytes received ahead of it are bounded per connection', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const opens: Connection[] = [];
  const peers = await Promise.all([1, 2, 3, 4].map(() => dial(server.address.port)));
  for (const _ of peers) opens.push((await nextOf(events)).connection);
  const message = bytes(6 * 1_048_576, 1);
  for (const peer of peers) {
    peer.end(message);
    void receiveAll(peer);
  }
  const bound = 65_536 + 262_144 + 65_536;
  await eventually('every connection receives', () =>
    opens.every(({ bytesRead }) => bytesRead > 32_768),
  );
  await rounds(50);
  for (const { bytesRead } of opens) t.true(bytesRead <= bound, `${bytesRead} bytes ahead`);
  const parts = new Map<Connection, Buffer[]>(opens.map((connection) => [connection, []]));
  for (let closed = 0; closed < peers.length;) {
    const event = await nextOf(events);
    if (event.type === 'data') parts.get(event.connection)?.push(event.data);
    if (event.type === 'close') closed += 1;
  }
  for (const data of parts.values()) t.is(sha256(...data), sha256(message));
});

test('allowHalfOpen true: after the end event the server can still write', async (t) => {
  const server = await serverOf(t, { allowHalfOpen: true });
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  const received = receiveAll(peer);
  peer.end();
  t.is((await nextOf(events)).type, 'end');
  await connection.write('after');
  await connection.end();
  t.is((await received).bytes.toString(), 'after');
  t.like(await nextOf(events), { type: 'close', reason: { cause: 'ended' } });
});

test('leaving the loop destroys the server and its connections', async (t) => {
  const server = await serverOf(t);
  const peers = await Promise.all([1, 2, 3].map(() => dial(server.address.port)));
  const ends = peers.map((peer) => receiveAll(peer));
  let opened = 0;
  for await (const event of server.events()) {
    if (event.type === 'open') opened += 1;
    if (opened === 3) break;
  }
  await server.closed;
  await Promise.all(ends);
  t.is(server.connections.size, 0);
  t.is(server.stats().pending, 0);
  t.true((await server.events().next()).done, 'events that waited are dropped');
  t.is((await rejection(dial(server.address.port))).code, 'ECONNREFUSED');
});

test('a second consumer of the server and read() of a connection are refused', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  t.throws(() => server[Symbol.asyncIterator](), { code: 'ERR_CONSUMED' });
  const [{ connection }] = await Promise.all([nextOf(events), dial(server.address.port)]);
  t.is((await rejection(connection.read())).code, 'ERR_CONSUMED');
  const other = await serverOf(t);
  void other[Symbol.asyncIterator]();
  t.throws(() => other.events(), { code: 'ERR_CONSUMED' });
});

test('events() ends when the server and every connection are closed', async (t) => {
  const server = await serverOf(t);
  const events: ServerEvent['type'][] = [];
  const running = (async () => {
    for await (const { type } of server.events()) events.push(type);
  })();
  const peer = await dial(server.address.port);
  await eventually('it is accepted', () => events.length === 1);
  const closing = server.close();
  await send(peer, 'x');
  peer.end();
  await closing;
  await running;
  t.deepEqual(events, ['open', 'data', 'end', 'close']);
});

test('a connection that is destroyed before the consumer takes its open event: open, then close', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [first] = await Promise.all([nextOf(events), dial(server.address.port)]);
  await dial(server.address.port);
  await eventually('the second is accepted', () => server.connections.size === 2);
  const second = [...server.connections].find((one) => one !== first.connection);
  second?.destroy();
  t.like(await nextOf(events), { type: 'open', connection: second });
  t.like(await nextOf(events), { type: 'close', connection: second });
});

test('events() of a server that is closed already ends at once', async (t) => {
  const server = await serverOf(t);
  await server.close();
  t.true((await server.events().next()).done);
});

test('a connection that the consumer destroys has a close event and none after it', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  await send(peer, bytes(200_000, 1));
  t.is((await nextOf(events)).type, 'data');
  const error = new Error('enough');
  await eventually('more waits', () => connection.bytesRead > 65_536);
  connection.destroy(error);
  const event = await nextOf(events);
  t.like(event, { type: 'close', connection, reason: { cause: 'destroyed', error } });
  const [open] = await Promise.all([nextOf(events), dial(server.address.port)]);
  t.is(open.type, 'open');
});
