// Owned chunks belong to the consumer: the package never writes into one again, and a small chunk keeps no large block alive.
import test from 'ava';

import { bytes, sha256 } from '../support/bytes.js';
import { runChild } from '../support/child.js';
import { pairOf, send } from '../support/net.js';

test('chunks kept over 10,000 reads keep their content', async (t) => {
  const { connection, peer } = await pairOf(t);
  const kept: { chunk: Buffer; hash: string }[] = [];
  // Sizes for each way to make a chunk: in a pool, in memory of its own, as a view of the slab.
  const sizes = [1, 7, 64, 500, 2048, 2049, 5000, 16_383, 16_384, 40_000];
  const total: Buffer[] = [];
  let reads = 0;
  for (let round = 0; reads < 10_000; round += 1) {
    const message = bytes(sizes[round % sizes.length] ?? 1, round + 1);
    total.push(message);
    await send(peer, message);
    for (let missing = message.length; missing > 0;) {
      const chunk = (await connection.read()) ?? t.fail('the end');
      kept.push({ chunk, hash: sha256(chunk) });
      missing -= chunk.length;
      reads += 1;
    }
  }
  t.is(sha256(...kept.map(({ chunk }) => chunk)), sha256(...total));
  for (const [index, { chunk, hash }] of kept.entries()) {
    if (sha256(chunk) !== hash) t.fail(`chunk ${index} of ${chunk.length} bytes was written again`);
  }
});

test('chunks of many connections at once do not share bytes', async (t) => {
  const pairs = await Promise.all(Array.from({ length: 16 }, () => pairOf(t)));
  const kept: { chunk: Buffer; copy: Buffer }[] = [];
  await Promise.all(
    pairs.map(async ({ connection, peer }, index) => {
      for (let round = 0; round < 100; round += 1) {
        const message = bytes([30, 3000, 30_000][(round + index) % 3] ?? 1, index * 1000 + round);
        const sent = send(peer, message);
        for (let at = 0; at < message.length;) {
          const chunk = (await connection.read()) ?? t.fail('the end');
          if (chunk.compare(message.subarray(at, at + chunk.length)) !== 0) t.fail('foreign bytes');
          kept.push({ chunk, copy: Buffer.from(chunk) });
          at += chunk.length;
        }
        await sent;
      }
    }),
  );
  t.true(kept.length >= 1600);
  t.true(kept.every(({ chunk, copy }) => chunk.compare(copy) === 0));
});

test('writing into a chunk changes no other', async (t) => {
  const { connection, peer } = await pairOf(t);
  const kept: { chunk: Buffer; fill: number }[] = [];
  for (let round = 0; round < 300; round += 1) {
    const message = bytes([100, 2000, 20_000][round % 3] ?? 1, round + 1);
    await send(peer, message);
    for (let at = 0; at < message.length;) {
      const chunk = (await connection.read()) ?? t.fail('the end');
      if (chunk.compare(message.subarray(at, at + chunk.length)) !== 0) t.fail(`round ${round}`);
      at += chunk.length;
      chunk.fill(round & 255);
      kept.push({ chunk, fill: round & 255 });
    }
  }
  t.true(kept.every(({ chunk, fill }) => chunk.every((byte) => byte === fill)));
});

test('hazard-88 small-chunks: 20,000 of 512 bytes that are kept cost less than twice their size', async (t) => {
  const { small, kept } = await runChild<{ small: number; kept: number }>('retain');
  t.is(kept, 20_000 * 512);
  t.true(small < 2 * kept, `${small} bytes of buffers for ${kept} of data`);
});
