// A plug-in that misbehaves ends its own connection with a coded error, and no other. The probe does what each line of the peer says.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Protocol } from 'edgepoll';
import { listen } from 'edgepoll';

import { dial, nextOf, receiveAll, send } from '../support/net.js';
import { plugin as addon } from './probe.js';

function protocolOf(native: object, name = 'probe'): Protocol<string, string> {
  return {
    name,
    native,
    decode: (message) => message.text(0),
    encode: (text, writer) => void writer.kind(0).text(text),
  };
}

interface Outcome {
  messages: string[];
  code: string | undefined;
  message: string;
  number: number | undefined;
  output: string;
}

/** What a server and its peer see after the peer has sent `lines` and its end. */
async function outcome(t: ExecutionContext, native: object, lines: string): Promise<Outcome> {
  const server = await listen({ host: '127.0.0.1', port: 0, protocol: protocolOf(native) });
  t.teardown(() => server.destroy());
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  const received = receiveAll(peer);
  await send(peer, lines);
  peer.end();
  const messages: string[] = [];
  let error: (Error & { code?: string; protocolNumber?: number }) | undefined;
  try {
    for await (const message of connection) messages.push(message);
  } catch (thrown) {
    error = thrown as Error;
  }
  const { bytes } = await received;
  return {
    messages,
    code: error?.code,
    message: error?.message ?? '',
    number: error?.protocolNumber,
    output: bytes.toString('latin1'),
  };
}

test('a panic in each function is an error that names the protocol', async (t) => {
  for (const panics of ['session', 'start', 'decode', 'decodeEnd', 'limit']) {
    const { code, message } = await outcome(t, addon.probe({ panics }), 'echo one\npart');
    t.is(code, 'ERR_PROTOCOL_FAULT', panics);
    t.regex(message, /^probe: .*panicked/, panics);
  }
});

test('a panic while a message is written is one too', async (t) => {
  const protocol = protocolOf(addon.probe({ panics: 'encode' }));
  const server = await listen({ host: '127.0.0.1', port: 0, protocol });
  t.teardown(() => server.destroy());
  const accepted = server[Symbol.asyncIterator]();
  const [connection, peer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => peer.destroy());
  await send(peer, 'echo one\n');
  t.is(await connection.read(), 'one');
  void connection.write('reply');
  peer.end();
  await t.throwsAsync(connection.read(), { code: 'ERR_PROTOCOL_FAULT' });
});

test('a panic in a destructor harms nothing', async (t) => {
  for (const panics of ['drop', 'dropProtocol']) {
    const { code, messages } = await outcome(t, addon.probe({ panics }), 'echo one\n');
    t.is(code, undefined, panics);
    t.deepEqual(messages, ['one']);
  }
});

test('a broken contract is an error, and messages before it arrive', async (t) => {
  for (const line of ['panic', 'outside', 'beyond', 'nothing', 'late', 'flood', 'fields 200000']) {
    const lines = `echo one\n${line}\necho two\n`;
    const { code, message, messages } = await outcome(t, addon.probe(), lines);
    t.is(code, 'ERR_PROTOCOL_FAULT', line);
    t.regex(message, /^probe: /, line);
    t.deepEqual(messages, ['one'], line);
  }
});

test('errors of the protocol have their codes, and what was sent before them arrives', async (t) => {
  const codes = {
    refuse: 'ERR_PROTOCOL_REFUSED',
    malformed: 'ERR_MALFORMED',
    long: 'ERR_FRAME_TOO_LONG',
  };
  for (const [line, wanted] of Object.entries(codes)) {
    const { code, number, output } = await outcome(t, addon.probe(), `${line}\n`);
    t.is(code, wanted);
    t.is(number, line === 'refuse' ? 42 : undefined);
    t.is(output, 'sorry\n');
  }
});

test('one connection with a fault leaves another one alone', async (t) => {
  const server = await listen({
    host: '127.0.0.1',
    port: 0,
    protocol: protocolOf(addon.probe()),
  });
  t.teardown(() => server.destroy());
  const accepted = server[Symbol.asyncIterator]();
  const [good, goodPeer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  const [bad, badPeer] = await Promise.all([nextOf(accepted), dial(server.address.port)]);
  t.teardown(() => {
    goodPeer.destroy();
    badPeer.destroy();
  });
  await send(badPeer, 'reply secret\npanic\n');
  badPeer.end();
  await t.throwsAsync(bad.read(), { code: 'ERR_PROTOCOL_FAULT' });
  await send(goodPeer, 'echo still here\n');
  t.is(await good.read(), 'still here');
});

test('a plug-in that cannot be called is refused', async (t) => {
  const refusals: [object, RegExp][] = [
    [addon.version({ abi: 2 }), /^probe: .*version 2.*version 1; install a newer edgepoll$/],
    [addon.version({ abi: 0 }), /^probe: .*version 0.*; install a newer version of the plug-in$/],
    [addon.shorter(), /^probe: the plug-in has shorter structures/],
    [addon.layer(), /^probe: the plug-in is a layer where a protocol is needed/],
    [addon.neither(), /^probe: the plug-in is a layer where a protocol is needed/],
  ];
  for (const [native, message] of refusals) {
    const listening = listen({ host: '127.0.0.1', port: 0, protocol: protocolOf(native) });
    await t.throwsAsync(listening, { code: 'ERR_PROTOCOL_FAULT', message });
  }
});

test('a plug-in that says that it gives frames has to', async (t) => {
  const good = await outcome(t, addon.frames(), 'ab');
  t.is(good.code, undefined);
  for (const lines of ['a0', 'a2', 'an']) {
    const { code } = await outcome(t, addon.frames(), lines);
    t.is(code, 'ERR_PROTOCOL_FAULT', lines);
  }
});

test('options that are wrong are errors of the call', (t) => {
  t.throws(() => addon.probe({ panics: 3 }), {
    instanceOf: TypeError,
    message: 'panics: a string is needed',
  });
  t.throws(() => addon.probe({ other: 1 }), {
    instanceOf: TypeError,
    message: "unknown option 'other': there are panics",
  });
  t.throws(() => addon.probe([] as never), {
    instanceOf: TypeError,
    message: 'options must be an object',
  });
  t.throws(() => addon.version({ abi: 1.5 }), { instanceOf: RangeError });
  t.throws(() => addon.probe({ panics: 'make' }), {
    message: 'the plug-in panicked: asked for: Make',
  });
});
