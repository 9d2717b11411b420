// edgepoll-resp as a client: requests as they are sent, and replies of each type as JavaScript's values. The servers are node:net
// sockets, and what they send and expect is written out.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';
import { connect } from 'edgepoll';
import type { ClientOptions, Received, Reply, Request } from 'edgepoll-resp';
import { Attributed, Push, ReplyError, respClient, Verbatim } from 'edgepoll-resp';

import type { Socket } from '../support/net.js';
import { netServer, receiveExactly, rejection, send } from '../support/net.js';

interface ClientPair<In> {
  connection: Connection<unknown, In, Request>;
  peer: Socket;
}

async function pair<const Options extends ClientOptions>(
  t: ExecutionContext,
  options: Options,
): Promise<ClientPair<Received<Options>>> {
  const { promise, resolve } = withResolvers<Socket>();
  const { port } = await netServer(t, '127.0.0.1', resolve);
  const connection = await connect({ host: '127.0.0.1', port, protocol: respClient(options) });
  t.teardown(() => connection.destroy());
  return { connection, peer: await promise };
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

test('requests are arrays of bulk strings', async (t) => {
  const { connection, peer } = await pair(t, {});
  const expected =
    '*5\r\n$3\r\nSET\r\n$5\r\nfünf\r\n$2\r\n\x00\x01\r\n$2\r\n-7\r\n$19\r\n9223372036854775807\r\n';
  await connection.write(['SET', 'fünf', Buffer.from([0, 1]), -7, 2n ** 63n - 1n]);
  t.is((await receiveExactly(peer, Buffer.byteLength(expected))).toString(), expected);
  for (const wrong of [[], 'PING', ['PING', null], ['PING', {}]] as unknown as Request[]) {
    t.throws(() => connection.write(wrong), {
      instanceOf: TypeError,
      code: 'ERR_INVALID_ARG_TYPE',
    });
  }
});

/** A reply, and what it is in JavaScript. */
const replies: [string, Reply][] = [
  ['+OK\r\n', 'OK'],
  ['-ERR no\r\n', new ReplyError('ERR no')],
  ['!8\r\nERR a\r\nb\r\n', new ReplyError('ERR a\r\nb')],
  [':-12\r\n', -12],
  [':9007199254740993\r\n', 9007199254740993n],
  [':-9223372036854775808\r\n', -(2n ** 63n)],
  ['$5\r\nfünf\r\n', 'fünf'],
  ['$0\r\n\r\n', ''],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['_\r\n', null],
  [',1.5\r\n', 1.5],
  [',-inf\r\n', -Infinity],
  [',nan\r\n', NaN],
  ['#t\r\n', true],
  ['#f\r\n', false],
  ['(-123456789012345678901234567890\r\n', -123456789012345678901234567890n],
  ['=8\r\nmkd:# hi\r\n', new Verbatim('mkd', '# hi')],
  ['*0\r\n', []],
  ['*3\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n$1\r\nb\r\n', ['a', [1, null], 'b']],
  ['~2\r\n#t\r\n,0.5\r\n', new Set<Reply>([true, 0.5])],
  [
    '%2\r\n+a\r\n*1\r\n-E x\r\n:1\r\n%0\r\n',
    new Map<Reply, Reply>([
      ['a', [new ReplyError('E x')]],
      [1, new Map()],
    ]),
  ],
  ['>2\r\n$7\r\nmessage\r\n(5\r\n', new Push(['message', 5n])],
  ['|1\r\n+ttl\r\n:5\r\n*1\r\n$1\r\nv\r\n', new Attributed(new Map([['ttl', 5]]), ['v'])],
  [
    '*2\r\n|1\r\n+k\r\n#f\r\n:1\r\n=5\r\ntxt:x\r\n',
    [new Attributed(new Map([['k', false]]), 1), new Verbatim('txt', 'x')],
  ],
];

test('replies of each type', async (t) => {
  const { connection, peer } = await pair(t, {});
  await send(peer, replies.map(([wire]) => wire).join(''));
  for (const [wire, expected] of replies) t.deepEqual(await connection.read(), expected, wire);
});

// Very many values come as bytes, and are parsed in JavaScript.
test('replies of each type, each of them many times in an array', async (t) => {
  for (const asBytes of [false, true]) {
    const { connection, peer } = await pair(t, { strings: asBytes ? 'bytes' : 'text' });
    for (const [wire, expected] of replies) {
      void send(peer, `*9000\r\n${wire.repeat(9000)}`);
      const got = (await connection.read()) as Reply[];
      t.is(got.length, 9000, wire);
      if (!asBytes) for (const at of [0, 8999]) t.deepEqual(got[at], expected, wire);
    }
  }
});

test('strings as bytes', async (t) => {
  const { connection, peer } = await pair(t, { strings: 'bytes' });
  await send(
    peer,
    Buffer.concat([
      Buffer.from('*2\r\n+OK\r\n$2\r\n'),
      Buffer.from([0xff, 0]),
      Buffer.from('\r\n'),
    ]),
  );
  t.deepEqual(await connection.read(), ['OK', Buffer.from([0xff, 0])]);
});

test('a malformed reply fails the connection', async (t) => {
  const { connection, peer } = await pair(t, {});
  await send(peer, '+OK\r\n?\r\n');
  t.is(await connection.read(), 'OK');
  const error = await rejection(connection.read());
  t.is(error.code, 'ERR_MALFORMED');
  t.regex(error.message, /^resp: /);
});

test('a long string in parts', async (t) => {
  const { connection, peer } = await pair(t, { stream: 1000 });
  await send(peer, `$2500\r\n${'x'.repeat(2500)}\r\n+OK\r\n`);
  for (const [length, left] of [
    [1000, 1500],
    [1000, 500],
    [500, 0],
  ]) {
    const part = await connection.read();
    t.like(part, { bytes: Buffer.alloc(length as number, 'x'), left });
  }
  t.is(await connection.read(), 'OK');
});
