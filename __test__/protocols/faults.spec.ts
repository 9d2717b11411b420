// Faults of a plug-in and of its peer: each is a coded error that names the protocol, and ends that connection alone.
import test from 'ava';
import { listen } from 'edgepoll';

import { dial, nextOf, receiveAll, rejection, send } from '../support/net.js';
import { speakingPair } from './helpers.js';
import { plugin, probe } from './probe.js';

const faults: [line: string, code: string, text: RegExp, sent: string | RegExp][] = [
  ['panic', 'ERR_PROTOCOL_FAULT', /panic/, ''],
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

for (const place of ['session', 'start', 'decode', 'decodeEnd', 'encode', 'end'] as const) {
  test(`a panic in ${place}() ends that connection alone, with a coded error`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(plugin.probe({ panics: place })));
    const other = await speakingPair(t, probe());
    peer.on('error', () => {});
    peer.resume();
    await send(peer, 'echo\n').catch(() => {});
    if (place === 'encode') void connection.write('x');
    if (place === 'decodeEnd') peer.end();
    if (place === 'end') void connection.end().catch(() => {});
    const { cause, error } = await connection.closed;
    t.is(cause, 'failed');
    t.like(error, { code: 'ERR_PROTOCOL_FAULT', protocol: 'probe' });
    await send(other.peer, 'echo alive\n');
    t.deepEqual((await other.connection.read())?.texts, ['alive']);
  });
}

for (const place of ['limit', 'drop', 'dropProtocol'] as const) {
  test(`a panic in ${place}() harms no connection`, async (t) => {
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
  t.throws(() => plugin.probe({ panics: 'make' }));
});

test('options of a wrong type are a TypeError of the plug-in', (t) => {
  t.throws(() => plugin.probe({ panics: 5 }), { instanceOf: TypeError });
  t.throws(() => plugin.probe({ panics: 'elsewhere' }), {
    instanceOf: TypeError,
    message: /panics: 'elsewhere'/,
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
    t.is(error.code, 'ERR_PROTOCOL_FAULT');
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

const wrong: [what: string, protocol: unknown, code: string, message: RegExp][] = [
  ['null', null, 'ERR_INVALID_ARG_TYPE', /^protocol must be a protocol/],
  ['a name', 'probe', 'ERR_INVALID_ARG_TYPE', /^protocol must be a protocol.* not 'probe'/],
  ['the plug-in alone', plugin.probe(), 'ERR_INVALID_ARG_TYPE', /^protocol.name must be a string/],
  ['an empty name', { ...probe(), name: '' }, 'ERR_INVALID_ARG_VALUE', /^protocol.name/],
  [
    'no plug-in',
    { ...probe(), native: undefined },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.native must be/,
  ],
  [
    'another object',
    { ...probe(), native: {} },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.native must be/,
  ],
  [
    'no decode',
    { ...probe(), decode: undefined },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.decode must be a function/,
  ],
  [
    'no encode',
    { ...probe(), encode: 5 },
    'ERR_INVALID_ARG_TYPE',
    /^protocol.encode must be a function/,
  ],
];

for (const [what, protocol, code, message] of wrong) {
  test(`a protocol that is none is a TypeError: ${what}`, async (t) => {
    const error = await rejection(listen({ port: 0, protocol: protocol as never }));
    t.true(error instanceof TypeError);
    t.is(error.code, code);
    t.regex(error.message, message);
  });
}

for (const [name, value] of [
  ['framing', 'lines'],
  ['maxFrame', 100],
  ['chunks', 'borrowed'],
] as const) {
  test(`the option ${name} is refused beside a protocol`, async (t) => {
    const error = await rejection(listen({ port: 0, protocol: probe(), [name]: value }));
    t.is(error.code, 'ERR_INVALID_ARG_VALUE');
    t.regex(error.message, new RegExp(`^${name} must be left out beside a protocol`));
  });
}

test('a peer that never finishes a message ends its connection at the limit', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  peer.on('error', () => {});
  void send(peer, `echo ${'x'.repeat(300_000)}`).catch(() => {});
  const error = await rejection(connection.read());
  t.is(error.code, 'ERR_FRAME_TOO_LONG');
});
