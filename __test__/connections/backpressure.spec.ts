// A peer that does not read, and a consumer that does not read: each slows or ends only its own connection, and memory stays
// bounded.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection, ListenOptions } from 'edgepoll';
import { connect } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { runChild } from '../support/child.js';
import { eventually, rounds, watch } from '../support/eventually.js';
import {
  dial,
  drain,
  nextOf,
  pairOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
} from '../support/net.js';
import { fillKernel } from './helpers.js';

const MIB = 1_048_576;

/** Writes until write() returns a promise that waits. Returns that promise and all that was written. */
function fill(connection: Connection): { waiting: Promise<void>; parts: Buffer[] } {
  const parts: Buffer[] = [];
  let ready: Promise<void> | undefined;
  for (let count = 0; count < 2000; count += 1) {
    const part = bytes(32_768, count + 1);
    const promise = connection.write(part);
    parts.push(part);
    ready ??= promise;
    if (promise !== ready) return { waiting: promise, parts };
  }
  throw new Error('64 MiB were taken without a wait');
}

test('a peer that does not read: write() waits, and goes on when it reads', async (t) => {
  const { connection, peer } = await pairOf(t);
  const { waiting: first, parts } = fill(connection);
  let waiting = first;
  let wait = watch(waiting);
  await rounds();
  // The kernel's buffers grow with the traffic, up to a limit that depends on the machine.
  for (let more = 0; more < 10 && wait.fulfilled; more += 1) {
    const next = fill(connection);
    waiting = next.waiting;
    parts.push(...next.parts);
    wait = watch(waiting);
    await rounds();
  }
  t.false(wait.fulfilled);
  t.true(connection.bufferedAmount >= 65_536 && connection.bufferedAmount < 65_536 + 32_768);
  const total = parts.length * 32_768;
  const received = receiveExactly(peer, total);
  await waiting;
  t.true(connection.bufferedAmount <= 16_384, `${connection.bufferedAmount} bytes at the low mark`);
  t.is(sha256(await received), sha256(...parts));
});

// Serial, because these amounts of bytes would delay the other tests.
for (const mark of ['maxBufferedAmount', 'highWaterMark'] as const) {
  test.serial(`${mark} above 1 MiB: the queue may grow that long`, async (t) => {
    const { connection } = await pairOf(t, { [mark]: 32 * MIB });
    void connection.write(Buffer.alloc(16 * MIB));
    t.true(connection.bufferedAmount > MIB, 'the kernel takes less');
    const last = connection.write('one more');
    await rounds();
    t.true(connection.bufferedAmount > MIB, 'it is open');
    connection.destroy();
    await (mark === 'highWaterMark' ? last : rejection(last));
  });
}

// Serial, because it waits until the queue has stood still for several turns of the loop, which the other tests make long.
test.serial('write() waits at highWaterMark, and not a byte below it', async (t) => {
  const { connection, peer } = await pairOf(t, { highWaterMark: MIB });
  let written = 0;
  const write = (length: number): { fulfilled: boolean } => {
    written += length;
    return watch(connection.write(Buffer.alloc(length)));
  };
  await fillKernel(connection, () => write(65_536));
  // Too long to be staged, so the promise of each write takes its own bytes into account.
  const below = write(MIB - 1 - 5000 - connection.bufferedAmount);
  const byOne = write(5000);
  await rounds(1);
  t.is(connection.bufferedAmount, MIB - 1);
  t.true(below.fulfilled && byOne.fulfilled);
  void connection.write('x');
  written += 1;
  await rounds(1);
  t.is(connection.bufferedAmount, MIB);
  const waits = connection.write('');
  const state = watch(waits);
  await rounds(1);
  t.false(state.fulfilled);
  await receiveExactly(peer, written);
  await waits;
});

test('bufferedAmount falls while the peer reads, long before the low mark', async (t) => {
  // While the peer reads, the kernel's buffers may grow: to 32 MiB at the peer (tcp_rmem) and 4 MiB at this side (tcp_wmem).
  const written = 64 * MIB;
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: written });
  connection.write(Buffer.alloc(written)).catch(() => {});
  t.is(connection.bufferedAmount + connection.bytesWritten, written);
  let received = 0;
  await new Promise<void>((resolve) => {
    peer.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received < 8 * MIB) return;
      peer.pause();
      resolve();
    });
  });
  t.true(connection.bufferedAmount > 65_536 && connection.bufferedAmount < 56 * MIB);
  t.is(connection.bufferedAmount + connection.bytesWritten, written);
});

test('every write that waits resolves when the queue drains', async (t) => {
  const { connection, peer } = await pairOf(t);
  const { waiting } = fill(connection);
  const others = [
    connection.write('a'),
    connection.write('b'),
    connection.write(Buffer.alloc(5000)),
  ];
  const received = receiveAll(peer);
  await Promise.all([waiting, ...others]);
  await connection.end();
  t.is((await received).bytes.subarray(-5002, -5000).toString(), 'ab');
});

test('a write waits again after an earlier wait has ended', async (t) => {
  const { connection, peer } = await pairOf(t);
  for (let round = 0; round < 2; round += 1) {
    const message = Buffer.alloc(12 * MIB);
    const waiting = connection.write(message);
    t.true(connection.bufferedAmount >= 65_536);
    t.is(await Promise.race([waiting, Promise.resolve('it waits')]), 'it waits');
    await Promise.all([waiting, receiveExactly(peer, message.length)]);
  }
});

for (const [name, low, option] of [
  ['the default, a quarter', 8, {}],
  ['nothing', 0, { lowWaterMark: 0 }],
  ['nearly all', 28, { lowWaterMark: 28 * MIB }],
] as const) {
  test(`lowWaterMark, ${name}: a write that waits goes on at that amount, and not later`, async (t) => {
    const { connection, peer } = await pairOf(t, { highWaterMark: 32 * MIB, ...option });
    const waiting = connection.write(Buffer.alloc(48 * MIB));
    const received = receiveExactly(peer, 48 * MIB);
    await waiting;
    const left = connection.bufferedAmount / MIB;
    // A turn sends what the kernel has room for.
    t.true(left <= low && left >= Math.max(0, low - 6), `${left} MiB were left`);
    await received;
  });
}

/**
 * A connection and its peer, and a fence: a byte that goes through a second connection. The reactor has handled everything
 * that was ready before when `fence()` resolves.
 */
async function pairAndFence(t: ExecutionContext, options: Partial<ListenOptions>) {
  const { connection, peer, accepted } = await pairOf(t, options);
  const [other, otherPeer] = await Promise.all([nextOf(accepted), dial(peer.remotePort ?? 0)]);
  t.teardown(() => otherPeer.destroy());
  const fence = async (): Promise<void> => {
    await send(otherPeer, '.\n');
    await other.read();
  };
  return { connection, peer, fence };
}

test('readHighWaterMark, the default: receiving goes on below 65,536 and pauses there', async (t) => {
  const { connection, peer, fence } = await pairAndFence(t, { framing: 'lines' });
  // Each line of one byte counts 129, so 508 lines are just below the mark.
  await send(peer, 'x\n'.repeat(508));
  await eventually('the lines are there', () => connection.bytesRead === 1016);
  await send(peer, 'x\n');
  await eventually('one more is taken', () => connection.bytesRead === 1018);
  await send(peer, 'y\n');
  await fence();
  t.is(connection.bytesRead, 1018);
});

test('each chunk counts 128 bytes more than it has, and receiving goes on at half of the mark', async (t) => {
  // Lines of one byte: ten of them are at the mark, five at half of it.
  const options = { framing: 'lines', readHighWaterMark: 1290 } as const;
  const { connection, peer, fence } = await pairAndFence(t, options);
  await send(peer, 'x\n'.repeat(12));
  await eventually('the lines are there', () => connection.bytesRead === 24);
  await send(peer, 'y\n');
  await fence();
  t.is(connection.bytesRead, 24, 'twelve lines of one byte are more than the mark');
  for (let line = 0; line < 6; line += 1) t.is((await connection.read())?.toString(), 'x');
  await fence();
  t.is(connection.bytesRead, 24, 'six are more than half of it');
  await connection.read();
  await eventually('receiving goes on', () => connection.bytesRead === 26);
});

for (const [size, most, option] of [
  [1000, MIB, { maxBufferedAmount: MIB }],
  [100_000, 16 * MIB, {}],
] as const) {
  test(`writes of ${size} without waiting: ERR_SEND_QUEUE_FULL, and a strict prefix arrives, then a reset`, async (t) => {
    const { server, accepted } = await pairOf(t, option);
    const { port } = server.address;
    // A connection of edgepoll, because node:net reports a reset as an end if it receives bytes together with it.
    const [connection, peer] = await Promise.all([
      nextOf(accepted),
      connect({ host: '127.0.0.1', port }),
    ]);
    t.teardown(() => peer.destroy());
    const part = bytes(size, size);
    let written = 0;
    let error: NodeJS.ErrnoException | undefined;
    const closed = watch(connection.closed);
    while (!closed.fulfilled && written < 64 * MIB) {
      for (let count = 0; count < 50; count += 1) {
        connection.write(part).catch((thrown: unknown) => {
          error ??= thrown as NodeJS.ErrnoException;
        });
        written += size;
      }
      t.true(connection.bufferedAmount <= most + size, `${connection.bufferedAmount} bytes queued`);
      await rounds(1);
    }
    t.true(closed.fulfilled, '64 MiB were taken');
    t.is(error?.code, 'ERR_SEND_QUEUE_FULL');
    t.true(error?.message.includes(`maxBufferedAmount (${most})`), error?.message);
    const { cause, bytesUnsent } = await connection.closed;
    t.is(cause, 'failed');
    t.true(bytesUnsent >= most && bytesUnsent <= most + 50 * size, `${bytesUnsent} bytes unsent`);
    // The connection has failed, so it makes no difference that the peer reads now.
    const { bytes: got, error: seen } = await drain(peer);
    t.is(seen?.code, 'ECONNRESET');
    t.is((await rejection(connection.write('more'))).code, 'ERR_SEND_QUEUE_FULL');
    t.true(got.length > 0 && got.length < written);
    for (let at = 0; at < got.length; at += size) {
      const piece = got.subarray(at, at + size);
      if (piece.compare(part.subarray(0, piece.length)) !== 0) t.fail(`different at ${at}`);
    }
    t.true(got.length <= connection.bytesWritten);
  });
}

test('one write may pass the limit by its own size', async (t) => {
  const { connection, peer } = await pairOf(t);
  const message = bytes(12 * MIB, 3);
  const written = connection.write(message);
  t.is(sha256(await receiveExactly(peer, message.length)), sha256(message));
  await written;
});

test('a consumer that does not read: receiving pauses, others go on, nothing is lost', async (t) => {
  const { connection, peer, server, accepted } = await pairOf(t, { readHighWaterMark: 100_000 });
  const message = bytes(24 * MIB, 4);
  const sending = send(peer, message);
  const sent = watch(sending);
  await eventually('receiving pauses', () => connection.bytesRead >= 100_000);
  const [other, otherPeer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  for (let round = 0; round < 100; round += 1) {
    await send(otherPeer, `${round}`);
    t.is((await other.read())?.toString(), `${round}`);
  }
  otherPeer.destroy();
  t.false(sent.fulfilled);
  // One turn of the reactor may pass the mark.
  t.true(connection.bytesRead <= 200_000, `${connection.bytesRead} bytes read`);
  peer.end();
  const { bytes: got, error } = await drain(connection);
  await sending;
  t.is(error, undefined);
  t.is(sha256(got), sha256(message));
});

test('a slow consumer gets everything, and memory stays at the mark', async (t) => {
  const { connection, peer } = await pairOf(t);
  const message = bytes(6 * MIB, 5);
  void send(peer, message).then(() => peer.end());
  const parts: Buffer[] = [];
  let taken = 0;
  for await (const chunk of connection) {
    parts.push(chunk);
    taken += chunk.length;
    await rounds(2);
    const ahead = connection.bytesRead - taken;
    if (ahead > 65_536 + 262_144 + 65_536) t.fail(`${ahead} bytes ahead of the consumer`);
  }
  t.is(sha256(...parts), sha256(message));
});

test('memory: 100 peers that flood and 100 that never read', async (t) => {
  const { flooded, unread } = await runChild<{ flooded: number; unread: number }>('pressure');
  // Per connection: the read mark and a turn's budget; the send limit and one write.
  t.true(flooded < 100 * (65_536 + 262_144) + 16 * MIB, `${flooded} bytes for the flooded`);
  t.true(unread < 100 * (65_536 + 2 * 65_536) + 16 * MIB, `${unread} bytes for the unread`);
});
