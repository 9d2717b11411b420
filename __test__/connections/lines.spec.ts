// Framing by lines: the lines do not depend on how the input is cut, and a peer that passes the limit fails only its own
// connection.
import test from 'ava';

import { bytes, numbers } from '../support/bytes.js';
import {
  dial,
  drain,
  nextOf,
  pairOf,
  receiveAll,
  rejection,
  send,
  serverOf,
} from '../support/net.js';

const TEXT = 'one\r\n\ntwo\nthree\r\r\n\r\nfünf 🌍\nlast';
const LINES = ['one', '', 'two', 'three\r', '', 'fünf 🌍', 'last'];

test('any cutting of the input gives the same lines', async (t) => {
  const input = Buffer.from(TEXT);
  const server = await serverOf(t, { framing: 'lines' });
  const accepted = server[Symbol.asyncIterator]();
  for (let step = 1; step <= input.length; step += 1) {
    const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
    const lines: string[] = [];
    const reading = (async () => {
      for await (const line of connection) lines.push(line.toString());
    })();
    for (let at = 0; at < input.length; at += step) await send(peer, input.subarray(at, at + step));
    peer.end();
    await reading;
    t.deepEqual(lines, LINES, `pieces of ${step}`);
    peer.destroy();
  }
});

test('200,000 lines in large pieces come whole and in order', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  const next = numbers(11);
  const lines = Array.from({ length: 200_000 }, (_, index) =>
    `${index} `.padEnd(Math.floor(next() * 40), 'x'),
  );
  const sending = send(peer, `${lines.join('\n')}\n`).then(() => peer.end());
  let count = 0;
  for await (const line of connection) {
    if (line.toString() !== lines[count]) t.fail(`line ${count}`);
    count += 1;
  }
  await sending;
  t.is(count, lines.length);
});

test('lines that are longer than any buffer of edgepoll come whole', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 2_000_000 });
  const long = bytes(1_900_000, 3).toString('hex').slice(0, 1_900_000);
  void send(peer, `a\n${long}\r\nb\n`).then(() => peer.end());
  t.is((await connection.read())?.toString(), 'a');
  t.true((await connection.read())?.equals(Buffer.from(long)));
  t.is((await connection.read())?.toString(), 'b');
  t.is(await connection.read(), null);
});

test('a line beyond maxFrame: ERR_FRAME_TOO_LONG on that connection only, after the lines before it', async (t) => {
  const { server, accepted, connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 5 });
  const other = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  void receiveAll(peer);
  await send(peer, 'good\n12345\r\n123456\nnever\n');
  const { bytes: received, error } = await drain(connection);
  t.is(received.toString(), 'good12345');
  t.is(error?.code, 'ERR_FRAME_TOO_LONG');
  t.like(await connection.closed, { cause: 'failed', error });
  await send(other[1], 'fine\n');
  t.is((await other[0].read())?.toString(), 'fine');
  other[1].destroy();
});

test('a line that never ends is refused at the limit, not collected', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 1000 });
  void receiveAll(peer);
  peer.write(Buffer.alloc(4 * 1_048_576, 0x61));
  t.is((await rejection(connection.read())).code, 'ERR_FRAME_TOO_LONG');
  t.true(connection.bytesRead < 1_048_576, `${connection.bytesRead} bytes read`);
});

test('write() appends LF, in order, small and large', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  const received = receiveAll(peer);
  const large = 'x'.repeat(60_000);
  const lines = ['a', '', 'b', large, 'c\r'];
  for (const line of lines) await connection.write(line);
  await connection.end('end');
  t.is((await received).bytes.toString(), [...lines, 'end', ''].join('\n'));
});

test('write() of a malformed line is rejected and sends nothing; the connection goes on', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 10 });
  const received = receiveAll(peer);
  for (const bad of ['a\nb', '\n', 'ends\n', 'x'.repeat(11)]) {
    void connection.write(bad);
    t.is((await rejection(connection.write(bad))).code, 'ERR_MALFORMED');
  }
  await connection.write('x'.repeat(10));
  await connection.end();
  t.is((await received).bytes.toString(), `${'x'.repeat(10)}\n`);
});

test('a reset in the middle of a line is a reset and not a line', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  await send(peer, 'whole\nhal');
  t.is((await connection.read())?.toString(), 'whole');
  peer.resetAndDestroy();
  t.is((await rejection(connection.read())).code, 'ECONNRESET');
});
