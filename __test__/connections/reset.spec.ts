// A peer that resets: bytes that arrived before are delivered, then the error. A reset is never a clean end and never ends the
// process.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { eventually, rounds } from '../support/eventually.js';
import {
  delivered,
  dial,
  drain,
  nextOf,
  pairOf,
  rejection,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';
import { reset } from './helpers.js';

function isReset(t: ExecutionContext, error: NodeJS.ErrnoException | undefined): void {
  t.like(error, { name: 'EdgepollError', code: 'ECONNRESET', errno: -104 });
}

test('data before a reset is delivered, then ECONNRESET is thrown', async (t) => {
  const { connection, peer } = await pairOf(t);
  await send(peer, 'last words');
  await reset(peer);
  const { bytes: received, error } = await drain(connection);
  t.is(received.toString(), 'last words');
  isReset(t, error);
  t.is(error?.syscall, 'read');
  t.like(await connection.closed, { cause: 'failed', error });
});

test('a pending read() gets ECONNRESET, and later reads the end', async (t) => {
  const { connection, peer } = await pairOf(t);
  const rejected = rejection(connection.read());
  await reset(peer);
  isReset(t, await rejected);
  t.is(await connection.read(), null);
});

test('a read() after the reset was received throws too', async (t) => {
  const { connection, peer } = await pairOf(t);
  await reset(peer);
  t.is((await connection.closed).cause, 'failed');
  isReset(t, await rejection(connection.read()));
  t.is(await connection.read(), null, 'the error is thrown once');
});

/** Sends a message of which the connection receives one byte: that is its read watermark. The rest waits in the kernel. */
async function sendAhead(connection: Connection, peer: Socket, message: Buffer): Promise<void> {
  await send(peer, message.subarray(0, 1));
  await eventually('receiving is paused', () => connection.bytesRead === 1);
  await send(peer, message.subarray(1));
  // The reset that follows would drop what the peer's kernel has not sent by then.
  await delivered(peer);
}

test('while receiving is paused: all bytes that the kernel received, then ECONNRESET', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1 });
  const message = bytes(20_000, 3);
  await sendAhead(connection, peer, message);
  t.is(connection.bytesRead, 1);
  await reset(peer);
  const { bytes: received, error } = await drain(connection);
  t.is(sha256(received), sha256(message));
  isReset(t, error);
});

test('while receiving is paused and no byte waits in the kernel: the connection fails without a read', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1 });
  await send(peer, 'x');
  await eventually('receiving is paused', () => connection.bytesRead === 1);
  await reset(peer);
  isReset(t, (await connection.closed).error);
  t.is((await connection.read())?.toString(), 'x');
  isReset(t, await rejection(connection.read()));
});

test('a write that is the first to meet the reset does not make it a clean end', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1 });
  await send(peer, bytes(200, 4));
  await eventually('receiving is paused', () => connection.bytesRead > 0);
  await send(peer, 'more');
  await reset(peer);
  // The first send consumes the socket's error, and the next gets EPIPE. A receive would then return 0, as at a clean end.
  for (let round = 0; round < 3; round += 1) connection.write(bytes(5000, 5)).catch(() => {});
  const { bytes: received, error } = await drain(connection);
  t.is(received.subarray(0, 200).compare(bytes(200, 4)), 0);
  t.true(['ECONNRESET', 'EPIPE'].includes(error?.code ?? ''), `error: ${error?.code}`);
  t.is((await connection.closed).cause, 'failed');
});

test('a reset in the middle of a stream is never a clean end', async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  for (let round = 0; round < 50; round += 1) {
    const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
    const reading = drain(connection);
    const length = round * 4001;
    if (length > 0) await send(peer, bytes(length, round + 1));
    peer.resetAndDestroy();
    const { bytes: received, error } = await reading;
    isReset(t, error);
    t.is(received.compare(bytes(length, round + 1).subarray(0, received.length)), 0);
  }
});

test('a peer that closes with unread bytes is a reset', async (t) => {
  const total = 16 * 1_048_576;
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: total });
  // More than the peer and the kernel's buffers hold together.
  connection.write(Buffer.alloc(total)).catch(() => {});
  const reading = drain(connection);
  await eventually('some bytes have arrived', () => peer.readableLength > 0);
  peer.destroy();
  isReset(t, (await reading).error);
  t.true((await connection.closed).bytesUnsent > 0);
});

test('resets of idle connections end neither the process nor their server', async (t) => {
  const server = await serverOf(t, { maxConnections: 1000 });
  const accepted = server[Symbol.asyncIterator]();
  const peers: Socket[] = [];
  const connections: Connection[] = [];
  for (let count = 0; count < 300; count += 1) {
    const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
    connections.push(connection);
    peers.push(peer);
  }
  // For half of them, the program has a promise of `closed` and of a write that it never awaits.
  for (const connection of connections.slice(0, 150)) {
    void connection.closed;
    void connection.write('x');
  }
  for (const peer of peers) peer.resetAndDestroy();
  await eventually('all are noticed', () => server.connections.size === 0);
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  await send(peer, 'alive');
  t.is((await connection.read())?.toString(), 'alive');
  peer.destroy();
});

test('bytes that were queued at a reset are counted in bytesUnsent', async (t) => {
  const total = 16 * 1_048_576;
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: total });
  const written = connection.write(Buffer.alloc(total));
  const ended = connection.end();
  await eventually('the kernel takes no more', () => connection.bytesWritten > 0);
  t.true(connection.bufferedAmount > 0);
  await reset(peer);
  const reason = await connection.closed;
  t.is(reason.cause, 'failed');
  t.is(reason.bytesUnsent + connection.bytesWritten, total);
  t.true(reason.bytesUnsent > 0);
  t.is(await rejection(written), reason.error as NodeJS.ErrnoException);
  t.is(await rejection(ended), reason.error as NodeJS.ErrnoException);
});

test('a write that waits is rejected by a reset, also while receiving is paused', async (t) => {
  const { connection, peer } = await pairOf(t, {
    readHighWaterMark: 1,
    maxBufferedAmount: 32 * 1_048_576,
  });
  const message = bytes(20_000, 6);
  await sendAhead(connection, peer, message);
  t.is(connection.bytesRead, 1);
  const settled: string[] = [];
  const writing = connection.write(Buffer.alloc(16 * 1_048_576));
  const ending = connection.end();
  for (const [name, promise] of [
    ['write', writing],
    ['end', ending],
  ] as const) {
    promise.then(
      () => settled.push(`${name} resolved`),
      () => settled.push(`${name} rejected`),
    );
  }
  await reset(peer);
  // In these turns a send meets the reset, while the consumer has not read the bytes before it.
  await rounds();
  const { bytes: received, error } = await drain(connection);
  t.is(sha256(received), sha256(message));
  t.true(['ECONNRESET', 'EPIPE'].includes(error?.code ?? ''), `error: ${error?.code}`);
  const { bytesUnsent } = await connection.closed;
  t.is(bytesUnsent + connection.bytesWritten, 16 * 1_048_576);
  await rounds(2);
  t.deepEqual(settled, ['write rejected', 'end rejected']);
});

test('a write and an end() that wait are rejected by a reset though the bytes before it stay unread', async (t) => {
  const { connection, peer } = await pairOf(t, {
    readHighWaterMark: 1,
    maxBufferedAmount: 32 * 1_048_576,
  });
  const message = bytes(20_000, 6);
  await sendAhead(connection, peer, message);
  const waiting = [connection.write(Buffer.alloc(16 * 1_048_576)), connection.end()];
  await reset(peer);
  for (const promise of waiting) {
    const { code } = await rejection(promise);
    t.true(['ECONNRESET', 'EPIPE'].includes(code ?? ''), `code: ${code}`);
  }
  t.is(connection.bytesRead, 1);
});
