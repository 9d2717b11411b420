// A protocol ends this side of its connection: reads and writes settle at once, long before the connection is over.
import test from 'ava';

import { dial, receiveAll, rejection, send } from '../support/net.js';
import { drivers } from '../support/process.js';
import { speaking, speakingPair } from './helpers.js';
import { probe } from './probe.js';

/** A time that no test waits for. The peer does not end, so a connection stays open for as long. */
const NEVER = { endTimeout: 1_000_000 };

for (const driver of drivers) {
  test(`an error that the peer was told of rejects reads and writes while the peer stays; driver ${driver}`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(), { driver, ...NEVER });
    await send(peer, 'echo before\nrefuse\n');
    t.deepEqual((await connection.read())?.texts, ['before']);
    const error = await rejection(connection.read());
    t.like(error, { code: 'ERR_PROTOCOL_REFUSED', protocolNumber: 42 });
    t.is(await connection.read(), null, 'the error is told once');
    t.is(await rejection(connection.write('late')), error);
    t.is(await rejection(connection.end('last')), error);
    peer.resume();
    peer.end();
    t.is((await connection.closed).error, error);
  });

  test(`a read that waits is rejected while the peer stays; driver ${driver}`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(), { driver, ...NEVER });
    const read = rejection(connection.read());
    await send(peer, 'malformed\n');
    t.like(await read, { code: 'ERR_MALFORMED', protocol: 'probe' });
    for await (const _ of connection) t.fail('the error was told, so a loop is at its end');
  });

  test(`after the session has ended this side, writes reject and reads go on; driver ${driver}`, async (t) => {
    const { connection, peer } = await speakingPair(t, probe(), { driver, ...NEVER });
    await send(peer, 'end\necho after\n');
    t.deepEqual((await connection.read())?.texts, ['after']);
    t.like(await rejection(connection.write('late')), { code: 'ERR_WRITE_AFTER_END' });
    await send(peer, 'echo more\n');
    t.deepEqual((await connection.read())?.texts, ['more']);
    peer.resume();
    peer.end();
    t.is(await connection.read(), null);
    t.like(await connection.closed, { cause: 'ended', bytesUnsent: 0 });
  });
}

test('bytes that were written behind the end of the session are no clean end', async (t) => {
  const { connection, peer } = await speakingPair(t, probe(), NEVER);
  const [, { bytes }] = await Promise.all([
    (async () => {
      await send(peer, 'echo now\n');
      await connection.read();
      void connection.write({ kind: 6, text: 'bye' });
      for (let count = 0; count < 3; count += 1) void connection.write('x'.repeat(1000));
    })(),
    receiveAll(peer),
  ]);
  t.is(bytes.toString(), 'bye\n');
  peer.end();
  const { cause, error, bytesUnsent } = await connection.closed;
  t.deepEqual([cause, bytesUnsent], ['failed', 3003]);
  t.like(error, { code: 'ERR_WRITE_AFTER_END' });
});

test('events() gives the error with the close', async (t) => {
  const server = await speaking(t, probe(), NEVER);
  const events = server.events();
  const peer = await dial(server.address.port);
  t.teardown(() => peer.destroy());
  await send(peer, 'echo one\nrefuse\n');
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(event.type);
    if (event.type === 'data') peer.resume().end();
    if (event.type !== 'close') continue;
    t.like(event.reason.error, { code: 'ERR_PROTOCOL_REFUSED', protocolNumber: 42 });
    const { error } = event.reason;
    t.true((await rejection(event.connection.write('late'))) === error);
    break;
  }
  t.deepEqual(seen, ['open', 'data', 'close']);
});

test('a long message that the session refuses rejects with the session’s own error, and the connection goes on', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  const text = 'x'.repeat(100_000);
  const error = await rejection(connection.write({ kind: 2, text }));
  t.like(error, {
    code: 'ERR_PROTOCOL_REFUSED',
    message: 'probe: not encoded, as asked',
    protocol: 'probe',
  });
  await send(peer, 'echo still\n');
  t.deepEqual((await connection.read())?.texts, ['still']);
});

test('a short message that the session refuses ends the connection with the session’s own error', async (t) => {
  const { connection, peer } = await speakingPair(t, probe());
  peer.on('error', () => {});
  void connection.write({ kind: 2, text: 'x' });
  t.like((await connection.closed).error, {
    code: 'ERR_PROTOCOL_REFUSED',
    message: 'probe: not encoded, as asked',
  });
});
