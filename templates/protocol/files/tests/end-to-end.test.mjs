// A server and a client of edgepoll that speak the protocol, and peers that break its rules.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { test } from 'node:test';

import { connect, listen } from 'edgepoll';
import { protocolName } from 'edgepoll-protocol-name';

/** A server that sends each message back. The handler `onClose` gets the reason of each connection's end. */
async function echo(t, options, onClose) {
  const server = await listen({
    port: 0,
    host: '127.0.0.1',
    protocol: protocolName(options),
  });
  t.after(() => server.close({ graceful: false }));
  const serve = async () => {
    for await (const event of server.events()) {
      if (event.type === 'data') void event.connection.write(event.data);
      if (event.type === 'close') onClose?.(event.reason);
    }
  };
  void serve();
  return server.address.port;
}

test('a message comes back', async (t) => {
  const port = await echo(t);
  const connection = await connect({ port, host: '127.0.0.1', protocol: protocolName() });
  await connection.write({ topic: 'größe', payload: 'first' });
  await connection.write({ topic: '', payload: new Uint8Array(100_000) });
  await connection.end();
  const came = [];
  for await (const { topic, payload } of connection) came.push([topic, payload.length]);
  assert.deepEqual(came, [
    ['größe', 5],
    ['', 100_000],
  ]);
  assert.equal((await connection.closed).cause, 'ended');
});

test('a ping is answered without JavaScript', async (t) => {
  const port = await echo(t);
  const connection = await connect({ port, host: '127.0.0.1', protocol: protocolName() });
  await connection.end('ping');
  const came = [];
  for await (const message of connection) came.push(message);
  assert.deepEqual(came, ['pong']);
});

test('a message that is too long to send is refused', async (t) => {
  const port = await echo(t);
  const protocol = protocolName({ maxLength: 10 });
  const connection = await connect({ port, host: '127.0.0.1', protocol });
  const message = { topic: '', payload: 'x'.repeat(10) };
  await assert.rejects(connection.end(message), { code: 'ERR_FRAME_TOO_LONG' });
  connection.destroy();
});

for (const [bytes, code] of [
  ['\0\0\0\x65', 'ERR_FRAME_TOO_LONG'],
  ['\0\0\0\x02\x02x', 'ERR_MALFORMED'],
  ['\0\0\0\x02\0', 'ERR_FRAME_TRUNCATED'],
]) {
  test(`a peer that breaks the rules ends its own connection: ${code}`, async (t) => {
    const { promise, resolve } = later();
    const port = await echo(t, { maxLength: 100 }, resolve);
    const peer = dial(port, '127.0.0.1');
    peer.on('error', () => {}); // It may be reset.
    peer.resume().end(bytes, 'latin1');
    await once(peer, 'close');
    const { cause, error } = await promise;
    assert.equal(cause, 'failed');
    assert.equal(error.code, code);
    assert.equal(error.protocol, 'protocol-name');
  });
}

test('options are checked', () => {
  assert.throws(() => protocolName({ maxLength: 0 }), RangeError);
  assert.throws(() => protocolName({ maxLength: 'long' }), TypeError);
  assert.throws(() => protocolName({ maxlength: 1 }), /unknown option 'maxlength'/);
});

function later() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
