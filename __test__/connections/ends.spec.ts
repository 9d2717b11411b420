// end(), destroy() and leaving the loop: a graceful end loses no written bytes, every promise settles once, and no rejection
// goes unhandled.
import { once } from 'node:events';

import test from 'ava';
import type { Connection } from 'edgepoll';
import { connect } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { mostDescriptors } from '../support/descriptors.js';
import { eventually, rounds, watch } from '../support/eventually.js';
import {
  netServer,
  nextOf,
  pairOf,
  receiveAll,
  rejection,
  send,
  serverOf,
} from '../support/net.js';

const MIB = 1_048_576;

test('end() flushes 8 MiB to a slow reader before FIN', async (t) => {
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: 16 * MIB });
  const message = bytes(8 * MIB, 1);
  const written = connection.write(message);
  const ended = connection.end();
  const flushed = watch(ended);
  const parts: Buffer[] = [];
  for (let missing = message.length; missing > 0;) {
    const part = peer.read() as Buffer | null;
    if (part === null) {
      await once(peer, 'readable');
      continue;
    }
    parts.push(part);
    missing -= part.length;
    if (connection.bufferedAmount > 0) t.false(flushed.fulfilled);
    await rounds(1);
  }
  t.is(sha256(...parts), sha256(message));
  await written;
  await ended;
  const last = await receiveAll(peer);
  t.true(last.fin);
  t.is(last.bytes.length, 0);
  t.is(connection.bytesWritten, message.length);
});

test('end(data) sends the data, and ending twice is one end', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  const ends = [connection.end('bye'), connection.end(), connection.end()];
  await Promise.all(ends);
  t.is((await received).bytes.toString(), 'bye');
  await connection.end();
  peer.end();
  t.is(await connection.read(), null);
  t.is((await connection.closed).cause, 'ended');
  await connection.end();
});

test('more connections end at once than one batch reports: each has ended, none is destroyed', async (t) => {
  // A batch has 1,024 records. Each connection needs two descriptors, and the process has others.
  const count = 1100;
  const most = mostDescriptors();
  if (most < 2 * count + 300) {
    t.log(`skipped: this process may have ${most} descriptors`);
    t.pass();
    return;
  }
  const server = await serverOf(t, {
    allowHalfOpen: true,
    backlog: 2 * count,
    maxConnections: count,
    maxConnectionsPerAddress: count,
  });
  const { port } = server.address;
  const accepted = server[Symbol.asyncIterator]();
  const connections: Connection[] = [];
  for (let round = 0; round < count; round += 1) {
    const [connection, peer] = await Promise.all([
      nextOf(accepted),
      connect({ host: '127.0.0.1', port }),
    ]);
    t.teardown(() => peer.destroy());
    await peer.end();
    t.is(await connection.read(), null);
    connections.push(connection);
  }
  // end() closes each of them in the core. destroy() must find that before it reports its own cause.
  for (const connection of connections) void connection.end();
  for (const connection of connections.toReversed()) connection.destroy();
  const causes = await Promise.all(connections.map(async ({ closed }) => (await closed).cause));
  t.deepEqual(new Set(causes), new Set(['ended']));
});

test('small writes before end() are not overtaken by it', async (t) => {
  const { connection, peer } = await pairOf(t);
  for (let count = 0; count < 100; count += 1) void connection.write(`${count} `);
  void connection.write(bytes(10_000, 2));
  void connection.write('last');
  await connection.end();
  const expected = Array.from({ length: 100 }, (_, count) => `${count} `).join('');
  const { bytes: got } = await receiveAll(peer);
  t.is(got.subarray(0, expected.length).toString(), expected);
  t.is(got.subarray(expected.length, -4).compare(bytes(10_000, 2)), 0);
  t.is(got.subarray(-4).toString(), 'last');
});

test('a write after end() rejects with ERR_WRITE_AFTER_END and sends nothing', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  void connection.end('all');
  for (const data of ['late', Buffer.alloc(100_000), '']) {
    // The first of each is not awaited: no unhandled rejection may come of it.
    void connection.write(data);
    t.is((await rejection(connection.write(data))).code, 'ERR_WRITE_AFTER_END');
  }
  t.is((await rejection(connection.end('late'))).code, 'ERR_WRITE_AFTER_END');
  t.is((await received).bytes.toString(), 'all');
});

test('a write after a clean close rejects with ERR_CLOSED', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  peer.end();
  t.is(await connection.read(), null);
  t.true((await received).fin);
  await connection.closed;
  void connection.write('late');
  t.is((await rejection(connection.write('late'))).code, 'ERR_CLOSED');
  t.is((await rejection(connection.end('late'))).code, 'ERR_CLOSED');
});

test('destroy(error): reads, writes and closed give that error', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  const error = new Error('mine');
  const waiting = connection.read();
  connection.destroy(error);
  t.is(await rejection(waiting), error);
  t.is(await rejection(connection.write('x')), error);
  t.is(await connection.read(), null);
  t.like(await connection.closed, { cause: 'destroyed', error });
  connection.destroy(new Error('too late'));
  t.is((await connection.closed).error, error);
  await received;
  t.true(peer.readableEnded || peer.destroyed);
});

test('destroy() without an error: waiting reads end, and received bytes are dropped', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  await send(peer, 'unread');
  await eventually('it has arrived', () => connection.bytesRead === 6);
  connection.destroy();
  t.is(await connection.read(), null);
  t.like(await connection.closed, { cause: 'destroyed', error: undefined, bytesUnsent: 0 });
  t.is((await rejection(connection.write('x'))).code, 'ERR_CLOSED');
  await received;
});

test('destroy() right after write(): every byte is either sent or counted as unsent', async (t) => {
  for (const length of [3, 4096, 50_000, 8 * MIB]) {
    const { connection, peer } = await pairOf(t, { maxBufferedAmount: 16 * MIB });
    const received = receiveAll(peer);
    connection.write(Buffer.alloc(length)).catch(() => {});
    connection.destroy();
    const { bytesUnsent } = await connection.closed;
    t.is(bytesUnsent + connection.bytesWritten, length, `${length} bytes`);
    await received;
  }
});

test('writes that wait when the connection is destroyed are settled', async (t) => {
  const { connection } = await pairOf(t, { maxBufferedAmount: 32 * MIB });
  // More than the kernel takes, so every later write waits.
  void connection.write(Buffer.alloc(16 * MIB));
  t.true(connection.bufferedAmount > 65_536);
  const writes = Array.from({ length: 10 }, () =>
    rejection(connection.write(Buffer.alloc(100_000))),
  );
  const ended = rejection(connection.end());
  const error = new Error('gone');
  connection.destroy(error);
  for (const thrown of [...(await Promise.all(writes)), await ended]) t.is(thrown, error);
});

test('leaving the loop ends gracefully: the peer gets the whole reply while it still sends', async (t) => {
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: 8 * MIB });
  const reply = bytes(4 * MIB, 3);
  const received = receiveAll(peer);
  // The program reads only one chunk of this. A close with the rest unread would reset the peer and lose the reply.
  const sending = send(peer, bytes(900_000, 4)).then(() => peer.end());
  for await (const chunk of connection) {
    t.true(chunk.length > 0);
    void connection.write(reply);
    break;
  }
  await sending;
  const { bytes: got, fin, error } = await received;
  t.is(error, undefined);
  t.true(fin);
  t.is(sha256(got), sha256(reply));
  t.like(await connection.closed, { cause: 'ended', bytesUnsent: 0 });
});

test('leaving the loop drops the lines that had arrived and were not taken', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  await send(peer, 'taken\nnot taken\n');
  await eventually('both are there', () => connection.bytesRead === 16);
  for await (const line of connection) {
    t.is(line.toString(), 'taken');
    break;
  }
  peer.end();
  t.is(await connection.read(), null);
  t.is((await connection.closed).cause, 'ended');
});

test('a throw inside the loop ends the connection gracefully and reaches the code outside', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  await send(peer, 'go');
  const error = new Error('in the loop');
  const loop = async (): Promise<void> => {
    for await (const chunk of connection) {
      await connection.write(chunk);
      throw error;
    }
  };
  t.is(await rejection(loop()), error);
  t.is((await received).bytes.toString(), 'go');
  peer.end();
  t.is((await connection.closed).cause, 'ended');
});

test('await using: when the block has ended, the connection is closed and every byte is delivered', async (t) => {
  const replies: Promise<Buffer>[] = [];
  const { port } = await netServer(t, '127.0.0.1', (socket) => {
    replies.push(
      receiveAll(socket).then(({ bytes: got }) => {
        socket.end();
        return got;
      }),
    );
  });
  let closed: Promise<{ cause: string }> | undefined;
  {
    await using connection = await connect({ host: '127.0.0.1', port });
    closed = connection.closed;
    void connection.write('disposed');
  }
  t.is((await closed).cause, 'ended');
  t.is((await replies[0])?.toString(), 'disposed');
});
