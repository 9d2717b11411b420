// connection.pause() and resume(), for every kind of consumer: bytes that arrive wait in the kernel, none are lost, and the
// consumer gets none before resume().
import test from 'ava';
import type { Driver } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { eventually, rounds, watch } from '../support/eventually.js';
import {
  delivered,
  dial,
  drain,
  nextOf,
  pairOf,
  receiveAll,
  send,
  serverOf,
} from '../support/net.js';

for (const driver of ['uv', 'thread'] satisfies Driver[]) {
  test(`pause(): what has arrived can be read, then read() waits until resume(), ${driver}`, async (t) => {
    const { connection, peer } = await pairOf(t, { driver });
    t.false(connection.isPaused);
    await send(peer, 'before');
    await eventually('it has arrived', () => connection.bytesRead === 6);
    t.is(connection.pause(), connection);
    t.true(connection.pause().isPaused);
    await send(peer, 'after');
    await delivered(peer);
    await rounds();
    t.is(connection.bytesRead, 6);
    t.is((await connection.read())?.toString(), 'before');
    const next = connection.read();
    const state = watch(next);
    await rounds();
    t.false(state.fulfilled);
    t.false(connection.resume().resume().isPaused);
    t.is((await next)?.toString(), 'after');
  });

  test(`pause() with events(): later events wait, other connections go on, resume() gives the events in order, ${driver}`, async (t) => {
    const server = await serverOf(t, { driver, framing: 'lines' });
    const events = server.events();
    const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
    const [{ connection: other }, otherPeer] = await Promise.all([
      nextOf(events),
      dial(server.address.port),
    ]);
    const received = receiveAll(peer);
    peer.end('1\n2\n3\n');
    const first = await nextOf(events);
    t.is(first.type === 'data' && first.data.toString(), '1');
    connection.pause();
    for (const word of ['a', 'b']) {
      await send(otherPeer, `${word}\n`);
      const event = await nextOf(events);
      t.like(event, { type: 'data', connection: other });
    }
    connection.resume();
    const seen: string[] = [];
    for (let event = await nextOf(events); event.type !== 'close'; event = await nextOf(events)) {
      seen.push(event.type === 'data' ? event.data.toString() : event.type);
    }
    t.deepEqual(seen, ['2', '3', 'end']);
    t.true((await received).fin);
    otherPeer.destroy();
  });
}

test('pause() and the read watermark both stop receiving: it goes on once neither stops it', async (t) => {
  const { connection, peer, server, accepted } = await pairOf(t, { readHighWaterMark: 20_000 });
  const [other, otherPeer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  const fence = async (): Promise<void> => {
    await send(otherPeer, '.');
    await other.read();
  };
  const message = bytes(4 * 1_048_576, 1);
  peer.end(message);
  await eventually('the watermark pauses', () => connection.bytesRead >= 20_000);
  await fence();
  const parts: Buffer[] = [];
  const read = async (): Promise<number> => {
    const chunk = (await connection.read()) ?? t.fail('the end');
    parts.push(chunk);
    return chunk.length;
  };
  connection.pause();
  // The consumer has taken every chunk, so the watermark no longer stops receiving; pause() still does.
  const before = connection.bytesRead;
  for (let taken = 0; taken < before;) taken += await read();
  await fence();
  t.is(connection.bytesRead, before);
  connection.resume();
  await eventually('the watermark pauses again', () => connection.bytesRead >= before + 20_000);
  await fence();
  const again = connection.bytesRead;
  connection.pause();
  connection.resume();
  await fence();
  t.is(connection.bytesRead, again, 'the watermark still pauses');
  parts.push((await drain(connection)).bytes);
  t.is(sha256(...parts), sha256(message));
  otherPeer.destroy();
});

test('pause() does not stop writing', async (t) => {
  const { connection, peer } = await pairOf(t);
  connection.pause();
  const received = receiveAll(peer);
  const message = bytes(8 * 1_048_576, 2);
  await connection.write(message);
  await connection.end();
  t.is(sha256((await received).bytes), sha256(message));
});

test('pause() of a connection that is over has no effect', async (t) => {
  const { connection, peer } = await pairOf(t);
  await send(peer, 'last');
  await eventually('it has arrived', () => connection.bytesRead === 4);
  peer.resetAndDestroy();
  await connection.closed;
  t.false(connection.pause().isPaused);
  t.is((await connection.read())?.toString(), 'last');
  await t.throwsAsync(connection.read(), { code: 'ECONNRESET' });
  t.false(connection.resume().isPaused);
});

test('a paused connection with events(): after destroy() only its close event comes', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  await send(peer, 'lost');
  await eventually('it has arrived', () => connection.bytesRead === 4);
  connection.pause();
  const pending = nextOf(events);
  const state = watch(pending);
  await rounds();
  t.false(state.fulfilled);
  connection.destroy();
  t.false(connection.isPaused);
  t.like(await pending, { type: 'close', connection, reason: { cause: 'destroyed' } });
  peer.destroy();
});
