// A connection that nobody reads ends all the same, once it is about to: it does not keep its place for ever.
import test from 'ava';
import type { Connection } from 'edgepoll';

import { bytes } from './support/bytes.js';
import { eventually } from './support/eventually.js';
import {
  delivered,
  dial,
  drain,
  nextOf,
  pairOf,
  receiveAll,
  rejection,
  send,
  serverOf,
} from './support/net.js';
import type { Socket } from './support/net.js';

/** Resets, and resolves when the other side must know of it. */
function reset(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.resetAndDestroy();
  });
}

/** Sends so much that a byte of it is received, which is enough, and the rest waits in our kernel. */
async function sendAhead(connection: Connection, peer: Socket): Promise<void> {
  await send(peer, 'x');
  await eventually('receiving is paused', () => connection.bytesRead === 1);
  await send(peer, bytes(20_000, 1));
  // What the peer's kernel still had would go with a reset.
  await delivered(peer);
}

for (const style of ['iterator', 'events'] as const) {
  test(`peers that flood and reset do not keep their places, ${style}`, async (t) => {
    const most = 5;
    const server = await serverOf(t, { endTimeout: 100, maxConnections: most });
    const accepted = style === 'events' ? undefined : server[Symbol.asyncIterator]();
    const events = style === 'events' ? server.events() : undefined;
    // With events() the bytes are taken, too: what is unread then waits for a consumer who is busy with a new connection.
    const next = async (): Promise<Connection> => {
      if (accepted !== undefined) return nextOf(accepted);
      for (;;) {
        const { type, connection } = await nextOf(events as NonNullable<typeof events>);
        if (type === 'open') return connection;
      }
    };
    const closed: Promise<{ error: Error | undefined }>[] = [];
    for (let count = 0; count < most; count += 1) {
      const peer = await dial(server.address.port);
      const connection = await next();
      closed.push(connection.closed);
      void connection.end('now');
      await send(peer, bytes(300_000, count + 1));
      await reset(peer);
    }
    const peer = await dial(server.address.port);
    t.teardown(() => peer.destroy());
    const connection = await next();
    await connection.end('now');
    t.is((await receiveAll(peer)).bytes.toString(), 'now');
    for (const { error } of await Promise.all(closed)) {
      t.true(['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException)?.code ?? ''));
    }
    t.is(server.stats().accepted, most + 1);
  });
}

test('a reset while nobody reads is told after endTimeout, and what was received can be read', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 100 });
  await sendAhead(connection, peer);
  await reset(peer);
  const { cause, error } = await connection.closed;
  t.like(
    { cause, code: (error as NodeJS.ErrnoException).code },
    { cause: 'failed', code: 'ECONNRESET' },
  );
  const { bytes: received, error: thrown } = await drain(connection);
  t.is(received.toString(), 'x');
  t.is(thrown, error as NodeJS.ErrnoException);
});

test('an ended connection whose peer says nothing more and that nobody reads: ETIMEDOUT', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 100 });
  await sendAhead(connection, peer);
  await connection.end('bye');
  t.like((await connection.closed).error, { code: 'ETIMEDOUT', syscall: 'read' });
  const seen = await receiveAll(peer);
  t.is(seen.bytes.toString(), 'bye');
  // It has bytes of its own that nobody read (RFC 1122, 4.2.2.13).
  t.like({ fin: seen.fin }, { fin: true });
});

test('a failed send while nobody reads is over after endTimeout', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 100 });
  await sendAhead(connection, peer);
  await reset(peer);
  t.is((await rejection(connection.write(Buffer.alloc(65_536)))).code, 'ECONNRESET');
  t.like((await connection.closed).error, { code: 'ECONNRESET' });
});

test('whoever reads before endTimeout has passed gets everything, slowly too', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 30_000 });
  await sendAhead(connection, peer);
  await reset(peer);
  const { bytes: received, error } = await drain(connection);
  t.is(received.length, 20_001);
  t.is(error?.code, 'ECONNRESET');
});
