// Faults of a plug-in and of its peer: each is a coded error that names the protocol, and ends that connection alone.
import test from 'ava';
import { listen } from 'edgepoll';

import { dial, nextOf, receiveAll, rejection, send } from '../support/net.js';
import { speakingPair } from './helpers.js';
import { plugin, probe } from './probe.js';

const faults: [line: string, code: string, text: RegExp, sent: string | RegExp][] = [
  [
    'panic',
    'ERR_PROTOCOL_FAULT',
    /^the protocol probe panicked in decode: asked for by the peer$/,
    '',
  ],
  ['outside', 'ERR_PROTOCOL_FAULT', /^probe: /, ''],
  ['beyond', 'ERR_PROTOCOL_FAULT', /^probe: /, ''],
  ['nothing', 'ERR_PROTOCOL_FAULT', /^probe: /, ''],
  ['late', 'ERR_PROTOCOL_FAULT', /^probe: /, ''],
  ['flood', 'ERR_PROTOCOL_FAULT', /^probe: /, /^x*$/],
  ['fields 200000', 'ERR_PROTOCOL_FAULT', /^probe: /, ''],
  ['refuse', 'ERR_PROTOCOL_REFUSED', /^probe: refused as asked$/, 'sorry\n'],
  ['malformed', 'ERR_MALFORMED', /^probe: malformed as asked$/, 'sorry\n'],
  ['long', 'ERR_FRAME_TOO_LONG', /^probe: too long as asked$/, 'sorry\n'],
  ['what', 'ERR_MALFORMED', /^probe: an unknown command$/, ''],
];

for (const [line, code, text, sent] of faults) {
  test(`the line '${line}' ends its connection with ${code}, after the messages before it, and no other connection`, async (t) => {
    const { server, connection, peer } = await speakingPair(t, probe());
    const second = await dial(server.address.port);
    t.teardown(() => second.destroy());
    const other = await nextOf(server[Symbol.asyncIterator]());
    const received = receiveAll(peer);
    peer.once('end', () => peer.end());
    // A table with a field outside is refused as a whole, so what comes before it is sent alone.
    const isAlone = line === 'outside';
    await send(peer, isAlone ? 'echo before\n' : `echo before\n${line}\necho after\n`);
    t.deepEqual((await connection.read())?.texts, ['before']);
    if (isAlone) await send(peer, `${line}\n`);
    const error = (await rejection(connection.read())) as NodeJS.ErrnoException & {
      protocol?: string;
      protocolNumber?: number;
    };
    t.is(error.code, code);
    t.regex(error.message, text);
    t.is(error.protocol, 'probe');
    t.is(error.protocolNumber, line === 'refuse' ? 42 : undefined);
    t.is((await connection.closed).error, error);
    const { bytes } = await received;
    if (typeof sent === 'string') t.is(bytes.toString(), sent);
    else t.regex(bytes.toString(), sent);
    await send(second, 'echo alive\n');
    t.deepEqual((await other.read())?.texts, ['alive']);
  });
}

/** Where the plug-in panics, and what the error's message says: no call can pass on what a panic in the last two said. */
const panics: Record<string, RegExp> = {
  start: /^the protocol probe panicked in start: .*asked for: Start$/,
  decode: /^the protocol probe panicked in decode: .*asked for: Decode$/,
  decodeEnd: /^the protocol probe panicked in decode_end: .*asked for: DecodeEnd$/,
  encode: /^the protocol probe panicked in encode: .*asked for: Encode$/,
  timer: /^the protocol probe panicked in timer: .*asked for: Timer$/,
  end: /^the protocol probe panicked in end: .*asked for: End$/,
  session: /^the protocol probe panicked in session$/,
  limit: /^the protocol probe panicked in limit$/,
};

for (const [place, message] of Object.entries(panics)) {
  test(`a panic in ${place} ends that connection alone, with a coded error that says where`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(plugin.probe({ panics: place })));
    const other = await speakingPair(t, probe());
    peer.on('error', () => {});
    peer.resume();
    // The limit matters when a message has come in part.
    await send(peer, place === 'limit' ? 'ec' : 'echo\n').catch(() => {});
    if (place === 'encode') void connection.write('x');
    if (place === 'decodeEnd') peer.end();
    if (place === 'end') void connection.end().catch(() => {});
    const { cause, error } = await connection.closed;
    t.is(cause, 'failed');
    t.like(error, { code: 'ERR_PROTOCOL_FAULT', protocol: 'probe' });
    t.regex(error?.message ?? '', message);
    await send(other.peer, 'echo alive\n');
    t.deepEqual((await other.connection.read())?.texts, ['alive']);
  });
}

for (const place of ['drop', 'dropProtocol']) {
  test(`a panic in ${place} harms no connection`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(plugin.probe({ panics: place })));
    await send(peer, 'echo one\n');
    t.deepEqual((await connection.read())?.texts, ['one']);
    connection.destroy();
    await connection.closed;
    const other = await speakingPair(t, probe());
    await send(other.peer, 'echo alive\n');
    t.deepEqual((await other.connection.read())?.texts, ['alive']);
  });
}

test('a panic in the function that the plug-in exports is an exception', (t) => {
  t.throws(() => plugin.probe({ panics: 'make' }), {
    code: 'ERR_PROTOCOL_FAULT',
    message: /^the protocol probe panicked: .*asked for: Make$/,
  });
});

test('a plug-in of another version of the interface is refused, with both versions', async (t) => {
  for (const [abi, advice] of [
    [2, /version 2 of the interface, and edgepoll has version 1; install a newer edgepoll/],
    [
      0,
      /version 0 of the interface, and edgepoll has version 1; install a newer version of the plug-in/,
    ],
  ] as const) {
    const error = await rejection(listen({ port: 0, protocol: probe(plugin.version({ abi })) }));
    t.is(error.code, 'ERR_PROTOCOL_MISMATCH');
    t.regex(error.message, advice);
  }
});

for (const [name, text] of [
  ['layer', /is a layer/],
  ['shorter', /probe: /],
  ['neither', /probe: /],
] as const) {
  test(`what is no plug-in of a protocol is refused: ${name}`, async (t) => {
    const error = await rejection(listen({ port: 0, protocol: probe(plugin[name]()) }));
    t.is(error.code, 'ERR_PROTOCOL_FAULT');
    t.regex(error.message, text);
  });
}

test('a peer that never finishes a message ends its connection at the limit', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  peer.on('error', () => {});
  void send(peer, `echo ${'x'.repeat(300_000)}`).catch(() => {});
  const error = await rejection(connection.read());
  t.is(error.code, 'ERR_FRAME_TOO_LONG');
});

test('a peer that ends while the session needs more bytes has truncated a message', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  await send(peer, 'echo before\nneed\necho behind\n');
  t.deepEqual((await connection.read())?.texts, ['before']);
  const last = connection.read();
  peer.end();
  t.like(await rejection(last), { code: 'ERR_FRAME_TRUNCATED', protocol: 'probe' });
  t.is(await connection.read(), null);
});

test('a session that gives frames must give each message one field that lies in the input', async (t) => {
  for (const [bytes, code] of [
    ['ab', undefined],
    ['a0', 'ERR_PROTOCOL_FAULT'],
    ['a2', 'ERR_PROTOCOL_FAULT'],
    ['an', 'ERR_PROTOCOL_FAULT'],
  ] as const) {
    const { connection, peer } = await speakingPair(t, probe(plugin.frames()));
    peer.on('error', () => {});
    peer.end(bytes);
    while ((await connection.read().catch(() => null)) !== null);
    const reason: { error: NodeJS.ErrnoException | undefined } = await connection.closed;
    t.is(reason.error?.code, code, bytes);
  }
});
