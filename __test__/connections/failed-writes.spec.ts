// Bytes that the kernel did not take: the promise of the write() or end() rejects, and the close reason counts them.
import test from 'ava';
import type { Connection, Framing } from 'edgepoll';

import { bytes } from '../support/bytes.js';
import { eventually } from '../support/eventually.js';
import { pairOf, receiveAll, receiveExactly, rejection } from '../support/net.js';
import type { Socket } from '../support/net.js';

const MIB = 1_048_576;

/** Resets, and resolves when the kernel has sent the reset, before this thread's event loop can see it. */
async function resetUnseen(socket: Socket): Promise<void> {
  socket.resetAndDestroy();
  while (Reflect.get(socket, '_handle') !== null) {
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
  }
}

for (const length of [10, 64 * 1024]) {
  test(`end() of ${length} bytes that is the first to meet a reset rejects with it, and counts the bytes`, async (t) => {
    const { connection, peer } = await pairOf(t);
    await resetUnseen(peer);
    t.is((await rejection(connection.end(Buffer.alloc(length)))).code, 'ECONNRESET');
    const { cause, error, bytesUnsent } = await connection.closed;
    t.like({ cause, bytesUnsent }, { cause: 'failed', bytesUnsent: length });
    t.like(error, { code: 'ECONNRESET' });
  });

  test(`destroy() after ${length} bytes that met a reset: the close reason is the failure, not the destroy`, async (t) => {
    const { connection, peer } = await pairOf(t);
    await resetUnseen(peer);
    connection.write(Buffer.alloc(length)).catch(() => {});
    connection.destroy();
    const { cause, error, bytesUnsent } = await connection.closed;
    t.like({ cause, bytesUnsent }, { cause: 'failed', bytesUnsent: length });
    t.like(error, { code: 'ECONNRESET' });
    t.is(connection.bytesWritten, 0);
  });
}

test('end() after a failed write rejects at once, though the close waits for a reader', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1 });
  // How many of these bytes the kernel takes depends on the machine.
  peer.write(bytes(200_000, 1));
  await eventually('receiving is paused', () => connection.bytesRead > 0);
  await resetUnseen(peer);
  t.is((await rejection(connection.write(Buffer.alloc(65_536)))).code, 'ECONNRESET');
  t.is((await rejection(connection.end())).code, 'ECONNRESET');
  connection.destroy(new Error('mine'));
  // A connection closes once, with the first reason.
  t.like((await connection.closed).error, { code: 'ECONNRESET' });
});

test('a short write after a failed one is rejected, though the close waits for a reader', async (t) => {
  const { connection, peer } = await pairOf(t, { readHighWaterMark: 1 });
  peer.write(bytes(200_000, 1));
  await eventually('receiving is paused', () => connection.bytesRead > 0);
  await resetUnseen(peer);
  t.is((await rejection(connection.write(Buffer.alloc(65_536)))).code, 'ECONNRESET');
  t.is((await rejection(connection.write('short'))).code, 'ECONNRESET');
  connection.destroy();
  t.is((await connection.closed).bytesUnsent, 65_536, 'a refused write is not counted');
});

test('writes to a connection that has failed share one rejected promise, which nobody has to await', async (t) => {
  const { connection, peer } = await pairOf(t);
  await resetUnseen(peer);
  await rejection(connection.write(Buffer.alloc(65_536)));
  const { error } = await connection.closed;
  const refused = connection.write('one');
  t.is(connection.write('two'), refused);
  t.is(connection.write(Buffer.alloc(65_536)), refused);
  t.is(await rejection(refused), error as never);
});

test('a long write that is the first to meet a reset is rejected with it', async (t) => {
  const { connection, peer } = await pairOf(t);
  await resetUnseen(peer);
  const error = await rejection(connection.write(Buffer.alloc(65_536)));
  // `syscall` is the name that Node.js uses, whichever system call it was. Only a failed attempt to connect has an address.
  t.like(error, { code: 'ECONNRESET', errno: -104, syscall: 'write', address: undefined });
  t.regex(error.message, /^write ECONNRESET/);
  t.like((await connection.closed).error, { code: 'ECONNRESET', syscall: 'write' });
});

test('end() of a malformed frame rejects, and the FIN is sent all the same', async (t) => {
  for (const data of ['two\nlines', 'x'.repeat(200)]) {
    const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 100 });
    const received = receiveAll(peer);
    t.is((await rejection(connection.end(data))).code, 'ERR_MALFORMED');
    t.like(await received, { fin: true, error: undefined });
    peer.end();
    t.is((await connection.closed).cause, 'ended');
  }
});

test('end() of a connection that failed with bytes unsent rejects, and bufferedAmount is 0', async (t) => {
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: 32 * MIB });
  const written = rejection(connection.write(Buffer.alloc(20 * MIB)));
  t.true(connection.bufferedAmount > 0);
  peer.resetAndDestroy();
  const { bytesUnsent } = await connection.closed;
  t.true(bytesUnsent > 0);
  t.is((await rejection(connection.end())).code, 'ECONNRESET');
  t.is((await written).code, 'ECONNRESET');
  t.is(connection.bufferedAmount, 0);
});

/** Writes 16 MiB, much more than the queue holds. Resolves with the outcome of each write. */
async function overfill(connection: Connection, length: number): Promise<string[]> {
  const results = await Promise.allSettled(
    Array.from({ length: 16 * (MIB / length) }, () => connection.write(Buffer.alloc(length))),
  );
  return results.map((result) =>
    result.status === 'fulfilled' ? 'taken' : ((result.reason as { code?: string }).code ?? ''),
  );
}

for (const length of [4096, 65_536]) {
  test(`a full queue refuses every write of ${length} bytes for the same reason`, async (t) => {
    const { connection } = await pairOf(t, { maxBufferedAmount: MIB });
    const codes = await overfill(connection, length);
    t.deepEqual(new Set(codes), new Set(['taken', 'ERR_SEND_QUEUE_FULL']));
    // A write at the limit may find room that was made meanwhile, but after the first refusal none succeeds.
    t.true(codes.lastIndexOf('taken') < codes.indexOf('ERR_SEND_QUEUE_FULL'));
    const { error, bytesUnsent } = await connection.closed;
    t.like(error, { code: 'ERR_SEND_QUEUE_FULL' });
    t.true(bytesUnsent >= MIB);
    t.true(connection.bytesWritten > 0);
  });

  test(`destroy() after a full queue counts ${length} bytes more correctly`, async (t) => {
    const { connection } = await pairOf(t, { maxBufferedAmount: MIB });
    connection.write(Buffer.alloc(8 * MIB)).catch(() => {});
    t.true(connection.bufferedAmount >= MIB);
    connection.write(Buffer.alloc(length)).catch(() => {});
    connection.destroy();
    const { bytesUnsent } = await connection.closed;
    // A long write is refused at once, so it is not counted. A short one is only staged, so it is.
    const more = length > 4096 ? 0 : length;
    t.is(bytesUnsent + connection.bytesWritten, 8 * MIB + more);
  });
}

test('destroy() takes an error, null or nothing', async (t) => {
  const { connection } = await pairOf(t);
  for (const error of ['text', 5, false, {}] as unknown[] as Error[]) {
    t.throws(() => connection.destroy(error), { instanceOf: TypeError });
  }
  const reading = connection.read();
  connection.destroy(null);
  t.is(await reading, null);
  t.like(await connection.closed, { cause: 'destroyed', error: undefined });
});

test('server.destroy() with a value that is no error throws, and the server goes on', async (t) => {
  const { server, connection, peer } = await pairOf(t);
  t.throws(() => server.destroy('text' as unknown as Error), { instanceOf: TypeError });
  await connection.write('still here');
  t.is((await receiveExactly(peer, 10)).toString(), 'still here');
  server.destroy(null);
  await server.closed;
});

// Messages that have their own header are sent at once, and the others together.
const framings: [name: string, framing: Framing, message: string, length: number][] = [
  ['bytes', 'bytes', 'x', 1],
  ['lines', 'lines', 'x', 2],
  ['headers', { type: 'length-prefix', size: 1, keepHeader: true }, '\0', 1],
];
for (const [name, framing, message, length] of framings) {
  test(`a loop of awaited writes leaves the event loop its turns, ${name}`, async (t) => {
    const { connection, peer } = await pairOf(t, { framing });
    // All bytes fit into the kernel's buffers, so no write has to wait for the peer.
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    for (let written = 0; written < 100_000; written += 1) await connection.write(message);
    isOver = true;
    t.true(turns > 10, `${turns} turns`);
    const all = 100_000 * length;
    t.is((await receiveExactly(peer, all)).length, all);
  });
}
