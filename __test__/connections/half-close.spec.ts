// One side has ended and the other still sends, in both directions.
import test from 'ava';

import { bytes, sha256 } from '../support/bytes.js';
import { rounds, watch } from '../support/eventually.js';
import { drain, pairOf, receiveAll, rejection, send } from '../support/net.js';

test('allowHalfOpen true: after the peer has ended, the connection still sends 1 MiB', async (t) => {
  const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
  const received = receiveAll(peer);
  peer.end('question');
  t.is((await drain(connection)).bytes.toString(), 'question');
  const answer = bytes(1_048_576, 7);
  for (let at = 0; at < answer.length; at += 30_000) {
    await connection.write(answer.subarray(at, at + 30_000));
  }
  await connection.end();
  const { bytes: got, fin, error } = await received;
  t.is(sha256(got), sha256(answer));
  t.true(fin);
  t.is(error, undefined);
  t.like(await connection.closed, { cause: 'ended', error: undefined, bytesUnsent: 0 });
});

// Serial: while other connections of this thread write, the close may come before the late write, which then gets ERR_CLOSED.
test.serial(
  'allowHalfOpen false: the connection ends once the consumer has read the peer’s end',
  async (t) => {
    const { connection, peer } = await pairOf(t);
    const received = receiveAll(peer);
    peer.end('question');
    t.is((await connection.read())?.toString(), 'question');
    // The consumer has not read the end yet, so an answer is still sent.
    await connection.write('answer');
    t.is(await connection.read(), null);
    t.is((await rejection(connection.write('late'))).code, 'ERR_WRITE_AFTER_END');
    const { bytes: got, fin } = await received;
    t.is(got.toString(), 'answer');
    t.true(fin);
    t.is((await connection.closed).cause, 'ended');
  },
);

test('allowHalfOpen false: bytes that are queued at the peer’s end are still sent', async (t) => {
  const { connection, peer } = await pairOf(t, { maxBufferedAmount: 16 * 1_048_576 });
  const answer = bytes(8 * 1_048_576, 8);
  const written = connection.write(answer);
  peer.end();
  t.is(await connection.read(), null);
  t.is(sha256((await receiveAll(peer)).bytes), sha256(answer));
  await written;
  t.is((await connection.closed).cause, 'ended');
});

test('after end() the connection still receives until the peer’s end', async (t) => {
  const { connection, peer } = await pairOf(t);
  const answered = receiveAll(peer);
  await connection.end('request');
  const { bytes: request, fin } = await answered;
  t.is(request.toString(), 'request');
  t.true(fin);
  const reply = bytes(300_000, 9);
  const reading = drain(connection);
  await send(peer, reply);
  peer.end();
  const { bytes: got, error } = await reading;
  t.is(error, undefined);
  t.is(sha256(got), sha256(reply));
  t.is((await connection.closed).cause, 'ended');
});

test('both end at once: a clean end on both sides', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const { connection, peer } = await pairOf(t);
    const received = receiveAll(peer);
    const reading = drain(connection);
    peer.end('from the peer');
    await connection.end('from us');
    t.is((await reading).bytes.toString(), 'from the peer');
    t.is((await received).bytes.toString(), 'from us');
    t.true((await received).fin);
    t.like(await connection.closed, { cause: 'ended', error: undefined });
  }
});

test('a peer that does not end after end(): the connection fails at endTimeout', async (t) => {
  // This connection ended first and has a longer limit. If limits were ignored, it would fail first.
  const patient = await pairOf(t, { endTimeout: 3_600_000 });
  t.teardown(() => patient.connection.destroy());
  await patient.connection.end();
  const patientClose = watch(patient.connection.closed);
  const { connection, peer } = await pairOf(t, { endTimeout: 150 });
  const received = receiveAll(peer);
  const started = performance.now();
  await connection.end();
  t.true((await received).fin);
  const { cause, error } = await connection.closed;
  t.is(cause, 'failed');
  t.like(error, { code: 'ETIMEDOUT' });
  const took = performance.now() - started;
  t.true(took >= 145, `took ${took} ms`);
  await rounds();
  t.false(patientClose.fulfilled);
});

test('a reset after end() is a failure and not an end', async (t) => {
  const { connection, peer } = await pairOf(t);
  const received = receiveAll(peer);
  await connection.end('bye');
  t.true((await received).fin);
  peer.resetAndDestroy();
  t.is((await drain(connection)).error?.code, 'ECONNRESET');
  t.is((await connection.closed).cause, 'failed');
});

test('allowHalfOpen true: after read() gave the peer’s end, a destroy(error) makes no later read() throw', async (t) => {
  const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
  peer.end();
  t.is(await connection.read(), null);
  connection.destroy(new Error('enough'));
  t.is(await connection.read(), null);
});
