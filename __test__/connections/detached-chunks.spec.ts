// The program detaches the buffer of a chunk. The tests are serial and alone in their file, because the connections of a thread
// share pools.
import { setFlagsFromString } from 'node:v8';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { eventually } from '../support/eventually.js';
import { pairOf, receiveAll, receiveExactly, send } from '../support/net.js';

type Detach = (buffer: ArrayBuffer) => unknown;

function detachByClone(buffer: ArrayBuffer): unknown {
  return structuredClone(buffer, { transfer: [buffer] });
}

/** A function that detaches any buffer, even one marked as not detachable, as a native addon or a later runtime may. */
function detachByEngine(): Detach {
  setFlagsFromString('--allow-natives-syntax');
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- only code that is compiled at run time, after the flag is set, can use V8's native syntax
  return new Function('buffer', '%ArrayBufferDetach(buffer)') as Detach;
}

const methods: [name: string, detach: Detach][] = [
  ['structuredClone', detachByClone],
  ['the engine', detachByEngine()],
];
if ('transfer' in ArrayBuffer.prototype) {
  methods.push([
    'transfer()',
    (buffer) => (buffer as unknown as { transfer(): unknown }).transfer(),
  ]);
}

for (const [name, detach] of methods) {
  test.serial(`a chunk's buffer is detached by ${name}: every connection goes on`, async (t) => {
    const { connection, peer } = await pairOf(t);
    const other = await pairOf(t);
    for (let round = 0; round < 500; round += 1) {
      const message = bytes([10, 700, 5000, 30_000][round % 4] ?? 1, round + 1);
      await send(peer, message);
      const parts: Buffer[] = [];
      for (let missing = message.length; missing > 0;) {
        const chunk = (await connection.read()) ?? t.fail('the end');
        if (chunk.length === 0) t.fail(`an empty chunk in round ${round}`);
        missing -= chunk.length;
        parts.push(Buffer.from(chunk));
        try {
          detach(chunk.buffer);
        } catch (error) {
          // A runtime may refuse to detach the buffer, but only with one of these errors.
          t.true(['DataCloneError', 'TypeError'].includes((error as Error).name));
        }
        // Detaches each part before the next is read: a part that came with it may lie in the same memory.
        if (parts.length > 1 && missing > 0) t.true(message.length > 16_384);
      }
      if (sha256(...parts) !== sha256(message)) t.fail(`round ${round}`);
      await send(other.peer, 'still');
      if ((await other.connection.read())?.toString() !== 'still') t.fail(`round ${round}`);
    }
    await connection.write('done');
    t.is((await receiveExactly(peer, 4)).toString(), 'done');
  });
}

/** Reads chunks until they hold `size` bytes. */
async function chunksOf(
  t: ExecutionContext,
  connection: Connection,
  size: number,
): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for (let missing = size; missing > 0;) {
    const chunk = (await connection.read()) ?? t.fail('the end');
    chunks.push(chunk);
    missing -= chunk.length;
  }
  return chunks;
}

test.serial('a transfer of one chunk does not empty the chunks of other connections', async (t) => {
  const mine = await pairOf(t);
  const other = await pairOf(t);
  for (const size of [10, 700, 5000, 30_000]) {
    const message = bytes(size, size);
    await send(other.peer, message);
    await eventually('it waits for its reader', () => other.connection.bytesRead >= size);
    await send(mine.peer, bytes(size, 1));
    const chunk = (await mine.connection.read()) ?? t.fail('the end');
    const kept = await chunksOf(t, other.connection, size);
    await send(other.peer, message);
    await eventually('it waits for its reader', () => other.connection.bytesRead >= 2 * size);
    try {
      detachByClone(chunk.buffer);
    } catch (error) {
      t.is((error as Error).name, 'DataCloneError');
    }
    t.is(sha256(...kept), sha256(message), `${size} bytes that were read before the transfer`);
    const waiting = await chunksOf(t, other.connection, size);
    t.is(sha256(...waiting), sha256(message), `${size} bytes that waited`);
    mine.connection.destroy();
    Object.assign(mine, await pairOf(t));
    Object.assign(other, await pairOf(t));
  }
});

test.serial('an empty line after a pool was detached: no connection loses bytes', async (t) => {
  const lines = await pairOf(t, { framing: 'lines' });
  const other = await pairOf(t);
  const detach = detachByEngine();
  for (let round = 0; round < 50; round += 1) {
    await send(lines.peer, 'a line\n');
    const line = (await lines.connection.read()) ?? t.fail('the end');
    t.is(line.toString(), 'a line');
    try {
      detach(line.buffer);
    } catch (error) {
      // Since Node.js 24 V8 itself refuses to detach memory that is marked as not detachable.
      t.is((error as Error).name, 'TypeError');
    }
    // These arrive in one batch if possible. Bytes that follow the empty chunk in the batch must not be lost.
    const message = bytes(40_000, round + 1);
    await Promise.all([send(lines.peer, '\nnext\n'), send(other.peer, message)]);
    t.is((await lines.connection.read())?.length, 0);
    t.is((await lines.connection.read())?.toString(), 'next');
    const parts: Buffer[] = [];
    for (let missing = message.length; missing > 0;) {
      const part = (await other.connection.read()) ?? t.fail('the end');
      parts.push(part);
      missing -= part.length;
    }
    t.is(sha256(...parts), sha256(message));
  }
});

test.serial(
  'a chunk that is written and then detached before it is sent: no stream has a gap',
  async (t) => {
    const from = await pairOf(t, { chunks: 'borrowed' });
    const { connection, peer } = await pairOf(t);
    await send(from.peer, 'lent');
    const chunk = (await from.connection.read()) ?? t.fail('the end');
    const arrives = receiveAll(peer);
    void connection.write('before ');
    void connection.write(chunk);
    void connection.write(' behind');
    let isDetached = true;
    try {
      detachByEngine()(chunk.buffer);
    } catch {
      // Since Node.js 24 V8 refuses, so the chunk is sent.
      isDetached = false;
    }
    if (!isDetached) void connection.end();
    const { bytes: arrived } = await arrives;
    t.is(arrived.toString(), isDetached ? '' : 'before lent behind');
    if (isDetached) t.like(await connection.closed, { cause: 'destroyed', bytesUnsent: 18 });
    // Other connections go on.
    await send(from.peer, 'next');
    t.is((await from.connection.read())?.toString(), 'next');
  },
);
