// The built-in framings besides lines: what arrives and what leaves, however the input is cut, and messages that are refused.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { ConnectionOptions, Framing } from 'edgepoll';
import { connect, listen } from 'edgepoll';

import { drain, nextOf, pairOf, receiveAll, rejection, send, serverOf } from '../support/net.js';

type Options = Pick<ConnectionOptions, 'framing' | 'maxFrame'>;

/** The messages that the input gives, cut into pieces of that many bytes, and the error at its end. */
async function messages(
  t: ExecutionContext,
  options: Options,
  input: Buffer,
  piece: number,
): Promise<{ texts: string[]; code: string | undefined }> {
  const { connection, peer } = await pairOf(t, options);
  const texts: string[] = [];
  const reading = (async () => {
    for await (const chunk of connection) texts.push(chunk.toString('latin1'));
  })();
  for (let at = 0; at < input.length; at += piece) await send(peer, input.subarray(at, at + piece));
  peer.end();
  const code = await reading.then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  peer.destroy();
  return { texts, code };
}

interface Reading extends Options {
  framing: Framing;
  input: string;
  /** What arrives. */
  texts: string[];
  code?: string;
}

/** Inputs in Latin-1, one byte for each character. */
const readings: Record<string, Reading> = {
  'lines with their ends': {
    framing: { type: 'lines', keepEnd: true },
    input: 'one\r\n\n\rtwo\nlast\r',
    texts: ['one\r\n', '\n', '\rtwo\n', 'last\r'],
  },
  'lines that are too long are skipped': {
    framing: { type: 'lines', tooLong: 'skip' },
    maxFrame: 5,
    input: '12345\n123456\r\n1234567890123\nnext\r\n123456',
    texts: ['12345', 'next'],
  },
  'lines that are too long are reported with one byte beyond maxFrame': {
    framing: { type: 'lines', tooLong: 'report' },
    maxFrame: 5,
    input: '12345\r\n1234567890123\nnext\n123456\r\n',
    texts: ['12345', '123456', 'next', '123456'],
  },
  'a delimiter': {
    framing: { type: 'delimiter', delimiter: '\r\n.\r\n' },
    input: 'one\r\n..\r\n.\r\n\r\n.\r\nlast\r\n',
    texts: ['one\r\n..', '', 'last\r\n'],
  },
  'messages before a delimiter that are too long are skipped': {
    framing: { type: 'delimiter', delimiter: Buffer.from([0]), tooLong: 'skip', keepEnd: true },
    maxFrame: 3,
    input: 'abc\0abcd\0a\0',
    texts: ['abc\0', 'a\0'],
  },
  'a message before a delimiter that is too long': {
    framing: { type: 'delimiter', delimiter: '||' },
    maxFrame: 3,
    input: 'abc||abcd||e||',
    texts: ['abc'],
    code: 'ERR_FRAME_TOO_LONG',
  },
  'a length of one byte': {
    framing: { type: 'length-prefix', size: 1 },
    input: '\x03abc\0\x01d',
    texts: ['abc', '', 'd'],
  },
  'a length of two bytes with the lowest first': {
    framing: { type: 'length-prefix', size: 2, endian: 'little' },
    input: `\x03\0abc\x2c\x01${'x'.repeat(300)}`,
    texts: ['abc', 'x'.repeat(300)],
  },
  'a length of three bytes': {
    framing: { type: 'length-prefix', size: 3 },
    input: '\0\0\x02ab',
    texts: ['ab'],
  },
  'a length that counts its header': {
    framing: { type: 'length-prefix', size: 4, inclusive: true },
    input: '\0\0\0\x06ab\0\0\0\x04\0\0\0\x03',
    texts: ['ab', ''],
    code: 'ERR_MALFORMED',
  },
  'a length behind other bytes, and more behind the message': {
    framing: { type: 'length-prefix', size: 8, offset: 2, adjust: 1, keepHeader: true },
    input: 'ID\0\0\0\0\0\0\0\x02ab;',
    texts: ['ID\0\0\0\0\0\0\0\x02ab;'],
  },
  'a varint': {
    framing: { type: 'length-prefix', size: 'varint' },
    input: `\x02ab\xac\x02${'x'.repeat(300)}`,
    texts: ['ab', 'x'.repeat(300)],
  },
  'an announced length above maxFrame': {
    framing: { type: 'length-prefix', size: 4 },
    maxFrame: 100,
    input: '\0\0\0\x01a\0\0\0\x65',
    texts: ['a'],
    code: 'ERR_FRAME_TOO_LONG',
  },
  'an end inside a message': {
    framing: { type: 'length-prefix', size: 2 },
    input: '\0\x01a\0\x02b',
    texts: ['a'],
    code: 'ERR_FRAME_TRUNCATED',
  },
  'messages of one size': {
    framing: { type: 'fixed', size: 3 },
    input: 'abcdefg',
    texts: ['abc', 'def'],
    code: 'ERR_FRAME_TRUNCATED',
  },
  netstrings: {
    framing: 'netstring',
    input: '5:hello,0:,3:a,b,',
    texts: ['hello', '', 'a,b'],
  },
  'what is no netstring': {
    framing: { type: 'netstring' },
    input: '1:a,01:b,',
    texts: ['a'],
    code: 'ERR_MALFORMED',
  },
};

for (const [name, { input, texts, code, ...options }] of Object.entries(readings)) {
  test(`reads ${name}, in pieces of any length`, async (t) => {
    const bytes = Buffer.from(input, 'latin1');
    for (const piece of [1, 2, 3, 7, bytes.length])
      t.deepEqual(await messages(t, options, bytes, piece), { texts, code }, `pieces of ${piece}`);
  });
}

interface Writing extends Options {
  framing: Framing;
  messages: string[];
  /** What leaves. */
  output: string;
  /** Messages that write() refuses, with a part of the error's message. */
  refused: [message: string, reason: RegExp][];
}

const writings: Record<string, Writing> = {
  'lines with CR LF': {
    framing: { type: 'lines', write: 'crlf', keepEnd: true },
    maxFrame: 5,
    messages: ['a', '', '12345'],
    output: 'a\r\n\r\n12345\r\n',
    refused: [
      ['a\n', /'lines': it holds a delimiter/],
      ['123456', /more than maxFrame allows \(5\)/],
    ],
  },
  'a delimiter': {
    framing: { type: 'delimiter', delimiter: '--' },
    maxFrame: 5,
    messages: ['a', '', '1-2-3'],
    output: 'a----1-2-3--',
    refused: [
      ['a--b', /'delimiter': it holds a delimiter/],
      ['a-', /it holds a delimiter/],
      ['123456', /more than maxFrame allows \(5\)/],
    ],
  },
  'a length of two bytes': {
    framing: { type: 'length-prefix', size: 2 },
    maxFrame: 5,
    messages: ['a', '', '12345'],
    output: '\0\x01a\0\0\0\x0512345',
    refused: [['123456', /more than maxFrame allows \(5\)/]],
  },
  'a length that counts its header': {
    framing: { type: 'length-prefix', size: 1, inclusive: true },
    messages: ['', 'ab', 'x'.repeat(254)],
    output: `\x01\x03ab\xff${'x'.repeat(254)}`,
    refused: [['x'.repeat(255), /its length does not fit into the header/]],
  },
  'a varint': {
    framing: { type: 'length-prefix', size: 'varint' },
    messages: ['ab', 'x'.repeat(300)],
    output: `\x02ab\xac\x02${'x'.repeat(300)}`,
    refused: [['x'.repeat(65_537), /more than maxFrame allows/]],
  },
  'messages with their header': {
    framing: { type: 'length-prefix', size: 1, offset: 1 },
    maxFrame: 5,
    messages: ['T\x02ab', 'U\0'],
    output: 'T\x02abU\0',
    refused: [
      ['T\x02a', /the length in its header is wrong/],
      ['T', /the length in its header is wrong/],
      ['T\x06abcdef', /or more than maxFrame allows \(5\)/],
    ],
  },
  'messages of one size': {
    framing: { type: 'fixed', size: 3 },
    messages: ['abc', 'def'],
    output: 'abcdef',
    refused: [
      ['ab', /it has 2 bytes, and not 3/],
      ['', /it has 0 bytes, and not 3/],
    ],
  },
  netstrings: {
    framing: 'netstring',
    maxFrame: 10,
    messages: ['hello', '', '0123456789'],
    output: '5:hello,0:,10:0123456789,',
    refused: [['0123456789a', /more than maxFrame allows \(10\)/]],
  },
};

for (const [name, { messages: all, output, refused, ...options }] of Object.entries(writings)) {
  test(`writes ${name}, and goes on after messages that it refuses`, async (t) => {
    const { connection, peer } = await pairOf(t, options);
    const received = receiveAll(peer);
    for (const [message, reason] of refused) {
      const error = await rejection(connection.write(Buffer.from(message, 'latin1')));
      t.is(error.code, 'ERR_MALFORMED');
      t.regex(error.message, reason);
    }
    for (const message of all) await connection.write(Buffer.from(message, 'latin1'));
    await connection.end();
    t.is((await received).bytes.toString('latin1'), output);
  });
}

const both: Framing[] = [
  { type: 'lines', write: 'crlf' },
  { type: 'delimiter', delimiter: 'END' },
  { type: 'length-prefix', size: 2, endian: 'little' },
  { type: 'length-prefix', size: 'varint', inclusive: true, adjust: -1 },
  { type: 'length-prefix', size: 4 },
  'netstring',
];

for (const framing of both) {
  test(`a conversation with ${JSON.stringify(framing)} on both sides`, async (t) => {
    const server = await serverOf(t, { framing });
    const { port } = server.address;
    const accepted = server[Symbol.asyncIterator]();
    const [there, here] = await Promise.all([
      nextOf(accepted),
      connect({ host: '127.0.0.1', port, framing }),
    ]);
    const sent = Array.from({ length: 2000 }, (_, index) => 'x'.repeat(index % 700) + index);
    sent.push('y'.repeat(60_000), '');
    const echo = (async () => {
      for await (const chunk of there) await there.write(chunk);
      await there.end();
    })();
    void (async () => {
      for (const message of sent) await here.write(message);
      await here.end();
    })();
    const came: string[] = [];
    for await (const chunk of here) came.push(chunk.toString());
    await echo;
    t.deepEqual(came, sent);
  });
}

test('a message whose length is above maxFrame is refused before it arrives', async (t) => {
  const framing: Framing = { type: 'length-prefix', size: 4 };
  const { connection, peer } = await pairOf(t, { framing, maxFrame: 1000 });
  void receiveAll(peer);
  await send(peer, Buffer.from([0x7f, 0xff, 0xff, 0xff]));
  const { error } = await drain(connection);
  t.is(error?.code, 'ERR_FRAME_TOO_LONG');
  t.is(connection.bytesRead, 4);
});

test('skipped lines take no memory, and the connection goes on', async (t) => {
  const framing: Framing = { type: 'lines', tooLong: 'skip' };
  const { connection, peer } = await pairOf(t, { framing, maxFrame: 1000 });
  void receiveAll(peer);
  const sending = (async () => {
    for (let count = 0; count < 64; count += 1) await send(peer, Buffer.alloc(1 << 20, 0x61));
    await send(peer, '\nshort\n');
  })();
  t.is((await connection.read())?.toString(), 'short');
  await sending;
  t.is(connection.bytesRead, 64 * (1 << 20) + 7);
});

test('messages that are written at one moment leave in order, with refused and long ones between them', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines', maxFrame: 10_000 });
  const received = receiveAll(peer);
  const long = 'x'.repeat(9000);
  const writes = ['a', '', 'b\n', 'c', long, 'd', '\n', ''].map((line) => connection.write(line));
  const outcomes = await Promise.allSettled(writes);
  const refused = outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
  t.deepEqual(refused, [2, 6]);
  await connection.end('last');
  t.is((await received).bytes.toString(), `a\n\nc\n${long}\nd\n\nlast\n`);
});

test('options of another type of framing are errors', async (t) => {
  const refused: [framing: object, code: string, message: RegExp][] = [
    [{ type: 'bytes', size: 1 }, 'ERR_UNKNOWN_OPTION', /'size' in framing/],
    [{ type: 'lines', delimiter: ';' }, 'ERR_UNKNOWN_OPTION', /'delimiter' in framing/],
    [{ type: 'fixed', size: 4, keepheader: true }, 'ERR_UNKNOWN_OPTION', /'keepheader' in framing/],
    [{ type: 'netstring', maxFrame: 9 }, 'ERR_UNKNOWN_OPTION', /'maxFrame' in framing/],
    [
      { type: 'length-prefix', size: 'varint', endian: 'big' },
      'ERR_INVALID_ARG_VALUE',
      /^framing.endian must be left out beside a varint/,
    ],
  ];
  for (const [framing, code, message] of refused) {
    const options = { port: 0, host: '127.0.0.1', framing: framing as Framing };
    const error = await rejection(listen(options));
    t.true(error instanceof TypeError);
    t.is(error.code, code);
    t.regex(error.message, message);
  }
});

test('the options of a framing are read once: later changes have no effect', async (t) => {
  const delimiter = Buffer.from('|');
  const { connection, peer } = await pairOf(t, { framing: { type: 'delimiter', delimiter } });
  delimiter[0] = 0x2f;
  await send(peer, 'a/b|');
  t.is((await connection.read())?.toString(), 'a/b');
  peer.destroy();
});
