// Accepting follows the consumer. Without an iterator the server accepts nothing. While connections wait for the consumer, it
// accepts no more than maxPending. At maxConnections it accepts the next one after one closes.
import { readFileSync } from 'node:fs';

import test from 'ava';
import type { Connection } from 'edgepoll';

import { mostDescriptors } from '../support/descriptors.js';
import { eventually, rounds, watch } from '../support/eventually.js';
import {
  dial,
  drain,
  nextOf,
  pairOf,
  receiveAll,
  receiveExactly,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';

/** The number of connections in a listener's backlog, as the kernel counts them. */
function inBacklog(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const pattern = new RegExp(`0100007F:${hex} \\S+ 0A [0-9A-F]{8}:([0-9A-F]{8})`);
  return Number.parseInt(pattern.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1] ?? '-1', 16);
}

function dialMany(port: number, count: number): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => dial(port)));
}

test('without an iterator 500 connections wait in the backlog, then all are served', async (t) => {
  const server = await serverOf(t);
  const { port } = server.address;
  // The kernel limits the backlog, and this process has the descriptors of both ends of each connection.
  const somaxconn = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  const many = Math.min(500, somaxconn, Math.floor((mostDescriptors() - 400) / 2));
  if (many < 500) t.log(`${many} connections: this machine allows no more`);
  const peers = await dialMany(port, many);
  await rounds();
  t.like(server.stats(), { accepted: 0, open: 0, pending: 0 });
  t.is(inBacklog(port), many);
  const replies = peers.map(async (peer, index) => {
    await send(peer, `${index}`);
    return (await receiveExactly(peer, `${index}`.length)).toString();
  });
  const accepted = server[Symbol.asyncIterator]();
  for (let count = 0; count < many; count += 1) {
    const connection = await nextOf(accepted);
    void (async () => {
      for await (const chunk of connection) await connection.write(chunk);
    })();
  }
  t.deepEqual(
    await Promise.all(replies),
    peers.map((_, index) => `${index}`),
  );
  t.is(server.stats().accepted, many);
  for (const peer of peers) peer.end().resume();
  await server.close();
});

test('maxPending: at most this number of accepted connections wait for the consumer', async (t) => {
  const server = await serverOf(t, { maxPending: 10 });
  const { port } = server.address;
  const accepted = server[Symbol.asyncIterator]();
  const peers = await dialMany(port, 100);
  await eventually('the window is full', () => server.stats().pending === 10);
  await rounds();
  t.like(server.stats(), { accepted: 10, pending: 10, open: 10 });
  t.is(inBacklog(port), 90);
  const served = new Set<number | undefined>();
  for (let count = 0; count < 100; count += 1) {
    served.add((await nextOf(accepted)).remoteAddress?.port);
    t.true(server.stats().pending <= 10);
  }
  t.deepEqual(served, new Set(peers.map(({ localPort }) => localPort)));
  for (const peer of peers) peer.destroy();
});

test('maxPending: events() without next() accepts no more either', async (t) => {
  const server = await serverOf(t, { maxPending: 10 });
  const events = server.events();
  const peers = await dialMany(server.address.port, 50);
  await eventually('the window is full', () => server.stats().pending === 10);
  await rounds();
  t.is(server.stats().accepted, 10);
  for (let count = 0; count < 50; count += 1) t.is((await nextOf(events)).type, 'open');
  t.is(server.stats().accepted, 50);
  for (const peer of peers) peer.destroy();
});

test('maxConnections 3: the fourth is served after one closes, however it closes', async (t) => {
  const server = await serverOf(t, { maxConnections: 3, maxConnectionsPerAddress: 3 });
  const accepted = server[Symbol.asyncIterator]();
  const endings: ((connection: Connection, peer: Socket) => unknown)[] = [
    (connection) => connection.destroy(),
    (connection) => connection.destroy(new Error('out')),
    (_, peer) => peer.resetAndDestroy(),
    (_, peer) => peer.end(),
    (connection, peer) => {
      void connection.end();
      peer.end();
    },
  ];
  const open: [Connection, Socket][] = [];
  const enter = async (): Promise<void> => {
    const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
    t.is(connection.remoteAddress?.port, peer.localPort);
    // How the connection ends is not checked here, only that its place becomes free.
    void drain(connection);
    void receiveAll(peer);
    open.push([connection, peer]);
  };
  for (let count = 0; count < 3; count += 1) await enter();
  for (let round = 0; round < 30; round += 1) {
    const fourth = await dial(server.address.port);
    const served = nextOf(accepted);
    const waiting = watch(served);
    await rounds(5);
    t.false(waiting.fulfilled);
    t.is(server.connections.size, 3);
    const [connection, peer] = open.shift() ?? t.fail();
    endings[round % endings.length]?.(connection, peer);
    const next = await served;
    t.is(next.remoteAddress?.port, fourth.localPort);
    t.true(server.connections.size <= 3);
    await connection.closed;
    void drain(next);
    void receiveAll(fourth);
    open.push([next, fourth]);
  }
  for (const [, peer] of open) peer.destroy();
});

test('a server that is closed ends its iterator, and resets the connections in the backlog', async (t) => {
  const server = await serverOf(t);
  const peers = await dialMany(server.address.port, 50);
  const ends = peers.map((peer) => receiveAll(peer));
  await server.close();
  for (const { error } of await Promise.all(ends)) t.is(error?.code, 'ECONNRESET');
  t.true((await server[Symbol.asyncIterator]().next()).done);
});

test('leaving the loop closes the server and keeps its connections open', async (t) => {
  const server = await serverOf(t);
  const { port } = server.address;
  const dialled = dial(port);
  let kept: Connection | undefined;
  for await (const connection of server) {
    kept = connection;
    break;
  }
  const peer = await dialled;
  await t.throwsAsync(dial(port), { code: 'ECONNREFUSED' });
  await send(peer, 'still here');
  t.is((await kept?.read())?.toString(), 'still here');
  t.is(server.connections.size, 1);
  peer.destroy();
  kept?.destroy();
  await server.closed;
});

test('server.close() waits for its connections, and destroys them at its timeout', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  const reading = drain(connection);
  const closing = server.close();
  await send(peer, 'still served');
  peer.end();
  t.is((await reading).bytes.toString(), 'still served');
  await closing;
  const late = await pairOf(t);
  await late.server.close({ timeout: 50 });
  t.is((await late.connection.closed).cause, 'destroyed');
});

test('disposing of a server stops listening, and waits for its connections', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  const disposed = server[Symbol.asyncDispose]();
  const state = watch(disposed);
  await t.throwsAsync(dial(server.address.port), { code: 'ECONNREFUSED' });
  t.false(state.fulfilled);
  peer.end();
  t.is(await connection.read(), null);
  await disposed;
  t.is(server.connections.size, 0);
});

for (const style of ['connections', 'events'] as const) {
  test(`memory: a closed connection that the consumer took can be collected, ${style}`, async (t) => {
    const server = await serverOf(t);
    const { port } = server.address;
    // The connection waits before the consumer calls next(). One that is handed over at once is never in the queue.
    const accepted = style === 'connections' ? server[Symbol.asyncIterator]() : undefined;
    const events = style === 'events' ? server.events() : undefined;
    const take = async (): Promise<WeakRef<Connection>> => {
      const peer = await dial(port);
      await eventually('it waits', () => server.stats().pending === 1);
      peer.resetAndDestroy();
      await eventually('it is over', () => server.stats().open === 0);
      if (accepted !== undefined) return new WeakRef(await nextOf(accepted));
      if (events === undefined) return t.fail('no consumer');
      const { connection } = await nextOf(events);
      t.is((await nextOf(events)).type, 'close');
      return new WeakRef(connection);
    };
    const taken = await take();
    await eventually('it is collected', () => {
      globalThis.gc?.();
      return taken.deref() === undefined;
    });
    server.destroy();
    t.pass();
  });
}
