// edgepoll-resp as a server: commands of all forms, replies in both versions of RESP, refusals, and long arguments in parts. The
// peers are node:net sockets, and what they send and expect is written out.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection, Server } from 'edgepoll';
import { listen } from 'edgepoll';
import type { Incoming, Reply, ServerOptions } from 'edgepoll-resp';
import {
  Attributed,
  nullArray,
  OK,
  Push,
  ReplyError,
  resp,
  setVersion,
  simple,
  Verbatim,
} from 'edgepoll-resp';

import { dial, nextOf, receiveAll, receiveExactly, rejection, send } from '../support/net.js';
import { exceptIn } from '../support/process.js';

interface RespPair<In> {
  server: Server<unknown, In, Reply>;
  connection: Connection<unknown, In, Reply>;
  peer: Awaited<ReturnType<typeof dial>>;
}

async function pair<const Options extends ServerOptions>(
  t: ExecutionContext,
  options: Options,
): Promise<RespPair<Incoming<Options>>> {
  const server = await listen({ host: '127.0.0.1', port: 0, protocol: resp(options) });
  t.teardown(() => server.destroy());
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  return { server, connection, peer };
}

test('arrays and inline commands, in any pieces', async (t) => {
  const input =
    '*3\r\n$3\r\nset\r\n$3\r\nkey\r\n$5\r\nfünf\r\n\r\n  Get "a b" \'c\'\r\n*1\r\n$4\r\nPING\r\n';
  for (const size of [1, 7, 1000]) {
    const { connection, peer } = await pair(t, {});
    const bytes = Buffer.from(input);
    for (let at = 0; at < bytes.length; at += size) await send(peer, bytes.subarray(at, at + size));
    peer.end();
    const commands: string[][] = [];
    for await (const { name, args } of connection) commands.push([name, ...args]);
    t.deepEqual(commands, [['SET', 'key', 'fünf'], ['GET', 'a b', 'c'], ['PING']], `by ${size}`);
  }
});

test('arguments as bytes, and kinds of commands', async (t) => {
  const { connection, peer } = await pair(t, { arguments: 'bytes', commands: ['get', 'set'] });
  await send(peer, '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n');
  await send(peer, Buffer.from([0xff, 0]));
  await send(peer, '\r\nget k\r\nping\r\n');
  const set = await connection.read();
  t.is(set?.kind, 2);
  t.deepEqual(set?.args, [Buffer.from('k'), Buffer.from([0xff, 0])]);
  t.is((await connection.read())?.kind, 1);
  t.is((await connection.read())?.kind, 0);
});

/** The same reply in RESP2 and in RESP3. */
const replies: [Reply, string, string?][] = [
  ['text', '$4\r\ntext\r\n'],
  ['', '$0\r\n\r\n'],
  ['fünf', '$5\r\nfünf\r\n'],
  ['é'.repeat(100), `$200\r\n${'é'.repeat(100)}\r\n`],
  [Buffer.from('bytes'), '$5\r\nbytes\r\n'],
  [OK, '+OK\r\n'],
  [simple('Hallo Welt'), '+Hallo Welt\r\n'],
  [0, ':0\r\n'],
  [-12, ':-12\r\n'],
  [2 ** 53 - 1, ':9007199254740991\r\n'],
  [2n ** 63n - 1n, ':9223372036854775807\r\n'],
  [2n ** 63n, '$19\r\n9223372036854775808\r\n', '(9223372036854775808\r\n'],
  [1.5, '$3\r\n1.5\r\n', ',1.5\r\n'],
  [-Infinity, '$4\r\n-inf\r\n', ',-inf\r\n'],
  [null, '$-1\r\n', '_\r\n'],
  [nullArray, '*-1\r\n', '_\r\n'],
  [true, ':1\r\n', '#t\r\n'],
  [false, ':0\r\n', '#f\r\n'],
  [[], '*0\r\n'],
  [
    ['a', 1, ['b', null]],
    '*3\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\nb\r\n$-1\r\n',
    '*3\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\nb\r\n_\r\n',
  ],
  [new Set(['a']), '*1\r\n$1\r\na\r\n', '~1\r\n$1\r\na\r\n'],
  [new Map<Reply, Reply>([['a', true]]), '*2\r\n$1\r\na\r\n:1\r\n', '%1\r\n$1\r\na\r\n#t\r\n'],
  [new Push(['message', 1]), '*2\r\n$7\r\nmessage\r\n:1\r\n', '>2\r\n$7\r\nmessage\r\n:1\r\n'],
  [new Verbatim('txt', 'fünf'), '$5\r\nfünf\r\n', '=9\r\ntxt:fünf\r\n'],
  [
    new Attributed(new Map([['ttl', 5]]), 'v'),
    '$1\r\nv\r\n',
    '|1\r\n$3\r\nttl\r\n:5\r\n$1\r\nv\r\n',
  ],
  [new ReplyError('WRONGTYPE no'), '-WRONGTYPE no\r\n'],
  [new Error('two\r\nlines'), '-ERR two  lines\r\n'],
];

test('replies of each type, in RESP2 and RESP3', async (t) => {
  const { connection, peer } = await pair(t, {});
  for (const [reply, two, three = two] of replies) {
    for (const [version, expected] of [
      [2, two],
      [3, three],
    ] as const) {
      setVersion(connection, version);
      await connection.write(reply);
      const received = await receiveExactly(peer, Buffer.byteLength(expected));
      t.is(received.toString(), expected);
    }
  }
});

test('the version is that of one connection', async (t) => {
  const [one, other] = [await pair(t, {}), await pair(t, {})];
  setVersion(one.connection, 3);
  for (const { connection } of [one, other]) await connection.end(null);
  t.is((await receiveAll(one.peer)).bytes.toString(), '_\r\n');
  t.is((await receiveAll(other.peer)).bytes.toString(), '$-1\r\n');
});

test('what is no reply is refused, and nothing of it is sent', async (t) => {
  const { connection, peer } = await pair(t, {});
  const values = [
    undefined,
    {},
    Symbol('x'),
    ['a', undefined],
    new Date(0),
    () => {},
  ] as unknown as Reply[];
  for (const value of values) {
    t.throws(() => connection.write(value), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
  t.throws(() => simple('a\nb'), { instanceOf: RangeError });
  await connection.end(OK);
  t.is((await receiveAll(peer)).bytes.toString(), '+OK\r\n');
});

test('a malformed command: the words of Redis, the end, and a coded error', async (t) => {
  const { connection, peer } = await pair(t, {});
  const received = receiveAll(peer);
  await send(peer, '*1\r\n:1\r\n');
  t.like(await received, {
    bytes: Buffer.from("-ERR Protocol error: expected '$', got ':'\r\n"),
    fin: true,
    error: undefined,
  });
  peer.end();
  const error = await rejection(connection.read());
  t.is(error.code, 'ERR_MALFORMED');
  t.regex(error.message, /^resp: expected '\$', got ':'/);
});

exceptIn(
  ['bun', 'deno'],
  'without the driver uv, a program may take longer to answer than the session waits',
)('the replies to the commands before a malformed one leave first', async (t) => {
  const { connection, peer } = await pair(t, {});
  const received = receiveAll(peer);
  await send(peer, 'PING\r\n*1\r\n:1\r\n');
  t.is((await connection.read())?.name, 'PING');
  void connection.write(OK);
  const { bytes } = await received;
  t.is(bytes.toString(), "+OK\r\n-ERR Protocol error: expected '$', got ':'\r\n");
});

test('limits', async (t) => {
  for (const [options, input, reply] of [
    [{ maxBulk: 5 }, '*1\r\n$6\r\n', 'invalid bulk length'],
    [{ maxArguments: 2 }, '*3\r\n', 'invalid multibulk length'],
    [{ maxTotal: 20 }, '*2\r\n$3\r\nget\r\n$9\r\n', 'too big request'],
    [{ unauthenticated: true }, '*11\r\n', 'unauthenticated multibulk length'],
  ] as const) {
    const { connection, peer } = await pair(t, options);
    void send(peer, input);
    t.is((await receiveAll(peer)).bytes.toString(), `-ERR Protocol error: ${reply}\r\n`);
    peer.end();
    await rejection(connection.read());
  }
});

test('a command with 20,000 arguments', async (t) => {
  const expected = Array.from({ length: 20_000 }, (_, index) => `ä${index}`);
  const lines = expected.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  const input = `*20001\r\n$4\r\nmset\r\n${lines.join('')}`;
  for (const kind of ['text', 'bytes'] as const) {
    const { connection, peer } = await pair(t, { arguments: kind });
    void send(peer, input);
    const command = await connection.read();
    t.is(command?.name, 'MSET');
    t.deepEqual(command?.args.map(String), expected);
  }
});

test('a long argument in parts', async (t) => {
  const { connection, peer } = await pair(t, { stream: 1000 });
  const value = 'x'.repeat(2500);
  await send(
    peer,
    `*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$2500\r\n${value}\r\n$2\r\nEX\r\n$2\r\n10\r\nPING\r\n`,
  );
  const seen: unknown[] = [];
  for (let message = await connection.read(); message !== null; message = await connection.read()) {
    const { type, continues } = message;
    seen.push([
      type,
      message.type === 'part' ? [message.bytes.length, message.left] : message.args,
      continues,
    ]);
    if (message.type === 'command' && message.name === 'PING') break;
  }
  t.deepEqual(seen, [
    ['command', ['k'], true],
    ['part', [1000, 1500], true],
    ['part', [1000, 500], true],
    ['part', [500, 0], true],
    ['arguments', ['EX', '10'], false],
    ['command', [], false],
  ]);
});

const wrongOptions: [options: object, type: typeof TypeError, code: string, message: RegExp][] = [
  [
    { maxBulks: 1 },
    TypeError,
    'ERR_UNKNOWN_OPTION',
    /^resp: unknown option 'maxBulks'; known are /,
  ],
  [
    { maxBulk: '1' },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    /^resp: maxBulk must be an integer from 1 to \d+, not '1'$/,
  ],
  [{ maxBulk: 0 }, RangeError, 'ERR_OUT_OF_RANGE', /^resp: maxBulk must be .+, not 0$/],
  [{ maxTotal: 2 ** 31 }, RangeError, 'ERR_OUT_OF_RANGE', /^resp: maxTotal .+, not 2147483648$/],
  [
    { arguments: 'latin1' },
    RangeError,
    'ERR_OUT_OF_RANGE',
    /^resp: arguments must be 'text' or 'bytes', not 'latin1'$/,
  ],
  [
    { commands: 'get' },
    TypeError,
    'ERR_INVALID_ARG_TYPE',
    /^resp: commands must be an array of strings, not 'get'$/,
  ],
  [{ commands: ['get', 'GET'] }, RangeError, 'ERR_OUT_OF_RANGE', /^resp: commands must be /],
];

test('unknown and wrong options', (t) => {
  for (const [options, instanceOf, code, message] of wrongOptions)
    t.throws(() => resp(options as ServerOptions), { instanceOf, code, message });
});
