// server.batches(): the messages of all connections in one object, with what events() tells and the same back-pressure.
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { eventually } from '../support/eventually.js';
import { dial, nextOf, receiveAll, send, serverOf } from '../support/net.js';
import { drivers } from '../support/process.js';
import { speaking } from './helpers.js';
import { probe } from './probe.js';

for (const driver of drivers) {
  for (const isSlow of [false, true]) {
    const how = isSlow ? 'awaits between the messages' : 'reads a batch at once';
    test(`opens, messages, ends and closes of ten connections; the consumer ${how}; driver ${driver}`, async (t) => {
      const server = await speaking(t, probe(), { driver });
      const peers = await Promise.all(Array.from({ length: 10 }, () => dial(server.address.port)));
      const received = peers.map((peer) => receiveAll(peer));
      const lines = Array.from({ length: 20 }, (_, index) => `message ${index}`);
      for (const peer of peers) peer.end(lines.map((line) => `echo ${line}\n`).join(''));
      const told = { opened: 0, ended: 0, closed: 0 };
      for await (const batch of server.batches()) {
        let left = batch.length;
        for (const message of batch) {
          left -= 1;
          const text = message.text(0);
          // The turn that follows writes other messages into the same memory.
          if (isSlow) await sleep(1);
          t.is(message.text(0), text);
          t.deepEqual(message.decode(), { kind: 1, continues: false, texts: [text] });
          void message.connection.write(text);
        }
        t.is(left, 0);
        told.opened += batch.opened.length;
        told.ended += batch.ended.length;
        told.closed += batch.closed.filter(({ reason }) => reason.cause === 'ended').length;
        if (told.closed === 10) break;
      }
      t.deepEqual(told, { opened: 10, ended: 10, closed: 10 });
      const expected = `${lines.join('\n')}\nbye\n`;
      for (const { bytes } of await Promise.all(received)) t.is(bytes.toString(), expected);
    });
  }
}

test('a batch that is kept has nothing once the next one is requested', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'echo one\n');
  const batches = server.batches();
  let batch = (await batches.next()).value;
  while (batch?.length === 0) batch = (await batches.next()).value;
  t.is(batch?.length, 1);
  void batches.next();
  t.is(batch?.length, 0);
  t.deepEqual([...(batch ?? [])], []);
});

test('a batch that is read late has its own messages, whatever came meanwhile', async (t) => {
  const server = await speaking(t, probe());
  const batches = server.batches();
  const [first, second] = await Promise.all([dial(server.address.port), dial(server.address.port)]);
  for (const peer of [first, second]) t.teardown(() => peer.destroy());
  for (let opened = 0; opened < 2;) opened += (await nextOf(batches)).opened.length;
  // A batch that waits for its consumer has been copied already.
  const [batch] = await Promise.all([nextOf(batches), send(first, 'echo one\n')]);
  const later = [...server.connections].find(({ bytesRead }) => bytesRead === 0);
  await send(second, 'echo a longer text\n');
  await eventually('the next turn has received', () => later?.bytesRead === 19);
  const texts: string[] = [];
  batch.forEach((message) => texts.push(message.text(0)));
  t.deepEqual(texts, ['one']);
});

test('a loop over a batch ends once the next one is requested', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'echo one\necho two\necho three\n');
  const batches = server.batches();
  let batch = (await batches.next()).value;
  while (batch?.length === 0) batch = (await batches.next()).value;
  const iterator = batch?.[Symbol.iterator]();
  t.is(iterator?.next().value?.text(0), 'one');
  const next = batches.next();
  await send(peer, 'echo four\necho five\necho six\n');
  await next;
  t.true(iterator?.next().done);
});

test('forEach() is the same as a loop', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'echo one\necho two\n');
  const seen: string[] = [];
  for await (const batch of server.batches()) {
    batch.forEach((message) => seen.push(message.text(0)));
    if (seen.length === 2) break;
  }
  t.deepEqual(seen, ['one', 'two']);
});

test('messages of a paused connection wait, in order, and those of others go on', async (t) => {
  const server = await speaking(t, probe());
  const [first, second] = await Promise.all([dial(server.address.port), dial(server.address.port)]);
  for (const peer of [first, second]) t.teardown(() => peer.destroy());
  const ask = (name: string, from: number): string =>
    Array.from({ length: 5 }, (_, index) => `echo ${name}${from + index}\n`).join('');
  await send(first, ask('a', 0));
  const seen: string[] = [];
  let isPaused = false;
  for await (const batch of server.batches()) {
    for (const message of batch) {
      const text = message.text(0);
      seen.push(text);
      if (text === 'a2') {
        message.connection.pause();
        isPaused = true;
        void send(second, ask('b', 0));
      }
      if (text === 'b4') {
        t.true(isPaused);
        t.deepEqual(seen, ['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'b3', 'b4']);
        for (const one of server.connections) one.resume();
        void send(first, ask('a', 5));
      }
    }
    if (seen.length === 15) break;
  }
  t.deepEqual(seen.slice(8), ['a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9']);
});

test('no message of a connection that the program has destroyed', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  peer.on('error', () => {});
  await send(peer, 'echo one\necho two\necho three\n');
  const seen: string[] = [];
  for await (const batch of server.batches()) {
    for (const message of batch) {
      seen.push(message.text(0));
      message.connection.destroy();
    }
    if (batch.closed.length > 0) break;
  }
  t.deepEqual(seen, ['one']);
});

test('unread messages pause receiving, and a slow consumer gets them all', async (t) => {
  const server = await speaking(t, probe(), { readHighWaterMark: 16_384 });
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  const count = 20_000;
  void send(peer, 'echo 0123456789\n'.repeat(count));
  let messages = 0;
  let most = 0;
  for await (const batch of server.batches()) {
    most = Math.max(most, batch.length);
    messages += batch.length;
    await sleep(0);
    if (messages === count) break;
  }
  t.is(messages, count);
  t.true(most < count);
});

test('without a protocol, each chunk is a message with one field', async (t) => {
  const server = await serverOf(t, { framing: 'lines' });
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'one\ntwo\n');
  const seen: string[] = [];
  for await (const batch of server.batches()) {
    for (const message of batch) {
      seen.push(`${message.text(0)} ${message.decode().toString()}`);
      void message.connection.write('ok');
    }
    if (seen.length === 2) break;
    await Promise.resolve();
  }
  t.deepEqual(seen, ['one one', 'two two']);
});

test('a closing server ends idle connections, and the batches end', async (t) => {
  const server = await speaking(t, probe());
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  const received = receiveAll(peer);
  peer.once('end', () => peer.end());
  let closing: Promise<void> | undefined;
  for await (const batch of server.batches()) if (batch.opened.length > 0) closing = server.close();
  await closing;
  t.is((await received).bytes.toString(), 'bye\n');
});

test('a server has one consumer', async (t) => {
  const server = await speaking(t, probe());
  server.batches();
  t.throws(() => server.events(), { code: 'ERR_CONSUMED' });
  t.throws(() => server[Symbol.asyncIterator](), { code: 'ERR_CONSUMED' });
  const other = await speaking(t, probe());
  other.events();
  t.throws(() => other.batches(), { code: 'ERR_CONSUMED' });
  t.throws(() => server.batches({ backpresure: false } as never), { code: 'ERR_UNKNOWN_OPTION' });
});
