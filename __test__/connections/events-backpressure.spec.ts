// A peer that reads slowly, with server.events(): the events of its connection wait, the events of other connections continue,
// and no byte is lost.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect } from 'edgepoll';
import type { CloseReason, Connection, Driver, ListenOptions, Server, ServerEvent } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { eventually, rounds } from '../support/eventually.js';
import {
  delivered,
  dial,
  nextOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';
import { standsStill } from './helpers.js';

const MIB = 1_048_576;
/** A limit that a server without back-pressure soon exceeds. */
const SMALL_QUEUE = { maxBufferedAmount: MIB };

/** The README's echo server. The result collects the close reason of each connection. */
function echo(server: Server): CloseReason[] {
  const reasons: CloseReason[] = [];
  void (async () => {
    for await (const event of server.events()) {
      if (event.type === 'data') void event.connection.write(event.data);
      if (event.type === 'close') reasons.push(event.reason);
    }
  })();
  return reasons;
}

for (const driver of ['uv', 'thread'] satisfies Driver[]) {
  for (const chunks of ['owned', 'borrowed'] as const) {
    test(`events() echo: a peer that reads late gets everything, ${driver}, ${chunks}`, async (t) => {
      const server = await serverOf(t, { driver, chunks, ...SMALL_QUEUE });
      const reasons = echo(server);
      const slow = await dial(server.address.port);
      t.teardown(() => slow.destroy());
      await eventually('it is accepted', () => server.connections.size === 1);
      const [connection] = [...server.connections] as [Connection];
      const message = bytes(24 * MIB, 1);
      slow.end(message);
      await standsStill('what is received', () => connection.bytesRead);
      const kept = connection.bytesRead - connection.bytesWritten;
      // The high watermark and the read watermark. One turn may pass each of them by `turn`.
      const turn = chunks === 'owned' ? 262_144 + 65_536 : MIB;
      t.true(kept <= 2 * (65_536 + turn), `${kept} bytes are kept`);
      const other = await dial(server.address.port);
      t.teardown(() => other.destroy());
      for (let round = 0; round < 50; round += 1) {
        await send(other, `round ${round}`);
        t.is((await receiveExactly(other, `round ${round}`.length)).toString(), `round ${round}`);
      }
      const received = await receiveAll(slow);
      t.is(received.error, undefined);
      t.true(received.fin);
      t.is(sha256(received.bytes), sha256(message));
      await eventually('the close event', () => reasons.length === 1);
      t.like(reasons[0], { cause: 'ended', bytesUnsent: 0 });
    });
  }
}

test('backpressure false: events do not wait, and the send queue overflows', async (t) => {
  const server = await serverOf(t, SMALL_QUEUE);
  const events = server.events({ backpressure: false });
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  peer.write(bytes(24 * MIB, 1));
  let event: ServerEvent;
  do {
    event = await nextOf(events);
    if (event.type === 'data') void connection.write(event.data);
  } while (event.type !== 'close');
  t.like(event.reason, { cause: 'failed', error: { code: 'ERR_SEND_QUEUE_FULL' } });
});

test('events() refuses an option of the wrong type and an unknown option', async (t) => {
  const server = await serverOf(t);
  t.throws(() => server.events({ backpressure: 1 as unknown as boolean }), {
    instanceOf: TypeError,
    message: /backpressure must be true or false/,
  });
  t.throws(() => server.events({ backPressure: true } as object), {
    instanceOf: TypeError,
    message: /backpressure/,
  });
});

/** A connection whose events wait because its send queue is long, the consumer of the events, and a second connection. */
async function held(t: ExecutionContext, options: Partial<ListenOptions> = {}) {
  const server = await serverOf(t, { maxBufferedAmount: 64 * MIB, ...options });
  const events = server.events();
  const open = async (): Promise<[Connection, Socket]> => {
    const both = await Promise.all([nextOf(events), dial(server.address.port)]);
    t.teardown(() => both[1].destroy());
    return [both[0].connection, both[1]];
  };
  const [connection, peer] = await open();
  const [other, otherPeer] = await open();
  // More than the kernel's buffers hold.
  const reply = bytes(24 * MIB, 2);
  const written = connection.write(reply);
  written.catch(() => {});
  t.true(connection.bufferedAmount >= 65_536);
  /** Resolves when the server has received this many bytes of the connection. */
  const arrived = (length: number): Promise<void> =>
    eventually('it has arrived', () => connection.bytesRead === length);
  /** Checks that the next event belongs to the other connection. */
  const fence = async (): Promise<void> => {
    await send(otherPeer, 'fence');
    const event = await nextOf(events);
    t.like(event, { type: 'data', connection: other });
  };
  return { server, events, connection, peer, reply, written, arrived, fence };
}

test('while the send queue is long, events wait; then they come in order, and the close last', async (t) => {
  const { events, connection, peer, reply, written, arrived, fence } = await held(t);
  for (const [index, word] of ['a', 'b', 'c'].entries()) {
    await send(peer, word);
    await arrived(index + 1);
    await fence();
  }
  peer.end();
  await delivered(peer);
  await fence();
  const received = receiveAll(peer);
  await written;
  const seen: string[] = [];
  for (let event = await nextOf(events); event.type !== 'close'; event = await nextOf(events)) {
    t.is(event.connection, connection);
    seen.push(event.type === 'data' ? event.data.toString() : event.type);
  }
  t.deepEqual(
    seen.filter((type) => type !== 'drain'),
    ['a', 'b', 'c', 'end'],
  );
  t.is(seen.length, 5, 'one drain');
  t.is(sha256((await received).bytes), sha256(reply));
});

test('a next() that was called while events wait gets them once the queue has drained', async (t) => {
  const { events, connection, peer, reply, arrived } = await held(t);
  const event = nextOf(events);
  await send(peer, 'waits');
  await arrived(5);
  await rounds();
  const received = receiveExactly(peer, reply.length);
  t.like(await event, { type: 'drain', connection });
  const data = await nextOf(events);
  t.is(data.type === 'data' && data.data.toString(), 'waits');
  await received;
});

test('destroying a connection drops the events that wait, and only its close comes', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  const [{ connection: other }, otherPeer] = await Promise.all([
    nextOf(events),
    dial(server.address.port),
  ]);
  t.teardown(() => [peer, otherPeer].forEach((socket) => socket.destroy()));
  for (const [index, word] of ['a', 'b'].entries()) {
    await send(peer, word);
    await eventually('it has arrived', () => connection.bytesRead === index + 1);
  }
  connection.pause();
  await send(otherPeer, 'fence');
  t.like(await nextOf(events), { type: 'data', connection: other });
  connection.resume();
  t.like(await nextOf(events), { type: 'data', connection, data: Buffer.from('a') });
  connection.destroy();
  t.like(await nextOf(events), { type: 'close', connection, reason: { cause: 'destroyed' } });
  // The destroyed connection no longer counts as held, so events of other connections come as usual.
  await send(otherPeer, 'fence');
  t.like(await nextOf(events), { type: 'data', connection: other });
});

test('a pending next() gets no event of a paused connection', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const [{ connection }, peer] = await Promise.all([nextOf(events), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  connection.pause();
  connection.resume();
  const pending = [nextOf(events), nextOf(events), nextOf(events)];
  // The consumer of the first chunk pauses the connection before the second chunk arrives.
  await send(peer, 'first');
  const first = await pending[0];
  t.is(first?.type === 'data' && first.data.toString(), 'first');
  connection.pause();
  const [open, otherPeer] = await Promise.all([pending[1], dial(server.address.port)]);
  t.is(open?.type, 'open');
  t.teardown(() => otherPeer.destroy());
  await send(peer, 'second');
  await send(otherPeer, 'other');
  t.like(await pending[2], { type: 'data', connection: open?.connection });
  connection.resume();
  const second = await nextOf(events);
  t.is(second.type === 'data' && second.data.toString(), 'second');
});

test('a reset while events wait: the events come first, then the close with its error', async (t) => {
  const { events, connection, peer, arrived, fence } = await held(t);
  await send(peer, 'before the reset');
  await arrived(16);
  await fence();
  peer.resetAndDestroy();
  const data = await nextOf(events);
  t.is(data.type === 'data' && data.data.toString(), 'before the reset');
  t.like(await nextOf(events), {
    type: 'close',
    connection,
    reason: { cause: 'failed', error: { code: 'ECONNRESET' } },
  });
});

test('a send that fails while events wait: all bytes that arrived come first, also those still in the kernel', async (t) => {
  const { events, connection, peer, arrived } = await held(t, {
    readHighWaterMark: 1,
    endTimeout: 5000,
  });
  await send(peer, 'x');
  await arrived(1);
  // The read watermark is passed, so these bytes stay in the kernel until the consumer has taken the first one.
  await send(peer, bytes(20_000, 3));
  await delivered(peer);
  peer.resetAndDestroy();
  let length = 0;
  let event = await nextOf(events);
  for (; event.type === 'data'; event = await nextOf(events)) length += event.data.length;
  t.is(length, 20_001);
  const reason = { cause: 'failed', error: { code: 'ECONNRESET' } };
  t.like(event, { type: 'close', connection, reason });
});

for (const how of ['destroy()', 'server.destroy()', 'end()'] as const) {
  test(`${how} while events wait`, async (t) => {
    const { server, events, connection, peer, reply, arrived, fence } = await held(t);
    await send(peer, 'waits');
    await arrived(5);
    await fence();
    if (how === 'destroy()') connection.destroy();
    if (how === 'server.destroy()') server.destroy();
    if (how === 'end()') {
      // After end() the program can write nothing more, so the events need not wait.
      const ended = connection.end();
      const data = await nextOf(events);
      t.is(data.type === 'data' && data.data.toString(), 'waits');
      const received = receiveExactly(peer, reply.length);
      await ended;
      await received;
      return;
    }
    const closes = how === 'destroy()' ? 1 : 2;
    const seen: ServerEvent[] = [];
    while (seen.length < closes) seen.push(await nextOf(events));
    t.true(seen.every(({ type }) => type === 'close'));
    if (how === 'server.destroy()') t.true((await events.next()).done, 'nothing else waits');
    else await fence();
  });
}

test('leaving the loop while events wait: every connection is destroyed and no event follows', async (t) => {
  const { server, events, peer, arrived, fence } = await held(t);
  await send(peer, 'waits');
  await arrived(5);
  await fence();
  await events.return?.();
  await server.closed;
  t.true((await server.events().next()).done);
});

test('a connection is held many times, and each byte comes once', async (t) => {
  // A single queued byte is enough to hold the connection until it is sent.
  const options = { framing: 'lines', highWaterMark: 1, lowWaterMark: 0 } as const;
  const server = await serverOf(t, options);
  const reasons = echo(server);
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  const lines = Array.from({ length: 20_000 }, (_, index) => `${index} ${'x'.repeat(index % 300)}`);
  const text = `${lines.join('\n')}\n`;
  peer.end(text);
  await rounds();
  t.is((await receiveAll(peer)).bytes.toString(), text);
  await eventually('the close event', () => reasons.length === 1);
});

test('two tasks of one connection, one that writes and one that reads, against an echo', async (t) => {
  // The task that reads must not wait for the one that writes, or each end would wait for the other.
  const server = await serverOf(t, SMALL_QUEUE);
  echo(server);
  const connection = await connect({ host: '127.0.0.1', port: server.address.port });
  t.teardown(() => connection.destroy());
  const part = bytes(300_000, 3);
  const writing = (async () => {
    for (let count = 0; count < 80; count += 1) await connection.write(part);
    await connection.end();
  })();
  const hash = createHash('sha256');
  for await (const chunk of connection) hash.update(chunk);
  await writing;
  t.is(hash.digest('hex'), sha256(...Array.from({ length: 80 }, () => part)));
});

const styles: Record<string, (server: Server) => void> = {
  'events()': (server) => void echo(server),
  'an iterator per connection': (server) => {
    void (async () => {
      for await (const connection of server) {
        void (async () => {
          for await (const chunk of connection) await connection.write(chunk);
        })();
      }
    })();
  },
};

for (const [style, run] of Object.entries(styles)) {
  test.serial(`nc -N with 60 MB gets everything back: ${style}`, async (t) => {
    const server = await serverOf(t, SMALL_QUEUE);
    run(server);
    const message = bytes(60_000_000, 4);
    const { port } = server.address;
    const nc = spawn('nc', ['-N', '127.0.0.1', String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.teardown(() => nc.kill());
    nc.stdin.end(message);
    const hash = createHash('sha256');
    for await (const chunk of nc.stdout) hash.update(chunk as Buffer);
    if (nc.exitCode === null) await once(nc, 'exit');
    t.is(nc.exitCode, 0);
    t.is(hash.digest('hex'), sha256(message));
  });
}

test('events() of a held connection: rejected writes do not release it twice', async (t) => {
  const { events, connection, peer, arrived, fence } = await held(t);
  await send(peer, 'waits');
  await arrived(5);
  connection.pause();
  await fence();
  connection.destroy(new Error('enough'));
  t.like(await nextOf(events), { type: 'close', connection });
  t.is((await rejection(connection.write('x'))).message, 'enough');
  await fence();
});
