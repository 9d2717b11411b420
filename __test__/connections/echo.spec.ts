// Echoes of every size, in both styles and by both drivers; writes of strings, views and zero bytes.
import test from 'ava';
import type { Driver, Server } from 'edgepoll';

import { bytes, numbers, sha256 } from '../support/bytes.js';
import { dial, pairOf, receiveAll, receiveExactly, serverOf } from '../support/net.js';

async function byConnection(server: Server): Promise<void> {
  const echoes: Promise<void>[] = [];
  for await (const connection of server) {
    const echo = async (): Promise<void> => {
      for await (const chunk of connection) await connection.write(chunk);
    };
    echoes.push(echo());
  }
  await Promise.all(echoes);
}

async function byEvents(server: Server): Promise<void> {
  for await (const event of server.events()) {
    if (event.type === 'data') void event.connection.write(event.data);
  }
}

const MIB = 1_048_576;
/** The lengths at which staging, pools, slabs and views begin or end, and the lengths beside them. */
const EDGES = [1, 2047, 2048, 2049, 4095, 4096, 4097, 16_383, 16_384, 65_535, 65_536, 65_537, MIB];

for (const [style, run] of [
  ['connection', byConnection],
  ['events', byEvents],
] as const) {
  for (const driver of ['uv', 'thread'] satisfies Driver[]) {
    test(`echo by ${style} on the driver ${driver}: every size comes back whole`, async (t) => {
      const server = await serverOf(t, { driver });
      const running = run(server);
      const next = numbers(style.length * 7 + driver.length);
      const random = Array.from({ length: 24 }, () => Math.floor(MIB ** next()));
      const clients = [0, 1, 2].map(async (client) => {
        const peer = await dial(server.address.port);
        for (const [index, size] of [0, ...EDGES, ...random].entries()) {
          const message = bytes(size, client * 1000 + index + 1);
          const [echo] = await Promise.all([
            receiveExactly(peer, size),
            new Promise((resolve) => {
              peer.write(message, resolve);
            }),
          ]);
          t.is(sha256(echo), sha256(message), `${size} bytes`);
        }
        // No more bytes come, and the server answers the end with its own.
        const last = receiveAll(peer);
        peer.end();
        t.like(await last, { fin: true, error: undefined });
        t.is((await last).bytes.length, 0);
      });
      await Promise.all(clients);
      t.is(server.stats().accepted, 3);
      await server.close();
      await running;
    });
  }
}

test('many small messages in flight come back in order', async (t) => {
  const server = await serverOf(t);
  const running = byConnection(server);
  const peer = await dial(server.address.port);
  const message = bytes(64 * 5000, 9);
  const echo = receiveExactly(peer, message.length);
  for (let at = 0; at < message.length; at += 64) peer.write(message.subarray(at, at + 64));
  t.is(sha256(await echo), sha256(message));
  peer.destroy();
  server.destroy();
  await running;
});

test('strings go as UTF-8, short and long', async (t) => {
  const { connection, peer } = await pairOf(t);
  for (const text of ['a', 'é', '🌍\0€', 'ß'.repeat(3000), '🌍'.repeat(50_000)]) {
    const expected = Buffer.from(text);
    const received = receiveExactly(peer, expected.length);
    await connection.write(text);
    t.deepEqual(await received, expected);
  }
});

test('a view sends its own bytes and not its buffer', async (t) => {
  const { connection, peer } = await pairOf(t);
  const whole = bytes(20_000, 5);
  for (const [from, to] of [
    [3, 10],
    [100, 9000],
  ] as const) {
    const received = receiveExactly(peer, to - from);
    await connection.write(new Uint8Array(whole.buffer, whole.byteOffset + from, to - from));
    t.deepEqual(await received, whole.subarray(from, to));
  }
});

test('zero-length writes settle in order and send nothing', async (t) => {
  const { connection, peer } = await pairOf(t);
  const detached = new Uint8Array(8);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const settled: number[] = [];
  const writes: Promise<void>[] = [];
  const values = ['', 'a', new Uint8Array(0), 'b', Buffer.alloc(0), detached, 'c', ''];
  for (let round = 0; round < 1000; round += 1) {
    for (const value of values) {
      const index = writes.length;
      writes.push(connection.write(value).then(() => void settled.push(index)));
    }
  }
  await Promise.all(writes);
  t.true(settled.every((index, place) => index === place));
  t.is(settled.length, writes.length);
  const received = receiveAll(peer);
  await connection.end('');
  t.is((await received).bytes.toString(), 'abc'.repeat(1000));
});

test('changing the source after write() does not change the bytes that are sent', async (t) => {
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: 32 * MIB });
  const parts: Buffer[] = [];
  const source = Buffer.alloc(50_000);
  for (let round = 0; round < 200; round += 1) {
    // 100 bytes are staged, 50,000 are sent or queued: write() must take both before it returns.
    for (const length of [100, 50_000]) {
      const part = bytes(length, round + length);
      part.copy(source);
      void connection.write(source.subarray(0, length));
      source.fill(0xdd);
      parts.push(part);
    }
  }
  const received = receiveAll(peer);
  await connection.end();
  t.is(sha256((await received).bytes), sha256(...parts));
});
