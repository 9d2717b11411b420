// The async-iterator protocol: calls in any order have the results that an async generator over the same values gives, and
// leaving the loop ends the connection or closes the server.
import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Connection } from 'edgepoll';

import { eventually, rounds } from '../support/eventually.js';
import {
  dial,
  nextOf,
  pairOf,
  receiveAll,
  receiveExactly,
  rejection,
  send,
  serverOf,
} from '../support/net.js';
import type { Socket } from '../support/net.js';

type Call = 'next' | 'return' | 'throw';

const thrown = new Error('thrown in');

/** The outcome of a call, as a text to compare. */
async function outcome(promise: Promise<IteratorResult<Buffer, unknown>>): Promise<string> {
  try {
    const { value, done } = await promise;
    return done === true ? `done ${String(value)}` : `value ${value.toString()}`;
  } catch (error) {
    return error === thrown ? 'the error thrown in' : `error ${String(error)}`;
  }
}

function make(
  iterator: AsyncIterator<Buffer, unknown>,
  call: Call,
): Promise<IteratorResult<Buffer, unknown>> {
  if (call === 'next') return iterator.next();
  if (call === 'return') return iterator.return?.() ?? Promise.reject(new Error('no return'));
  return iterator.throw?.(thrown) ?? Promise.reject(new Error('no throw'));
}

async function* generator(values: string[]): AsyncGenerator<Buffer, undefined> {
  for (const value of values) {
    await rounds(1);
    yield Buffer.from(value);
  }
}

/** Every order of up to four calls. */
function orders(): Call[][] {
  const all: Call[][] = [];
  const grow = (order: Call[]): void => {
    if (order.length > 0) all.push(order);
    if (order.length === 4) return;
    for (const call of ['next', 'return', 'throw'] as const) grow([...order, call]);
  };
  grow([]);
  return all;
}

/** A connection whose peer sends these lines and ends. */
async function sent(t: ExecutionContext, values: string[]): Promise<Connection> {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  void receiveAll(peer);
  peer.end(values.map((value) => `${value}\n`).join(''));
  return connection;
}

for (const values of [[], ['a'], ['a', 'b', 'c', 'd', 'e']]) {
  test(`every order of four calls, one after the other, over ${values.length} values`, async (t) => {
    for (const order of orders()) {
      const ours = (await sent(t, values))[Symbol.asyncIterator]();
      const real = generator(values);
      for (const [index, call] of order.entries()) {
        const [mine, theirs] = [await outcome(make(ours, call)), await outcome(make(real, call))];
        t.is(mine, theirs, `${order.join(', ')}: call ${index + 1}`);
      }
    }
  });
}

test('concurrent next() calls get the values in order, then the end', async (t) => {
  const { connection, peer } = await pairOf(t, { framing: 'lines' });
  const iterator = connection[Symbol.asyncIterator]();
  const outcomes = Array.from({ length: 7 }, () => outcome(iterator.next()));
  for (const line of ['a', 'b', 'c', 'd', 'e']) await send(peer, `${line}\n`);
  peer.end();
  t.deepEqual(await Promise.all(outcomes), [
    ...['a', 'b', 'c', 'd', 'e'].map((line) => `value ${line}`),
    'done undefined',
    'done undefined',
  ]);
});

test('concurrent next() calls at a reset: the first gets the error, the others the end', async (t) => {
  const { connection, peer } = await pairOf(t);
  const iterator = connection[Symbol.asyncIterator]();
  const pulls = [iterator.next(), iterator.next(), iterator.next()];
  peer.resetAndDestroy();
  const [first, ...others] = await Promise.allSettled(pulls);
  t.like(first, { status: 'rejected', reason: { code: 'ECONNRESET' } });
  for (const other of others)
    t.deepEqual(other, { status: 'fulfilled', value: { value: undefined, done: true } });
});

for (const call of ['return', 'throw'] as const) {
  test(`a next() that is pending when ${call}() is called does not hang`, async (t) => {
    const { connection, peer } = await pairOf(t);
    const iterator = connection[Symbol.asyncIterator]();
    const pending = [outcome(iterator.next()), outcome(iterator.next())];
    const left = outcome(make(iterator, call));
    t.is(await left, call === 'return' ? 'done undefined' : 'the error thrown in');
    // Leaving ends this side. Pending calls end with the peer's end at the latest.
    t.true((await receiveAll(peer)).fin);
    peer.end();
    t.deepEqual(await Promise.all(pending), ['done undefined', 'done undefined']);
    t.is(await outcome(iterator.next()), 'done undefined');
    t.is((await connection.closed).cause, 'ended');
  });

  test(`a server's next() that is pending when ${call}() is called does not hang`, async (t) => {
    for (const style of ['connections', 'events'] as const) {
      const server = await serverOf(t);
      const iterator = style === 'events' ? server.events() : server[Symbol.asyncIterator]();
      const pending = [iterator.next(), iterator.next()];
      const left = call === 'return' ? iterator.return?.() : iterator.throw?.(thrown);
      if (call === 'return') t.deepEqual(await left, { value: undefined, done: true });
      else t.is(await rejection(left ?? Promise.resolve()), thrown);
      for (const result of await Promise.all(pending))
        t.deepEqual(result, { value: undefined, done: true });
      t.deepEqual(await iterator.next(), { value: undefined, done: true });
      await server.closed;
    }
  });
}

test('the iterator of an iterator is itself, and next() and read() of a connection may be mixed', async (t) => {
  const { connection, peer, server } = await pairOf(t, { framing: 'lines' });
  const iterator = connection[Symbol.asyncIterator]();
  t.is(iterator[Symbol.asyncIterator](), iterator);
  const servers = server[Symbol.asyncIterator]();
  t.is(servers[Symbol.asyncIterator](), servers);
  await send(peer, 'a\nb\nc\n');
  t.is(await outcome(iterator.next()), 'value a');
  t.is((await connection.read())?.toString(), 'b');
  t.is(await outcome(iterator.next()), 'value c');
});

test('destroy() inside the loop ends it without an error, or with the given one', async (t) => {
  for (const error of [undefined, new Error('given')]) {
    const { connection, peer } = await pairOf(t);
    await send(peer, 'go');
    let caught: unknown;
    let turns = 0;
    try {
      for await (const chunk of connection) {
        t.is(chunk.toString(), 'go');
        turns += 1;
        connection.destroy(error);
      }
    } catch (thrownOut) {
      caught = thrownOut;
    }
    t.is(turns, 1);
    t.is(caught, error);
  }
});

test('two loops over one server share its connections', async (t) => {
  const server = await serverOf(t);
  const [first, second] = [server[Symbol.asyncIterator](), server[Symbol.asyncIterator]()];
  const pulls = Promise.all([nextOf(first), nextOf(second)]);
  const peers = await Promise.all([dial(server.address.port), dial(server.address.port)]);
  const [one, two] = await pulls;
  t.not(one, two);
  for (const peer of peers) peer.destroy();
});

test("concurrent next() calls of a server: each gets its value in the calls' order", async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  const pulls = [1, 2, 3].map(() => nextOf(accepted));
  const ports: (number | undefined)[] = [];
  for (const _ of pulls) ports.push((await dial(server.address.port)).localPort);
  const found = (await Promise.all(pulls)).map(({ remoteAddress }) => remoteAddress?.port);
  t.deepEqual(found, ports);
  server.destroy();
});

test('connections and events that wait when the server ends still come, then the end', async (t) => {
  const server = await serverOf(t);
  const accepted = server[Symbol.asyncIterator]();
  for (let count = 0; count < 3; count += 1) await dial(server.address.port);
  await eventually('the connections wait', () => server.stats().pending === 3);
  const closing = server.close();
  for (let count = 0; count < 3; count += 1) (await nextOf(accepted)).destroy();
  t.true((await accepted.next()).done);
  await closing;

  const other = await serverOf(t);
  const events = other.events();
  for (let count = 0; count < 3; count += 1) {
    const [{ type }] = await Promise.all([nextOf(events), dial(other.address.port)]);
    t.is(type, 'open');
  }
  const error = new Error('enough');
  other.destroy(error);
  for (let count = 0; count < 3; count += 1)
    t.like(await nextOf(events), { type: 'close', reason: { cause: 'destroyed', error } });
  t.true((await events.next()).done);
});

test('leaving the loop over a server: connections that were not taken are closed, the others stay open', async (t) => {
  const server = await serverOf(t);
  const peers = [];
  for (let count = 0; count < 5; count += 1) peers.push(await dial(server.address.port));
  let taken: Connection | undefined;
  for await (const connection of server) {
    await eventually('the others wait', () => server.stats().pending === 4);
    taken = connection;
    break;
  }
  t.like(server.stats(), { open: 1, pending: 0 });
  const [first, ...others] = peers;
  for (const other of others) t.true((await receiveAll(other)).fin);
  await taken?.write('still here');
  t.is((await receiveExactly(first as Socket, 10)).toString(), 'still here');
  taken?.destroy();
  await server.closed;
  first?.destroy();
});
