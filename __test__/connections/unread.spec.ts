// A connection whose consumer does not read: after a reset, an end() or a failed send it ends within endTimeout.
import test from 'ava';
import type { Connection } from 'edgepoll';

import { bytes } from '../support/bytes.js';
import { eventually } from '../support/eventually.js';
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
} from '../support/net.js';
import type { Socket } from '../support/net.js';
import { reset } from './helpers.js';

/** Sends 20,001 bytes, of which the connection receives one: that is its read watermark. The rest waits in the kernel. */
async function sendAhead(connection: Connection, peer: Socket): Promise<void> {
  await send(peer, 'x');
  await eventually('receiving is paused', () => connection.bytesRead === 1);
  await send(peer, bytes(20_000, 1));
  // The reset that follows would drop what the peer's kernel has not sent by then.
  await delivered(peer);
}

for (const style of ['iterator', 'events'] as const) {
  test(`connections of peers that flood and reset do not stay open, ${style}`, async (t) => {
    const most = 5;
    // Longer than a loaded machine needs from end() to the reset, so that each connection fails by the reset.
    const server = await serverOf(t, {
      endTimeout: 1000,
      maxConnections: most,
      maxConnectionsPerAddress: most,
    });
    const accepted = style === 'events' ? undefined : server[Symbol.asyncIterator]();
    const events = style === 'events' ? server.events() : undefined;
    // events() reads every connection. Here the bytes stay unread because the consumer is busy with a new connection.
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

test('a reset without a reader ends the connection after endTimeout, and received bytes can still be read', async (t) => {
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

test('an ended connection without a reader, whose peer sends nothing more: ETIMEDOUT', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 100 });
  await sendAhead(connection, peer);
  await connection.end('bye');
  t.like((await connection.closed).error, { code: 'ETIMEDOUT', syscall: 'read' });
  const seen = await receiveAll(peer);
  t.is(seen.bytes.toString(), 'bye');
  // The connection closed with unread bytes of the peer, so a reset follows the end (RFC 1122, 4.2.2.13).
  t.like({ fin: seen.fin }, { fin: true });
});

test('a failed send without a reader ends the connection after endTimeout', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 100 });
  await sendAhead(connection, peer);
  await reset(peer);
  t.is((await rejection(connection.write(Buffer.alloc(65_536)))).code, 'ECONNRESET');
  t.like((await connection.closed).error, { code: 'ECONNRESET' });
});

test('a consumer that reads before endTimeout has passed gets everything, however slowly', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1, endTimeout: 30_000 });
  await sendAhead(connection, peer);
  await reset(peer);
  const { bytes: received, error } = await drain(connection);
  t.is(received.length, 20_001);
  t.is(error?.code, 'ECONNRESET');
});
