// If bytes that the program wrote are lost, the peer sees a reset and never a clean end. If no byte is lost, it sees the end.
// The peers are connections of edgepoll, because node:net reports a reset as an end if it receives bytes together with it.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection, Driver, ListenOptions, Server } from 'edgepoll';
import { connect } from 'edgepoll';

import { bytes, sha256 } from '../support/bytes.js';
import { eventually } from '../support/eventually.js';
import { drain, nextOf, rejection, serverOf } from '../support/net.js';
import { runFixture } from '../support/process.js';

const MIB = 1_048_576;
/** More bytes than the kernel's buffers hold while the peer does not read. */
const MUCH = 15 * MIB;
const drivers: Driver[] = ['uv', 'thread'];

/** Opens a connection to the server, as its peer. The peer can still write after the server's side has ended. */
async function dial(t: ExecutionContext, { address: { port } }: Server): Promise<Connection> {
  const peer = await connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  t.teardown(() => peer.destroy());
  return peer;
}

/** A server, one connection of it, and its peer. */
async function pairOf(t: ExecutionContext, options: Partial<ListenOptions> = {}) {
  const server = await serverOf(t, options);
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(t, server)]);
  return { server, accepted, connection, peer };
}

/** Reads until the peer's stream is over. Resolves with the bytes, and `end` or the error's code. */
async function receiveAll(peer: Connection): Promise<{ got: Buffer; seen: string | undefined }> {
  const { bytes: got, error } = await drain(peer);
  return { got, seen: error === undefined ? 'end' : error.code };
}

test('a full queue: the other side gets whole lines, then ECONNRESET', async (t) => {
  const framing = { framing: 'lines', maxFrame: 200_000 } as const;
  const server = await serverOf(t, { ...framing, maxBufferedAmount: MIB });
  const accepted = server[Symbol.asyncIterator]();
  const { port } = server.address;
  const [connection, client] = await Promise.all([
    nextOf(accepted),
    connect({ host: '127.0.0.1', port, ...framing }),
  ]);
  t.teardown(() => client.destroy());
  const line = `${'x'.repeat(99_999)}!`;
  // More than the kernel's buffers and the send queue hold, before the client has read anything.
  for (let count = 0; count < 160; count += 1) connection.write(line).catch(() => {});
  t.is((await connection.closed).error?.message.includes(`maxBufferedAmount (${MIB})`), true);
  let whole = 0;
  const read = async (): Promise<void> => {
    for await (const received of client) {
      t.is(received.length, line.length);
      whole += 1;
    }
  };
  t.is((await rejection(read())).code, 'ECONNRESET');
  t.true(whole < 160);
});

test('destroy() with bytes queued is a reset, and without any it is an end', async (t) => {
  const { connection, peer } = await pairOf(t);
  connection.write(Buffer.alloc(MUCH)).catch(() => {});
  connection.destroy();
  t.true((await connection.closed).bytesUnsent > 0);
  t.is((await receiveAll(peer)).seen, 'ECONNRESET');

  const other = await pairOf(t);
  await other.connection.write('all of it');
  other.connection.destroy();
  const { got, seen } = await receiveAll(other.peer);
  t.like({ got: got.toString(), seen }, { got: 'all of it', seen: 'end' });
});

test('destroy() loses no byte of a write that is staged and fits into the kernel’s buffers', async (t) => {
  const { connection, peer } = await pairOf(t);
  void connection.write('staged');
  connection.destroy();
  const { got, seen } = await receiveAll(peer);
  t.like({ got: got.toString(), seen }, { got: 'staged', seen: 'end' });
});

for (const how of ['destroy()', 'close()'] as const) {
  test(`server.${how} is a reset for connections with bytes queued`, async (t) => {
    const { server, accepted, connection, peer } = await pairOf(t);
    const [other, whole] = await Promise.all([nextOf(accepted), dial(t, server)]);
    await other.write('all of it');
    connection.write(Buffer.alloc(MUCH)).catch(() => {});
    if (how === 'destroy()') server.destroy();
    else await server.close({ timeout: 0 });
    await server.closed;
    t.is((await receiveAll(peer)).seen, 'ECONNRESET');
    t.is((await receiveAll(whole)).seen, 'end');
  });
}

const ways: Readonly<Record<string, (connection: Connection, server: Server) => unknown>> = {
  'destroy()': (connection) => connection.destroy(),
  'server.destroy()': (_, server) => server.destroy(),
  'close({ graceful: false })': (_, server) => server.close({ graceful: false }),
  'a line that is too long': (connection) => connection.read().catch(() => {}),
};
for (const [way, end] of Object.entries(ways)) {
  test(`${way} with bytes of the peer unread is an end if they were received, and a reset if not`, async (t) => {
    const options = way.startsWith('a line') ? ({ framing: 'lines', maxFrame: 1 } as const) : {};
    // One turn receives the short message whole. Of the long one the kernel keeps a part.
    for (const [length, expected] of [
      [1000, 'end'],
      [MIB, 'ECONNRESET'],
    ] as const) {
      const { server, connection, peer } = await pairOf(t, options);
      peer.write(Buffer.alloc(length)).catch(() => {});
      await eventually('a part was received', () => connection.bytesRead >= Math.min(length, 1000));
      await end(connection, server);
      t.is((await receiveAll(peer)).seen, expected, `${length} bytes`);
      await server.close({ graceful: false });
    }
  });
}

test('a deadline with bytes queued is a reset', async (t) => {
  const { connection, peer } = await pairOf(t, { endTimeout: 50 });
  connection.write(Buffer.alloc(MUCH)).catch(() => {});
  connection.end().catch(() => {});
  t.like((await connection.closed).error, { code: 'ETIMEDOUT', syscall: 'write' });
  t.is((await receiveAll(peer)).seen, 'ECONNRESET');
});

test('a frame that is too long is a reset with bytes queued, and the error names the limit', async (t) => {
  for (const writes of [0, MUCH / 1000]) {
    const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 1000 });
    const line = 'y'.repeat(999);
    for (let count = 0; count < writes; count += 1) connection.write(line).catch(() => {});
    await peer.write('x'.repeat(1100));
    const { error, bytesUnsent } = await connection.closed;
    t.like(error, {
      code: 'ERR_FRAME_TOO_LONG',
      message: 'the peer sent more than maxFrame (1000) bytes in a frame',
    });
    t.is(bytesUnsent > 0, writes > 0);
    t.is((await receiveAll(peer)).seen, writes > 0 ? 'ECONNRESET' : 'end');
  }
});

test('the error of a malformed frame names the limit, or the delimiter that the frame holds', async (t) => {
  const { connection } = await pairOf(t, { framing: 'lines', maxFrame: 50 });
  const long = await rejection(connection.write('x'.repeat(51)));
  t.is(
    long.message,
    "not a message of the framing 'lines': it has 51 bytes, more than maxFrame allows (50)",
  );
  const two = await rejection(connection.end('two\nlines'));
  t.is(two.message, "not a message of the framing 'lines': it holds a delimiter");
});

test('reset(): the peer sees a reset though no byte was lost', async (t) => {
  const { connection, peer } = await pairOf(t);
  const reading = connection.read();
  connection.reset();
  t.is(await reading, null);
  t.like(await connection.closed, { cause: 'destroyed', error: undefined, bytesUnsent: 0 });
  t.is((await rejection(connection.write('x'))).code, 'ERR_CLOSED');
  t.is((await receiveAll(peer)).seen, 'ECONNRESET');
  connection.reset();
  connection.destroy(new Error('too late'));
  t.is((await connection.closed).error, undefined);
});

test('reset() with events() gives a close event', async (t) => {
  const server = await serverOf(t);
  const events = server.events();
  const peer = await dial(t, server);
  const { connection } = await nextOf(events);
  connection.reset();
  t.like(await nextOf(events), { type: 'close', connection, reason: { cause: 'destroyed' } });
  t.is((await receiveAll(peer)).seen, 'ECONNRESET');
});

for (const [name, options] of [
  ['the default limit', {}],
  ['a limit that the write passes', { maxBufferedAmount: MIB }],
  ['lines', { framing: 'lines', maxFrame: 8 * MIB }],
] as const) {
  test(`a long write that is not awaited and end(last) after it arrive whole, ${name}`, async (t) => {
    const { connection, peer } = await pairOf(t, options);
    const message = bytes(6 * MIB, 1).map((byte) => (byte === 10 ? 11 : byte));
    const written = connection.write(message);
    const ended = connection.end('last');
    const separator = 'framing' in options ? '\n' : '';
    const { got, seen } = await receiveAll(peer);
    t.is(seen, 'end');
    t.is(sha256(got), sha256(Buffer.from(message), Buffer.from(`${separator}last${separator}`)));
    await Promise.all([written, ended]);
  });
}

test('end(data) is sent together with the writes before it, for every type of bytes', async (t) => {
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set([97, 98, 99]);
  for (const [data, text] of [
    ['', ''],
    ['text', 'text'],
    [new Uint8Array([120]), 'x'],
    [shared, 'abc'],
    [Buffer.alloc(5000, 'y'), 'y'.repeat(5000)],
  ] as const) {
    const { connection, peer } = await pairOf(t);
    void connection.write('one ');
    void connection.write('two ');
    await connection.end(data);
    const { got, seen } = await receiveAll(peer);
    t.like({ got: got.toString(), seen }, { got: `one two ${text}`, seen: 'end' });
    t.is((await rejection(connection.end(data))).code, 'ERR_WRITE_AFTER_END');
  }
  const { connection } = await pairOf(t);
  t.throws(() => void connection.end(5 as unknown as string), { instanceOf: TypeError });
  await connection.write('it goes on');
});

for (const driver of drivers) {
  for (const how of [
    'exit',
    'exit, a listener writes the bytes',
    'exit, a listener ends with the bytes',
    'an uncaught exception',
    'nothing left to do',
    'exit of a worker',
    'a worker is terminated',
  ]) {
    test(`the process ends with bytes queued: a reset, ${how}, ${driver}`, async (t) => {
      const server = await serverOf(t);
      const accepted = nextOf(server[Symbol.asyncIterator]());
      const { port } = server.address;
      const ended = await runFixture('lost-bytes', how, String(port), driver);
      t.is(ended.code, how === 'an uncaught exception' ? 1 : 0, ended.stderr);
      t.is((await receiveAll(await accepted)).seen, 'ECONNRESET');
    });
  }
}

test('bytes that were queued and then received do not count as lost: the end is clean', async (t) => {
  const { connection, peer } = await pairOf(t);
  const receiving = receiveAll(peer);
  await connection.write(Buffer.alloc(MUCH));
  await connection.end();
  const { got, seen } = await receiving;
  t.like({ length: got.length, seen }, { length: MUCH, seen: 'end' });
});
