// Writing messages of a protocol: what encode() writes is what leaves, in order, whatever its length.
import test from 'ava';
import type { MessageWriter } from 'edgepoll';

import { receiveAll, receiveExactly, rejection, send } from '../support/net.js';
import { drivers } from '../support/process.js';
import { speakingPair } from './helpers.js';
import { plugin, probe } from './probe.js';

/** A protocol whose sessions do not encode: what JavaScript writes leaves as it is. */
const plain = (write: (message: string, writer: MessageWriter) => unknown) => ({
  ...probe(plugin.frames()),
  encode: (message: string, writer: MessageWriter) => {
    write(message, writer);
  },
});

for (const driver of drivers) {
  test(`messages leave in the order of their writes; driver ${driver}`, async (t) => {
    const protocol = plain((message, writer) => writer.text(message));
    const { connection, peer } = await speakingPair(t, protocol, { driver });
    // Short ones share the stage, and long ones leave it.
    const lengths = [1, 10, 70_000, 3, 4096, 5000, 65_536, 2, 200_000, 7];
    const messages = lengths.map((length, index) => String(index).repeat(length));
    const received = receiveAll(peer);
    for (const message of messages) void connection.write(message);
    await connection.end('last');
    t.is((await received).bytes.toString(), `${messages.join('')}last`);
    peer.end();
    t.like(await connection.closed, { cause: 'ended', bytesUnsent: 0 });
  });

  test(`sessions that encode get each message with its kind; driver ${driver}`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(), { driver });
    const received = receiveAll(peer);
    const long = 'y'.repeat(100_000);
    for (const message of ['one', { kind: 7, text: 'two' }, long, ''])
      void connection.write(message);
    await connection.end({ kind: 3, text: 'last' });
    t.is((await received).bytes.toString(), `one\ntwo\n${long}\n\nlast\nbye\n`);
  });
}

test('sessions that encode frames get each message alone, also an empty one', async (t) => {
  const protocol = probe(plugin.counted());
  const { connection, peer } = await speakingPair(t, protocol);
  const received = receiveAll(peer);
  for (const message of ['one', 'two', '', 'three']) void connection.write(message);
  await connection.end('last');
  t.is((await received).bytes.toString(), '3:one3:two0:5:three4:last');
});

test('messages to one connection in a row leave in one piece', async (t) => {
  const { connection, peer } = await speakingPair(
    t,
    plain((message, writer) => writer.text(message)),
  );
  const pieces: number[] = [];
  peer.on('data', (piece: Buffer) => pieces.push(piece.length));
  for (let index = 0; index < 1000; index += 1) void connection.write('0123456789');
  await connection.end();
  await new Promise((resolve) => peer.once('end', resolve));
  t.deepEqual(pieces, [10_000]);
});

const written: [name: string, write: (writer: MessageWriter) => unknown, bytes: string][] = [
  [
    'text',
    (writer) =>
      writer
        .text('hé')
        .text('')
        .text(`${'x'.repeat(30)}é`),
    `68c3a9${'78'.repeat(30)}c3a9`,
  ],
  ['latin1', (writer) => writer.latin1('hé').latin1('é'.repeat(30)), `68e9${'e9'.repeat(30)}`],
  ['ascii', (writer) => writer.ascii('ab'), '6162'],
  ['bytes', (writer) => writer.bytes(Uint8Array.of(1, 2)).bytes(Buffer.of()), '0102'],
  [
    'decimal',
    (writer) =>
      writer
        .decimal(0)
        .decimal(42)
        .decimal(-1)
        .decimal(100)
        .decimal(2n ** 64n),
    Buffer.from('042-110018446744073709551616').toString('hex'),
  ],
  ['u8', (writer) => writer.u8(0).u8(255), '00ff'],
  ['u16', (writer) => writer.u16(0x0102).u16(0x0102, true), '01020201'],
  ['u24', (writer) => writer.u24(0x01_0203).u24(0x01_0203, true), '010203030201'],
  ['u32', (writer) => writer.u32(0xff02_0304).u32(0xff02_0304, true), 'ff020304040302ff'],
  [
    'u64',
    (writer) => writer.u64(2n ** 64n - 2n).u64(258, true),
    'fffffffffffffffe0201000000000000',
  ],
  ['varint', (writer) => writer.varint(127).varint(300).varint(0xffff_ffff), '7fac02ffffffff0f'],
];

for (const [name, write, bytes] of written) {
  test(`writer.${name}()`, async (t) => {
    let length = 0;
    const { connection, peer } = await speakingPair(
      t,
      plain((_message, writer) => {
        write(writer);
        ({ length } = writer);
      }),
    );
    void connection.write('');
    t.is((await receiveExactly(peer, bytes.length / 2)).toString('hex'), bytes);
    t.is(length, bytes.length / 2);
  });
}

const refused: [name: string, write: (writer: MessageWriter) => unknown, code: string][] = [
  ['text of a number', (writer) => writer.text(5 as never), 'ERR_INVALID_ARG_TYPE'],
  ['bytes of a string', (writer) => writer.bytes('x' as never), 'ERR_INVALID_ARG_TYPE'],
  ['decimal of a fraction', (writer) => writer.decimal(1.5), 'ERR_OUT_OF_RANGE'],
  ['decimal of a text', (writer) => writer.decimal('1' as never), 'ERR_INVALID_ARG_TYPE'],
  ['u8 of 256', (writer) => writer.u8(256), 'ERR_OUT_OF_RANGE'],
  ['u16 of -1', (writer) => writer.u16(-1), 'ERR_OUT_OF_RANGE'],
  ['u32 of a text', (writer) => writer.u32('1' as never), 'ERR_INVALID_ARG_TYPE'],
  ['u64 of 2^64', (writer) => writer.u64(2n ** 64n), 'ERR_OUT_OF_RANGE'],
  ['a kind without an encoding session', (writer) => writer.kind(1), 'ERR_PROTOCOL_FAULT'],
];

for (const [name, write, code] of refused) {
  test(`write() throws what encode() throws, and nothing is sent: ${name}`, async (t) => {
    const protocol = plain((message, writer) => {
      writer.text(message);
      if (message === 'bad') write(writer);
    });
    const { connection, peer } = await speakingPair(t, protocol);
    const received = receiveAll(peer);
    void connection.write('before ');
    t.throws(() => void connection.write('bad'), { code });
    t.throws(() => void connection.end('bad'), { code });
    await connection.end('after');
    t.is((await received).bytes.toString(), 'before after');
  });
}

test('the kind of a long message may be set behind its bytes', async (t) => {
  const { connection, peer } = await speakingPair(
    t,
    probe(plugin.probe(), {
      encode: (message, writer) => {
        if (typeof message === 'string') writer.text(message);
        else writer.text(message.text).kind(message.kind);
      },
    }),
  );
  const received = receiveAll(peer);
  void connection.write('first');
  // The session refuses the kind 2. The message is too long to be collected, so its own promise tells.
  const rejected = rejection(connection.write({ kind: 2, text: 'y'.repeat(100_000) }));
  t.like(await rejected, { protocol: 'probe' });
  await connection.end('last');
  t.is((await received).bytes.toString(), 'first\nlast\nbye\n');
});

test('a writer cannot be used after encode()', async (t) => {
  let kept: MessageWriter | undefined;
  const { connection } = await speakingPair(
    t,
    plain((message, writer) => {
      kept = writer.text(message);
    }),
  );
  void connection.write('x');
  for (const use of [
    () => kept?.text('more'),
    () => kept?.text(''),
    () => kept?.u8(1),
    () => kept?.bytes(Buffer.of()),
    () => kept?.decimal(1),
    () => kept?.kind(1),
  ])
    t.throws(use, { code: 'ERR_PROTOCOL_FAULT', message: /finished/ });
});

test('encode() may write to other connections, and to its own', async (t) => {
  const first = await speakingPair(
    t,
    plain((message, writer) => {
      writer.text(`[${message}`);
      if (message.length < 3) {
        void first.connection.write(`${message}*`);
        void second.connection.write(message);
      }
      writer.text(']');
    }),
  );
  const second = await speakingPair(
    t,
    plain((message, writer) => writer.text(message)),
  );
  const received = Promise.all([receiveAll(first.peer), receiveAll(second.peer)]);
  void first.connection.write('a');
  void first.connection.write('abc');
  await first.connection.end();
  await second.connection.end();
  const [one, other] = await received;
  t.is(one.bytes.toString(), '[a**][a*][a][abc]');
  t.is(other.bytes.toString(), 'a*a');
});

test('after the end, write() and end() reject and do not encode', async (t) => {
  let encoded = 0;
  const protocol = plain((message, writer) => {
    encoded += 1;
    writer.text(message);
  });
  const { connection } = await speakingPair(t, protocol);
  await connection.end();
  t.is((await rejection(connection.write('x'))).code, 'ERR_WRITE_AFTER_END');
  t.is((await rejection(connection.end('x'))).code, 'ERR_WRITE_AFTER_END');
  connection.destroy();
  t.is((await rejection(connection.write('x'))).code, 'ERR_CLOSED');
  t.is(encoded, 0);
});

test('write() waits while the peer does not read, and resolves when it reads', async (t) => {
  const { connection, peer } = await speakingPair(
    t,
    plain((message, writer) => writer.text(message)),
  );
  peer.pause();
  const message = 'x'.repeat(50_000);
  let count = 0;
  do {
    void connection.write(message);
    count += 1;
    await new Promise((resolve) => setImmediate(resolve));
  } while (connection.bufferedAmount < 65_536);
  const waits = connection.write(message);
  count += 1;
  let isDone = false;
  void waits.finally(() => {
    isDone = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.false(isDone);
  await Promise.all([waits, receiveExactly(peer, count * message.length)]);
  t.true(isDone);
});

test('a message that the session refuses to encode ends the connection with its error', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  await send(peer, 'echo\n');
  await connection.read();
  void connection.write({ kind: 2, text: 'no' });
  const { error } = await connection.closed;
  t.like(error, {
    code: 'ERR_PROTOCOL_REFUSED',
    message: 'probe: not encoded, as asked',
    protocol: 'probe',
  });
});
