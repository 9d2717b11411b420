// A connection with a protocol: its messages are what the program reads, and its writes are messages.
import test from 'ava';
import type { MessageWriter } from 'edgepoll';

import { receiveAll, receiveExactly, rejection, send } from '../support/net.js';
import { drivers } from '../support/process.js';
import { speaking, speakingPair } from './helpers.js';
import type { Said } from './probe.js';
import { plugin, probe } from './probe.js';

const echo = (text: string): Said => ({ kind: 1, continues: false, texts: [text] });

for (const driver of drivers) {
  test(`an iterator gives messages, in order and with any cut; driver ${driver}`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(), { driver });
    const lines = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    const wire = Buffer.from(lines.map((line) => `echo ${line}\n`).join(''));
    const read = (async () => {
      const said: Said[] = [];
      for await (const message of connection) said.push(message);
      return said;
    })();
    for (let at = 0; at < wire.length; at += 7) await send(peer, wire.subarray(at, at + 7));
    peer.end();
    t.deepEqual(
      await read,
      lines.map((line) => echo(line)),
    );
    t.is((await connection.closed).cause, 'ended');
  });

  test(`events() gives messages; driver ${driver}`, async (t) => {
    const server = await speaking(t, probe(), { driver });
    const { dial } = await import('../support/net.js');
    const peer = await dial(server.address.port);
    t.teardown(() => peer.destroy());
    await send(peer, 'echo one\necho two\n');
    peer.end();
    const seen: string[] = [];
    for await (const event of server.events()) {
      seen.push(event.type === 'data' ? (event.data.texts[0] ?? '') : event.type);
      if (event.type === 'data') void event.connection.write(`got ${event.data.texts[0]}`);
      if (event.type === 'close') break;
    }
    t.deepEqual(seen, ['open', 'one', 'two', 'end', 'close']);
    t.is((await receiveAll(peer)).bytes.toString(), 'got one\ngot two\nbye\n');
  });
}

test('every kind of field is read', async (t) => {
  const values: unknown[] = [];
  const native = plugin.probe();
  const protocol = probe(native, {
    decode: (message) => {
      values.push(
        message.name(0),
        message.isNull(1),
        message.number(2),
        message.bigint(2),
        message.bigint(3),
        message.number(4),
        message.text(5),
        message.bytes(5).toString(),
        message.view(0).toString(),
        message.length(0),
        message.length(1),
        message.fields,
        message.kind,
      );
      t.throws(() => message.text(1), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE' });
      t.throws(() => message.bytes(2), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE' });
      t.throws(() => message.text(6), { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE' });
      t.throws(() => message.text(-1), { instanceOf: RangeError });
      t.throws(() => message.text(0.5), { instanceOf: RangeError });
      return { kind: message.kind, continues: false, texts: [] };
    },
  });
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'values\n');
  await connection.read();
  const [one, big] = [-1, 1n << 60n];
  const text = 'cöpied';
  t.deepEqual(values, ['values', true, one, -1n, big, 0.5, text, text, 'values', 6, 0, 6, 2]);
});

test('the same name is the same text each time, whatever other names came between', async (t) => {
  const names: string[] = [];
  const protocol = probe(plugin.probe(), {
    decode: (message) => {
      names.push(message.name(0));
      return { kind: message.kind, continues: false, texts: [] };
    },
  });
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'values\nvalues\necho x\nvalues\n');
  for (let index = 0; index < 4; index += 1) await connection.read();
  t.deepEqual(names, ['values', 'values', 'x', 'values']);
});

test('a message in parts says which of them continue', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  await send(peer, 'parts\n');
  const parts = [await connection.read(), await connection.read(), await connection.read()];
  t.deepEqual(
    parts.map((part) => part?.continues),
    [true, true, false],
  );
});

test('a view is not valid after decode()', async (t) => {
  let kept: { text(field: number): string } | undefined;
  const protocol = probe(plugin.probe(), {
    decode: (message) => {
      kept = message;
      return { kind: message.kind, continues: false, texts: [] };
    },
  });
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'echo one\n');
  await connection.read();
  t.throws(() => kept?.text(0), { message: /is not valid any more/ });
});

test('values that look like no value are messages too', async (t) => {
  const values = [undefined, null, 0, ''];
  const protocol = { ...probe(), decode: () => values.shift() };
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'echo\necho\necho\necho\n');
  peer.end();
  const seen: unknown[] = [];
  for await (const value of connection) seen.push(value);
  t.deepEqual(seen, [undefined, null, 0, '']);
});

test('an exception of decode() destroys that connection alone, and is what its iterator throws', async (t) => {
  const failure = new Error('not decoded');
  const protocol = probe(plugin.probe(), {
    decode: (message) => {
      if (message.text(0) === 'bad') throw failure;
      return { kind: 1, continues: false, texts: [message.text(0)] };
    },
  });
  const { server, connection, peer } = await speakingPair(t, protocol);
  const { dial, nextOf } = await import('../support/net.js');
  const second = await dial(server.address.port);
  t.teardown(() => second.destroy());
  const other = await nextOf(server[Symbol.asyncIterator]());
  await send(peer, 'echo bad\n');
  t.is(await rejection(connection.read()), failure);
  t.like(await connection.closed, { cause: 'destroyed', error: failure });
  await send(second, 'echo good\n');
  t.deepEqual(await other.read(), echo('good'));
});

test('what decode() throws that is no Error is in the message of a coded error', async (t) => {
  const protocol = probe(plugin.probe(), {
    decode: () => {
      // oxlint-disable-next-line no-throw-literal -- the test is about this mistake
      throw 'a text';
    },
  });
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'echo\n');
  const error = await rejection(connection.read());
  t.is(error.code, 'ERR_PROTOCOL_FAULT');
  t.is(error.message, "probe: decode() threw 'a text'");
});

test('decode() may write, end and destroy other connections: the batch that is being read stays whole', async (t) => {
  const filler = 'x'.repeat(4000);
  const server = await speaking(t, {
    ...probe(),
    decode: (message: { text(field: number): string }) => {
      // More than the stage holds, so that it is sent while the batch is read.
      for (const one of server.connections)
        for (let left = 20; left > 0; left -= 1) void one.write(filler);
      return message.text(0);
    },
  });
  const { dial } = await import('../support/net.js');
  const peers = await Promise.all([dial(server.address.port), dial(server.address.port)]);
  for (const peer of peers) t.teardown(() => peer.destroy());
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of server.events({ backpressure: false })) {
      if (event.type === 'data') seen.push(event.data);
      if (seen.length === 8) break;
    }
  })();
  await Promise.all(
    peers.map((peer, number) =>
      send(peer, Array.from({ length: 4 }, (_, index) => `echo ${number}.${index}\n`).join('')),
    ),
  );
  await done;
  t.deepEqual(seen.toSorted(), ['0.0', '0.1', '0.2', '0.3', '1.0', '1.1', '1.2', '1.3']);
});

test('unread messages count against readHighWaterMark: receiving pauses, and goes on', async (t) => {
  const { connection, peer } = await speakingPair(t, probe(), { readHighWaterMark: 16_384 });
  const count = 20_000;
  let sent = false;
  void send(peer, 'echo 0123456789\n'.repeat(count)).finally(() => {
    sent = true;
  });
  await connection.read();
  const { standsStill } = await import('../connections/helpers.js');
  await standsStill('bytesRead', () => connection.bytesRead);
  t.true(connection.bytesRead < 16 * count);
  for (let index = 1; index < count; index += 1) await connection.read();
  t.is(connection.bytesRead, 16 * count);
  t.true(sent);
});

test('with frames, each chunk is a message with one field', async (t) => {
  const protocol = {
    ...probe(plugin.frames()),
    decode: (message: { text(field: number): string; fields: number }) =>
      `${message.fields} ${message.text(0)}`,
    encode: (message: string, writer: MessageWriter) => {
      writer.text(message);
    },
  };
  const { connection, peer } = await speakingPair(t, protocol);
  await send(peer, 'ab');
  t.is(await connection.read(), '1 a');
  t.is(await connection.read(), '1 b');
  void connection.write('reply');
  t.is((await receiveExactly(peer, 5)).toString(), 'reply');
});
