// Borrowed chunks: a chunk is valid until the consumer requests the next one, and then its memory is used again.
// The tests are serial and alone in their file, because a chunk that one consumer holds keeps the memory of every
// borrowing connection of the thread.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Connection, Driver } from 'edgepoll';

import { bytes } from '../support/bytes.js';
import { eventually, rounds } from '../support/eventually.js';
import { dial, nextOf, pairOf, receiveExactly, send, serverOf } from '../support/net.js';
import type { Pair } from '../support/net.js';

const drivers: Driver[] = ['uv', 'thread'];
/** More than the memory that is lent holds, so that receiving this much overwrites all of it. */
const FLOOD = 3 * 1_048_576;

/**
 * Destroys a connection, and gives its last chunk back by one more read(). Without it the memory stays in use, for every
 * borrowing connection of the thread, until the connection is collected.
 */
async function finish(t: ExecutionContext, connection: Connection): Promise<void> {
  connection.destroy();
  t.is(await connection.read(), null);
}

/** Sends FLOOD bytes through a borrowing connection and gives each chunk back. Resolves with the memories that they lay in. */
async function flood(t: ExecutionContext, driver: Driver): Promise<Set<ArrayBufferLike>> {
  const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
  const message = bytes(FLOOD, 7);
  const sent = send(peer, message);
  const memories = new Set<ArrayBufferLike>();
  for (let at = 0; at < FLOOD;) {
    const chunk = (await connection.read()) ?? t.fail('the end');
    if (chunk.compare(message.subarray(at, at + chunk.length)) !== 0) t.fail(`wrong at ${at}`);
    memories.add(chunk.buffer);
    at += chunk.length;
  }
  await sent;
  await finish(t, connection);
  return memories;
}

/** Where the next lent chunk lies. The place is the same whenever every earlier chunk was given back. */
async function place(t: ExecutionContext, driver: Driver): Promise<string> {
  const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
  await send(peer, 'where');
  const chunk = (await connection.read()) ?? t.fail('the end');
  t.is(chunk.toString(), 'where');
  const { byteOffset, buffer } = chunk;
  await finish(t, connection);
  return `${byteOffset} of ${buffer.byteLength}`;
}

for (const driver of drivers) {
  test.serial(
    `borrowed: held, a chunk keeps its bytes while others receive, ${driver}`,
    async (t) => {
      const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
      for (const length of [1, 500, 5000, 16_384]) {
        const message = bytes(length, length);
        await send(peer, message);
        const parts: Buffer[] = [];
        for (let at = 0; at < length;) {
          const chunk = (await connection.read()) ?? t.fail('the end');
          await flood(t, driver);
          parts.push(Buffer.from(chunk));
          at += chunk.length;
        }
        t.is(Buffer.concat(parts).compare(message), 0, `${length} bytes`);
      }
      await finish(t, connection);
    },
  );

  test.serial(
    `borrowed: destroyed by server.destroy(), a connection's chunk keeps its bytes, ${driver}`,
    async (t) => {
      const { server, connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
      const message = bytes(500, 5);
      await send(peer, message);
      const chunk = (await connection.read()) ?? t.fail('the end');
      server.destroy();
      await flood(t, driver);
      t.is(chunk.compare(message), 0);
      t.is(await connection.read(), null);
    },
  );

  test.serial(
    `borrowed: unread, chunks keep their bytes while others receive, ${driver}`,
    async (t) => {
      const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
      const message = bytes(50_000, 3);
      for (let to = 10_000; to <= message.length; to += 10_000) {
        await send(peer, message.subarray(to - 10_000, to));
        await eventually('it is received', () => connection.bytesRead === to);
      }
      for (let at = 0; at < message.length;) {
        await flood(t, driver);
        const chunk = (await connection.read()) ?? t.fail('the end');
        t.is(chunk.compare(message.subarray(at, at + chunk.length)), 0, `at ${at}`);
        at += chunk.length;
      }
      await finish(t, connection);
    },
  );

  test.serial(
    `borrowed: events() lends a chunk until the next call of next(), ${driver}`,
    async (t) => {
      const server = await serverOf(t, { driver, chunks: 'borrowed' });
      const events = server.events();
      const peers = await Promise.all([1, 2, 3].map(() => dial(server.address.port)));
      for (const peer of peers) t.teardown(() => peer.destroy());
      const messages = new Map<Connection, Buffer[]>();
      await Promise.all(peers.map((peer, index) => send(peer, bytes(20_000, index + 1))));
      for (let missing = 60_000; missing > 0;) {
        const event = await nextOf(events);
        if (event.type === 'open') messages.set(event.connection, []);
        if (event.type !== 'data') continue;
        const before = Buffer.from(event.data);
        await flood(t, driver);
        t.is(event.data.compare(before), 0);
        messages.get(event.connection)?.push(before);
        missing -= before.length;
      }
      const expected = peers.map((_, index) => bytes(20_000, index + 1).toString('base64'));
      const found = [...messages.values()].map((parts) => Buffer.concat(parts).toString('base64'));
      t.deepEqual(found.toSorted(), expected.toSorted());
      await events.return?.();
    },
  );

  test.serial(`borrowed: events() gives each chunk back exactly once, ${driver}`, async (t) => {
    const first = await place(t, driver);
    const server = await serverOf(t, { driver, chunks: 'borrowed' });
    const events = server.events();
    const peer = await dial(server.address.port);
    t.teardown(() => peer.destroy());
    t.is((await nextOf(events)).type, 'open');
    for (let round = 1; round <= 3; round += 1) {
      const message = bytes(500, round);
      const [event] = await Promise.all([nextOf(events), send(peer, message)]);
      if (event.type !== 'data') throw new Error(event.type);
      // If the first were given back twice, the third would count as given back while the consumer holds it.
      if (round === 3) await flood(t, driver);
      t.is(event.data.compare(message), 0, `chunk ${round}`);
    }
    const next = events.next();
    t.is(await place(t, driver), first, 'no chunk is lent');
    await events.return?.();
    await next;
  });

  test.serial(
    `borrowed: events that wait keep their bytes, and other connections use the rest of the memory, ${driver}`,
    async (t) => {
      const first = await place(t, driver);
      const reply = bytes(24 * 1_048_576, 2);
      const server = await serverOf(t, {
        driver,
        chunks: 'borrowed',
        maxBufferedAmount: 2 * reply.length,
      });
      const events = server.events();
      const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
      t.teardown(() => peer.destroy());
      for (const reason of ['pause()', 'much to send'] as const) {
        const message = bytes(5000, reason.length);
        // pause() holds the connection before the consumer calls next(). A long write holds it while next() is pending.
        const before = connection.bytesRead;
        const early = reason === 'pause()' ? undefined : events.next();
        if (early !== undefined) void connection.write(reply);
        await send(peer, message);
        await eventually('it is received', () => connection.bytesRead === before + 5000);
        if (early === undefined) connection.pause();
        const next = early ?? events.next();
        await flood(t, driver);
        t.is((await flood(t, driver)).size, 1, 'no other memory was used');
        t.is(await place(t, driver), first, reason);
        connection.resume();
        if (early !== undefined) {
          await receiveExactly(peer, reply.length);
          t.is((await next).value?.type, 'drain');
        }
        const { value } = await (early === undefined ? next : events.next());
        t.is(value?.type === 'data' && value.data.compare(message), 0, reason);
      }
      await events.return?.();
      t.is(await place(t, driver), first, 'no chunk is lent');
    },
  );

  test.serial(`borrowed: memory that was given back is used again, ${driver}`, async (t) => {
    const first = await place(t, driver);
    t.is((await flood(t, driver)).size, 1, 'no other memory was used');
    t.is(await place(t, driver), first);
  });

  test.serial(
    `borrowed: leaving gives back the chunks that were read and those that were not, ${driver}`,
    async (t) => {
      const first = await place(t, driver);
      for (const how of ['break', 'destroy', 'the end', 'the error', 'events'] as const) {
        const server = await serverOf(t, { driver, chunks: 'borrowed' });
        const peer = await dial(server.address.port);
        t.teardown(() => peer.destroy());
        await send(peer, bytes(40_000, 1));
        if (how === 'events') {
          for await (const event of server.events()) if (event.type === 'data') break;
        } else {
          const connection = await nextOf(server[Symbol.asyncIterator]());
          await eventually('everything is received', () => connection.bytesRead === 40_000);
          if (how === 'destroy') {
            await connection.read();
            await finish(t, connection);
          } else if (how === 'break') {
            for await (const chunk of connection) if (chunk.length > 0) break;
          } else {
            if (how === 'the end') peer.end();
            else peer.resetAndDestroy();
            const read = async (): Promise<void> => {
              for await (const chunk of connection) t.true(chunk.length > 0);
            };
            if (how === 'the end') await read();
            else await t.throwsAsync(read, { code: 'ECONNRESET' });
          }
        }
        t.is(await place(t, driver), first, how);
      }
    },
  );

  test.serial(`borrowed: lines, each written back as it was lent, ${driver}`, async (t) => {
    const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed', framing: 'lines' });
    const lines = Array.from(
      { length: 2000 },
      (_, index) => `line ${index} ${'x'.repeat(index % 90)}`,
    );
    const text = lines.map((line) => `${line}\n`).join('');
    const echoed = receiveExactly(peer, text.length);
    const sent = send(peer, text);
    for (let count = 0; count < lines.length; count += 1) {
      const chunk = (await connection.read()) ?? t.fail('the end');
      if (chunk.toString() !== lines[count]) t.fail(`line ${count}: ${chunk.toString()}`);
      await connection.write(chunk);
    }
    await sent;
    t.is((await echoed).toString(), text);
    await finish(t, connection);
  });

  test.serial(
    `borrowed: a chunk outlives its collected connection, and later chunks lie in other memory, ${driver}`,
    async (t) => {
      const kept = await (async (): Promise<Buffer> => {
        const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
        await send(peer, 'forgotten');
        const chunk = (await connection.read()) ?? t.fail('the end');
        const over = connection.closed;
        peer.resetAndDestroy();
        await over;
        return chunk;
      })();
      const isArena = (memory: ArrayBufferLike): boolean =>
        memory.byteLength === kept.buffer.byteLength && memory !== kept.buffer;
      let isElsewhere = false;
      for (let round = 0; round < 200 && !isElsewhere; round += 1) {
        globalThis.gc?.();
        isElsewhere = [...(await flood(t, driver))].some(isArena);
        t.is(kept.toString(), 'forgotten');
      }
      t.true(isElsewhere);
      // The new memory is kept: an unreachable connection makes the reactor replace its memory only once.
      t.is([...(await flood(t, driver))].filter(isArena).length, 1);
    },
  );

  test.serial(
    `borrowed: a connection that gave back after its end is collected, and no other loses its memory, ${driver}`,
    async (t) => {
      const collected = new Set<number>();
      const registry = new FinalizationRegistry<number>((index) => collected.add(index));
      for (const index of [0, 1]) {
        await (async (): Promise<void> => {
          const { connection, peer } = await pairOf(t, { driver, chunks: 'borrowed' });
          await send(peer, 'given back');
          await connection.read();
          peer.resetAndDestroy();
          await connection.closed;
          await t.throwsAsync(connection.read(), { code: 'ECONNRESET' });
          registry.register(connection, index);
        })();
      }
      await eventually('both are collected', () => {
        globalThis.gc?.();
        return collected.size === 2;
      });
      await rounds();
      // Two chunks are held while other connections receive. If the collection counted chunks that were given back already,
      // these two would count as given back too, and their memory would be overwritten.
      const held: { chunk: Buffer; connection: Connection; text: string }[] = [];
      const hold = async (text: string, pair?: Pair): Promise<Pair> => {
        const { connection, peer } = pair ?? (await pairOf(t, { driver, chunks: 'borrowed' }));
        const [chunk] = await Promise.all([connection.read(), send(peer, text)]);
        held.push({ chunk: chunk ?? t.fail('the end'), connection, text });
        return { connection, peer } as Pair;
      };
      const pairs = [await hold('first'), await hold('second')];
      await flood(t, driver);
      for (const { chunk, text } of held.splice(0)) t.is(chunk.toString(), text);
      for (const [index, pair] of pairs.entries()) await hold(`again ${index}`, pair);
      await flood(t, driver);
      for (const { chunk, connection, text } of held) {
        t.is(chunk.toString(), text);
        await finish(t, connection);
      }
    },
  );

  test.serial(
    `borrowed: a chunk of memory that was replaced since is written unchanged, ${driver}`,
    async (t) => {
      const ending = await pairOf(t, { driver, chunks: 'borrowed' });
      const { connection, peer } = await pairOf(t, { driver });
      let isCollected = false;
      const registry = new FinalizationRegistry<undefined>(() => (isCollected = true));
      const kept = await (async (): Promise<Buffer> => {
        const pair = await pairOf(t, { driver, chunks: 'borrowed' });
        await send(pair.peer, 'kept');
        const chunk = (await pair.connection.read()) ?? t.fail('the end');
        const over = pair.connection.closed;
        pair.peer.resetAndDestroy();
        await over;
        registry.register(pair.connection, undefined);
        return chunk;
      })();
      await eventually('its connection is collected', () => {
        globalThis.gc?.();
        return isCollected;
      });
      await rounds();
      // The next chunk is lent from other memory. An end is received into it too, but lends nothing.
      ending.peer.end();
      t.is(await ending.connection.read(), null);
      await connection.write(kept);
      t.is((await receiveExactly(peer, 4)).toString(), 'kept');
    },
  );

  test.serial(
    `borrowed: an abort does not overwrite the chunk that the consumer of events() holds, ${driver}`,
    async (t) => {
      const controller = new AbortController();
      const options = { driver, chunks: 'borrowed', signal: controller.signal } as const;
      const server = await serverOf(t, options);
      const events = server.events();
      const [, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
      await send(peer, 'in hand');
      const event = await nextOf(events);
      if (event.type !== 'data') throw new Error(`${event.type} came first`);
      controller.abort(new Error('enough'));
      await server.closed;
      await flood(t, driver);
      t.is(String(event.data), 'in hand');
      // The next call of next() gives the chunk back.
      await t.throwsAsync(events.next(), { message: 'enough' });
      peer.destroy();
    },
  );
}
