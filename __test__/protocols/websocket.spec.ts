// edgepoll-websocket between a server and a client, and against node:net peers with written-out bytes: handshakes, messages of each
// kind, ends from both sides, and refusals.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection, EdgepollError } from 'edgepoll';
import { connect, listen } from 'edgepoll';
import type { Incoming, Open, Outgoing, WebSocketOptions } from 'edgepoll-websocket';
import { websocket } from 'edgepoll-websocket';

import { dial, nextOf, receiveAll, rejection, send } from '../support/net.js';

type Peer<Options> = Connection<unknown, Incoming<Options>, Outgoing>;

/** A server's side and a client's side of one connection. Neither has read a message. */
async function pair<const Own extends WebSocketOptions, const Other extends WebSocketOptions>(
  t: ExecutionContext,
  own: Own,
  other: Other,
): Promise<{ server: Peer<Own>; client: Peer<Other> }> {
  const listening = await listen({ host: '127.0.0.1', port: 0, protocol: websocket(own) });
  t.teardown(() => listening.destroy());
  const { port } = listening.address;
  const url = `ws://127.0.0.1:${port}/chat?x=1`;
  const [server, client] = await Promise.all([
    nextOf(listening[Symbol.asyncIterator]()),
    connect({ host: '127.0.0.1', port, protocol: websocket<Other>({ url, ...other }) }),
  ]);
  t.teardown(() => client.destroy());
  return { server, client };
}

async function opened(connection: Connection<unknown, unknown, Outgoing>): Promise<Open> {
  return (await connection.read()) as Open;
}

/** A request of a client, with these further headers. */
const request = (...headers: string[]): string =>
  [
    'GET / HTTP/1.1',
    'Host: x',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
    '\r\n',
  ].join('\r\n');

/** A frame whose mask is 0. */
const frame = (first: number, ...body: number[]): Buffer =>
  Buffer.from([first, 0x80 | body.length, 0, 0, 0, 0, ...body]);

/** What a peer gets that sends these bytes, and what the server reports. */
async function answered(
  t: ExecutionContext,
  options: WebSocketOptions,
  bytes: Uint8Array | string,
): Promise<{ text: string; error: EdgepollError | undefined }> {
  const listening = await listen({ host: '127.0.0.1', port: 0, protocol: websocket(options) });
  t.teardown(() => listening.destroy());
  const [connection, peer] = await Promise.all([
    nextOf(listening[Symbol.asyncIterator]()),
    dial(listening.address.port),
  ]);
  t.teardown(() => peer.destroy());
  void send(peer, bytes);
  // It may fail at any time from now on. `closed` tells why.
  const reading = (async () => {
    for await (const _ of connection);
  })().catch(() => {});
  const { bytes: got, fin } = await receiveAll(peer);
  t.true(fin);
  peer.end();
  await reading;
  const { error } = await connection.closed;
  return { text: got.toString('latin1'), error: error as EdgepollError | undefined };
}

test('texts are strings and binary messages are buffers, both ways, compressed or not', async (t) => {
  for (const deflate of [false, true, { threshold: 0, serverNoContextTakeover: true }]) {
    const { server, client } = await pair(t, { deflate }, { deflate });
    const [open, answer] = await Promise.all([opened(server), opened(client)]);
    t.like(open, { type: 'open', path: '/chat?x=1', protocol: undefined, undecided: false });
    t.is(open.deflate, deflate !== false);
    t.is(answer.deflate, deflate !== false);
    t.is(open.headers['sec-websocket-version'], '13');
    for (const message of [
      '',
      'grüezi 😀',
      'x'.repeat(70_000),
      Buffer.alloc(0),
      Buffer.alloc(300_000, 'ab'),
    ]) {
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        void from.write(message);
        const came = await to.read();
        // deepEqual() takes seconds for long buffers.
        if (typeof message === 'string') t.is(came, message);
        else t.true(message.equals(came as Buffer));
      }
    }
  }
});

test('messages are sent and received in parts', async (t) => {
  const { server, client } = await pair(
    t,
    { fragments: true, maxFragment: 1024, control: true },
    {},
  );
  await Promise.all([opened(server), opened(client)]);
  void client.write({ type: 'text', data: 'one ', more: true });
  void client.write({ type: 'ping', data: 'now' });
  void client.write({ type: 'text', data: 'two' });
  t.deepEqual(await server.read(), { type: 'part', data: 'one ', more: true });
  t.deepEqual(await server.read(), { type: 'ping', data: Buffer.from('now') });
  t.deepEqual(await server.read(), { type: 'part', data: 'two', more: false });
  void client.write(Buffer.alloc(1500, 1));
  t.like(await server.read(), { data: Buffer.alloc(1024, 1), more: true });
  t.like(await server.read(), { data: Buffer.alloc(476, 1), more: false });
});

test('the server chooses a subprotocol, or the program decides', async (t) => {
  const asks = { subprotocols: ['v2', 'v1'], headers: { Origin: 'https://example.com' } };
  const chosen = await pair(t, { subprotocols: ['v1', 'v2'] }, asks);
  t.is((await opened(chosen.client)).protocol, 'v2');

  const decided = await pair(t, { decide: true }, asks);
  const open = await opened(decided.server);
  t.like(open, { undecided: true, protocols: ['v2', 'v1'] });
  t.is(open.headers['origin'], 'https://example.com');
  void decided.server.write({ type: 'accept', protocol: 'v1', headers: { 'Set-Cookie': 'a=b' } });
  void decided.server.write('welcome');
  const answer = await opened(decided.client);
  t.is(answer.protocol, 'v1');
  t.is(answer.headers['set-cookie'], 'a=b');
  t.is(await decided.client.read(), 'welcome');

  const refused = await pair(t, { decide: true }, asks);
  await opened(refused.server);
  void refused.server.write({
    type: 'reject',
    status: 401,
    headers: { 'WWW-Authenticate': 'Basic' },
  });
  const error = await rejection(refused.client.read());
  t.like(error, { code: 'ERR_PROTOCOL_REFUSED', protocolNumber: 401 });
  t.regex(error.message, /^websocket: the server answered 401 Unauthorized$/);
});

test('either side closes, and both see a clean end', async (t) => {
  for (const by of ['client', 'server'] as const) {
    const both = await pair(t, {}, {});
    await Promise.all([opened(both.server), opened(both.client)]);
    const other = by === 'client' ? both.server : both.client;
    void both[by].write({ type: 'close', code: 4000, reason: 'enough' });
    t.deepEqual(await other.read(), { type: 'close', code: 4000, reason: 'enough' });
    t.deepEqual(await both[by].read(), { type: 'close', code: 4000, reason: '' });
    for (const side of [both.server, both.client]) {
      t.is(await side.read(), null);
      t.is((await side.closed).cause, 'ended');
    }
  }
});

test('end() says 1000, and messages before it arrive', async (t) => {
  const { server, client } = await pair(t, {}, {});
  await Promise.all([opened(server), opened(client)]);
  void server.end('last');
  t.is(await client.read(), 'last');
  t.deepEqual(await client.read(), { type: 'close', code: 1000, reason: '' });
});

for (const busyMs of [0, 8])
  test(`what the program answers at once leaves before the answer to a close frame, with ${busyMs} ms of work for each event`, async (t) => {
    const listening = await listen({ host: '127.0.0.1', port: 0, protocol: websocket() });
    t.teardown(() => listening.destroy());
    const serving = (async () => {
      for await (const event of listening.events()) {
        const begun = performance.now();
        // After a few milliseconds of work, the consumer waits for a turn of the event loop. The reactor has its turns meanwhile.
        while (performance.now() - begun < busyMs);
        if (event.type === 'data' && event.data === 'hi') void event.connection.write('yes');
      }
    })();
    const peer = await dial(listening.address.port);
    const before = Array.from({ length: 8 }, () => frame(0x81, 0x6e, 0x6f));
    const messages = [...before, frame(0x81, 0x68, 0x69), frame(0x88, 3, 232)];
    await send(peer, Buffer.concat([Buffer.from(request()), ...messages]));
    const { bytes, fin } = await receiveAll(peer);
    t.true(fin);
    t.is(bytes.toString('latin1').split('\r\n\r\n')[1], '\x81\x03yes\x88\x02\x03\xe8');
    peer.end();
    await listening.close();
    await serving;
  });

test('a peer that breaks a rule gets a close frame with a code, and the error has it too', async (t) => {
  const rules: [number, string, Buffer, WebSocketOptions][] = [
    [1002, 'ERR_MALFORMED', frame(0x83), {}],
    [1003, 'ERR_PROTOCOL_REFUSED', frame(0x82, 1), { accepts: 'text' }],
    [1007, 'ERR_MALFORMED', frame(0x81, 0xff), {}],
    [1009, 'ERR_FRAME_TOO_LONG', frame(0x82, 1, 2, 3), { maxMessage: 2 }],
  ];
  for (const [number, code, bytes, options] of rules) {
    const wire = Buffer.concat([Buffer.from(request()), bytes]);
    const { text, error } = await answered(t, options, wire);
    const close = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
    t.is(close[0], 0x88);
    t.is(close.readUInt16BE(2), number);
    t.like(error, { code, protocol: 'websocket', protocolNumber: number });
  }
});

test('a handshake that is refused gets an HTTP response', async (t) => {
  const refused: [number, string, WebSocketOptions][] = [
    [400, '\x16\x03\x01', {}],
    [403, request('Origin: https://evil.example'), { origins: ['https://example.com', null] }],
    [405, request().replace('GET', 'POST'), {}],
    [408, 'GET / HTTP/1.1\r\n', { handshakeTimeout: 20 }],
    [426, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', {}],
    [426, request().replace('13', '8'), {}],
    [431, request(`X: ${'x'.repeat(300)}`), { maxHead: 400 }],
  ];
  for (const [status, bytes, options] of refused) {
    const { text, error } = await answered(t, options, bytes);
    t.true(text.startsWith(`HTTP/1.1 ${status} `), text);
    t.is(error?.protocolNumber, status);
    t.true(text.endsWith(`\r\n\r\n${error?.message.slice('websocket: '.length)}`));
  }
});

test('a peer that says nothing after a ping is given up', async (t) => {
  const { text, error } = await answered(t, { pingInterval: 10, pongTimeout: 30 }, request());
  t.true(text.endsWith('\x89\x00'));
  t.like(error, { code: 'ERR_PROTOCOL_REFUSED', protocolNumber: 1006 });
});

test('wrong options and messages throw', async (t) => {
  const wrong: [options: unknown, code: string, message: RegExp][] = [
    [{ maxMesage: 1 }, 'ERR_UNKNOWN_OPTION', /^websocket: unknown option 'maxMesage'; known are /],
    [{ maxMessage: 0 }, 'ERR_OUT_OF_RANGE', /^websocket: maxMessage must be .+, not 0$/],
    [{ deflate: { treshold: 1 } }, 'ERR_UNKNOWN_OPTION', /^websocket: .*'treshold' in deflate;/],
    [{ deflate: { level: 10 } }, 'ERR_OUT_OF_RANGE', /^websocket: deflateLevel .+, not 10$/],
    [
      { accepts: 'none' },
      'ERR_OUT_OF_RANGE',
      /^websocket: accepts must be 'both' or 'text' or 'binary', not 'none'$/,
    ],
    [{ subprotocols: ['a b'] }, 'ERR_INVALID_ARG_VALUE', /^websocket: subprotocols .+ 'a b'$/],
    [{ url: 'wss://example.com' }, 'ERR_INVALID_ARG_VALUE', /^websocket: url must be .+wss:/],
    [{ url: 'no URL' }, 'ERR_INVALID_ARG_VALUE', /^websocket: url must be .+ not 'no URL'$/],
    [{ host: 'a' }, 'ERR_UNKNOWN_OPTION', /^websocket: unknown option 'host'; .*'url'/],
    [5, 'ERR_INVALID_ARG_TYPE', /^websocket: options must be an object, not 5$/],
    [null, 'ERR_INVALID_ARG_TYPE', /^websocket: options .*, not null$/],
    [{ origins: 'x' }, 'ERR_INVALID_ARG_TYPE', /^websocket: origins must be .*'x'/],
    ...[
      '',
      '*',
      'example.com',
      'https://a.b/',
      'https://a.b:443',
      'https://*.b',
      'https://a\r\nb',
    ].map((origin): [unknown, string, RegExp] => [
      { origins: ['https://A.b:8443', 'http://[::1]:8080', 'app://a', 'null', null, origin] },
      'ERR_INVALID_ARG_VALUE',
      /^websocket: origins must be as 'https:\/\/example\.com', not '/,
    ]),
    [
      { origins: [undefined] },
      'ERR_INVALID_ARG_TYPE',
      /^websocket: origins\[0\] must be .* undefined$/,
    ],
    [{ deflate: [] }, 'ERR_INVALID_ARG_TYPE', /^websocket: deflate must be /],
    [{ headers: 5 }, 'ERR_INVALID_ARG_VALUE', /^websocket: headers must be .*, not 5$/],
    [{ headers: new Map() }, 'ERR_INVALID_ARG_VALUE', /^websocket: headers must be /],
    [{ headers: { Host: 'x' } }, 'ERR_INVALID_ARG_VALUE', /^websocket: headers: .*Host/],
    [{ headers: { 'X-A': 'a\r\nb' } }, 'ERR_INVALID_ARG_VALUE', /^websocket: headers: .*X-A/],
  ];
  for (const [options, code, message] of wrong)
    t.throws(() => websocket(options as WebSocketOptions), { code, message });

  const { server } = await pair(t, {}, {});
  await opened(server);
  const messages: [unknown, RegExp][] = [
    [undefined, /a message is/],
    [{ type: 'unknown' }, /a message is/],
    [{ type: 'text', data: Buffer.from('x') }, /a text is a string/],
    [{ type: 'close', code: 1005 }, /code/],
    [{ type: 'close', reason: 'x'.repeat(124) }, /reason/],
    [{ type: 'ping', data: 'x'.repeat(126) }, /data/],
    [{ type: 'reject', status: 200 }, /status/],
    [{ type: 'accept', headers: { a: '\n' } }, /headers/],
  ];
  for (const [message, pattern] of messages)
    t.throws(() => server.write(message as Outgoing), { message: pattern });
});
