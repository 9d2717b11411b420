// What leaving an iterator does, and what return() and throw() must not do once it has ended: one table for every iterator of
// the package. Each test also looks at the source: was the connection ended, does the server listen, is the poller closed?
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Poller, watch } from 'edgepoll';
import type { Descriptor } from 'edgepoll/fd';
import { eventfd, inotify, signalfd, socket, socketpair, timerfd } from 'edgepoll/fd';

import { pipe } from '../readiness/helpers.js';
import { countOpen, isOpen } from '../support/descriptors.js';
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
import { folder } from '../support/process.js';

/** One iterator, and the state of its source. */
interface Subject {
  iterator: AsyncIterator<unknown, unknown>;
  /** Makes one item ready. */
  feed: () => unknown;
  /** Ends the source, so that the iterator ends once the consumer has taken every item. */
  finish: () => unknown;
  /** The state of the source now. */
  state: () => Promise<string>;
}

interface Kind {
  name: string;
  make: (t: ExecutionContext, signal?: AbortSignal) => Promise<Subject>;
  /** The source's state before the end. */
  whole: string;
  /** The state after the consumer has left the loop. */
  left: string;
  /** The state after the source has ended. */
  ended: string;
  /** The iterator takes no signal. */
  noSignal?: true;
}

const options = (signal: AbortSignal | undefined): { signal?: AbortSignal } =>
  signal === undefined ? {} : { signal };

/** How many epoll descriptors this process has: one for each poller, and those of the runtime. */
const pollers = (): number => countOpen((target) => target === 'anon_inode:[eventpoll]');

const succeeds = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.allSettled([promise]))[0].status === 'fulfilled';

/** Whether a server listens on the port. Tries to open a second one, which fails then. */
async function isTaken(t: ExecutionContext, port: number): Promise<boolean> {
  const isFree = await succeeds(serverOf(t, { port }).then((server) => server.close()));
  return !isFree;
}

const connections: Kind = {
  name: 'a connection',
  noSignal: true,
  whole: 'open',
  left: 'ended',
  // The peer has ended its side only: this side may still write.
  ended: 'open',
  async make(t) {
    const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
    return {
      iterator: connection[Symbol.asyncIterator](),
      feed: () => send(peer, 'x'),
      finish: () => peer.end(),
      async state() {
        if (await succeeds(connection.write('y'))) {
          await receiveExactly(peer, 1);
          return 'open';
        }
        return (await receiveAll(peer)).fin ? 'ended' : 'reset';
      },
    };
  },
};

const servers: Kind = {
  name: 'a server',
  whole: 'listens, its connection is open',
  left: 'closed, its connection is open',
  ended: 'closed, its connection is open',
  async make(t, signal) {
    const server = await serverOf(t, options(signal));
    const { port } = server.address;
    const iterator = server[Symbol.asyncIterator]();
    const [connection, peer] = await Promise.all([nextOf(iterator), dial(port)]);
    t.teardown(() => peer.destroy());
    return {
      iterator,
      async feed() {
        const other = await dial(port);
        t.teardown(() => other.destroy());
      },
      finish: () => void server.close(),
      async state() {
        const isListening = await isTaken(t, port);
        const isConnected = await succeeds(connection.write(''));
        return `${isListening ? 'listens' : 'closed'}, its connection is ${isConnected ? 'open' : 'over'}`;
      },
    };
  },
};

const events: Kind = {
  name: 'events()',
  whole: 'listens, 1 connection',
  left: 'closed, 0 connections',
  ended: 'closed, 0 connections',
  async make(t, signal) {
    const server = await serverOf(t, options(signal));
    const { port } = server.address;
    const iterator = server.events();
    const [, peer] = await Promise.all([nextOf(iterator), dial(port)]);
    t.teardown(() => peer.destroy());
    return {
      iterator,
      feed: () => send(peer, 'x'),
      async finish() {
        peer.end();
        t.is((await nextOf(iterator)).type, 'end');
        t.is((await nextOf(iterator)).type, 'close');
        void server.close();
      },
      async state() {
        const { size } = server.connections;
        return `${(await isTaken(t, port)) ? 'listens' : 'closed'}, ${size} connection${size === 1 ? '' : 's'}`;
      },
    };
  },
};

const ofPoller: Kind = {
  name: 'a poller',
  whole: 'open',
  left: 'closed',
  ended: 'closed',
  // oxlint-disable-next-line require-await -- async, so that an exception rejects the promise
  async make(t, signal) {
    const poller = new Poller(options(signal));
    t.teardown(() => poller.close());
    const watched = pipe(t);
    const other = pipe(t);
    poller.register(watched.fd, { trigger: 'edge' });
    return {
      iterator: poller[Symbol.asyncIterator](),
      feed: () => watched.write(1),
      finish: () => poller.close(),
      state() {
        t.true(isOpen(watched.fd));
        try {
          poller.register(other.fd).unregister();
          return Promise.resolve('open');
        } catch (error) {
          t.like(error, { code: 'ERR_CLOSED' });
          return Promise.resolve('closed');
        }
      },
    };
  },
};

const ofWatch: Kind = {
  name: 'watch()',
  whole: 'open',
  left: 'closed',
  ended: 'closed',
  // oxlint-disable-next-line require-await -- async, so that an exception rejects the promise
  async make(t, signal) {
    const watched = pipe(t);
    const before = pollers();
    const iterator = watch(watched.fd, { trigger: 'oneshot', ...options(signal) });
    t.teardown(() => iterator.return?.());
    return {
      iterator,
      feed: () => watched.write(1),
      // With a oneshot trigger watch() ends by itself after one event.
      finish: () => {},
      state() {
        t.true(isOpen(watched.fd));
        return Promise.resolve(pollers() > before ? 'open' : 'closed');
      },
    };
  },
};

type Iterable = Descriptor & {
  values(given?: { signal?: AbortSignal }): AsyncIterableIterator<unknown, unknown>;
};

/** An iterator over an object of edgepoll/fd. Leaving it ends its use of the shared poller, and leaves the object open. */
function ofDescriptor(
  name: string,
  open: (
    t: ExecutionContext,
  ) => Pick<Subject, 'feed'> & { object: Iterable; finish?: () => unknown },
): Kind {
  return {
    name,
    whole: 'open',
    left: 'open',
    ended: name === 'a stream socket' ? 'open' : 'closed',
    // oxlint-disable-next-line require-await -- async, so that an exception rejects the promise
    async make(t, signal) {
      const { object, feed, finish } = open(t);
      t.teardown(() => object.close());
      const before = pollers();
      const { fd } = object;
      const iterator = object.values(options(signal));
      return {
        iterator,
        feed,
        finish: finish ?? (() => object.close()),
        // All waits share a poller: the first wait opens it, and the end of the last iterator closes it.
        state: () =>
          Promise.resolve(
            (isOpen(fd) ? 'open' : 'closed') + (pollers() > before ? ', waited for' : ''),
          ),
      };
    },
  };
}

const descriptors = [
  ofDescriptor('an eventfd', () => {
    const object = eventfd();
    return { object, feed: () => object.write() };
  }),
  ofDescriptor('a timerfd', () => {
    const object = timerfd();
    return { object, feed: () => object.set({ after: 0 }) };
  }),
  ofDescriptor('a signalfd', () => ({
    object: signalfd(['SIGURG']),
    feed: () => process.kill(process.pid, 'SIGURG'),
  })),
  ofDescriptor('an inotify', (t) => {
    const object = inotify();
    const watched = object.add(folder(t));
    return { object, feed: () => object.remove(watched) };
  }),
  ofDescriptor('a listening socket', (t) => {
    const object = socket('unix', 'stream');
    const address = { family: 'unix', path: `${folder(t)}/listens` } as const;
    object.bind(address);
    const listening = object.listen();
    return {
      object: Object.assign(object, {
        values: (given?: { signal?: AbortSignal }) => listening.connections(given),
      }),
      feed() {
        const peer = socket('unix', 'stream');
        t.teardown(() => peer.close());
        peer.connect(address);
      },
    };
  }),
  ofDescriptor('a stream socket', (t) => {
    const [object, peer] = socketpair();
    t.teardown(() => peer.close());
    return { object, feed: () => peer.write('x'), finish: () => peer.shutdown('write') };
  }),
];

const kinds = [connections, servers, events, ofPoller, ofWatch, ...descriptors];

const thrown = new Error('thrown in');

/** The outcome of a call, as a text to compare. */
async function outcome(
  promise: Promise<IteratorResult<unknown, unknown>> | undefined,
): Promise<string> {
  try {
    const { value, done } = (await promise) ?? { value: 'no such method' };
    return done === true ? `done ${String(value)}` : 'value';
  } catch (error) {
    return error === thrown ? 'thrown' : `error ${String(error)}`;
  }
}

/** Calls `return()`, `throw()` and `next()` repeatedly and with several arguments: the results are those of a generator. */
async function leaveAgain(t: ExecutionContext, iterator: Subject['iterator']): Promise<void> {
  t.is(await outcome(iterator.return?.('given')), 'done given');
  t.is(await outcome(iterator.next()), 'done undefined');
  t.is(await outcome(iterator.throw?.(thrown)), 'thrown');
  t.is(await outcome(iterator.return?.(Promise.resolve('awaited'))), 'done awaited');
  t.is(await outcome(iterator.return?.(Promise.reject(thrown))), 'thrown');
  t.is(await outcome(iterator.return?.()), 'done undefined');
  t.is(await outcome(iterator.next()), 'done undefined');
}

for (const { name, make, whole, left, ended, noSignal } of kinds) {
  for (const call of ['return', 'throw'] as const) {
    const leave = (iterator: Subject['iterator']) => outcome(iterator[call]?.(thrown));
    const leaving = call === 'return' ? `done ${String(thrown)}` : 'thrown';

    test.serial(`${name}: ${call}() before the first next() leaves it`, async (t) => {
      const { iterator, state } = await make(t);
      t.is(await state(), whole);
      t.is(await leave(iterator), leaving);
      t.is(await state(), left);
      await leaveAgain(t, iterator);
      t.is(await state(), left);
    });

    test.serial(`${name}: ${call}() after an item leaves it`, async (t) => {
      const { iterator, feed, state } = await make(t);
      const pull = outcome(iterator.next());
      await feed();
      t.is(await pull, 'value');
      t.is(await leave(iterator), leaving);
      t.is(await state(), left);
      await leaveAgain(t, iterator);
      t.is(await state(), left);
    });

    test.serial(`${name}: ${call}() ends what next() waits for`, async (t) => {
      const { iterator, state } = await make(t);
      const pulls = [outcome(iterator.next()), outcome(iterator.next())];
      t.is(await leave(iterator), leaving);
      t.deepEqual(await Promise.all(pulls), ['done undefined', 'done undefined']);
      t.is(await state(), left);
      await leaveAgain(t, iterator);
    });
  }

  test.serial(`${name}: after the end return() and throw() do nothing`, async (t) => {
    const { iterator, feed, finish, state } = await make(t);
    const pull = outcome(iterator.next());
    await feed();
    t.is(await pull, 'value');
    await finish();
    t.is(await outcome(iterator.next()), 'done undefined');
    t.is(await state(), ended);
    await leaveAgain(t, iterator);
    t.is(await state(), ended);
  });

  if (noSignal === true) continue;

  test.serial(
    `${name}: an abort rejects the first pending next(), once, and ends the iterator`,
    async (t) => {
      for (const reason of [new Error('enough'), 'enough']) {
        const controller = new AbortController();
        const { iterator, state } = await make(t, controller.signal);
        const pulls = [iterator.next(), iterator.next()];
        controller.abort(reason);
        t.deepEqual(await Promise.allSettled(pulls), [
          { status: 'rejected', reason },
          { status: 'fulfilled', value: { value: undefined, done: true } },
        ]);
        const after = await state();
        await leaveAgain(t, iterator);
        t.is(await state(), after);
        t.is(getEventListeners(controller.signal, 'abort').length, 0);
      }
    },
  );

  test.serial(
    `${name}: an abort while no next() is pending rejects the following one, before any item`,
    async (t) => {
      const reason = new Error('enough');
      const controller = new AbortController();
      const { iterator, feed } = await make(t, controller.signal);
      const pull = outcome(iterator.next());
      await feed();
      t.is(await pull, 'value');
      controller.abort(reason);
      const [first, second] = await Promise.allSettled([iterator.next(), iterator.next()]);
      // With a oneshot trigger watch() had ended after its one event, so the abort comes too late.
      if (name !== 'watch()') t.deepEqual(first, { status: 'rejected', reason });
      t.deepEqual(second, { status: 'fulfilled', value: { value: undefined, done: true } });
    },
  );

  test.serial(`${name}: with a signal that is aborted already it throws the reason`, async (t) => {
    const reason = new Error('not today');
    t.is(await rejection(make(t, AbortSignal.abort(reason))), reason);
  });
}

test('a connection: after its loop was left, read() and another loop are at their end at once', async (t) => {
  const { connection, peer } = await pairOf(t);
  const waiting = connection.read();
  await send(peer, 'first');
  t.is(String(await waiting), 'first');
  const pending = connection.read();
  await connection[Symbol.asyncIterator]().return?.();
  t.is(await pending, null);
  t.is(await connection.read(), null);
  for await (const chunk of connection) t.fail(`a chunk: ${String(chunk)}`);
  // The connection drops bytes that still arrive, and keeps no memory for them.
  await send(peer, Buffer.alloc(300_000));
  t.is(await connection.read(), null);
  t.true((await receiveAll(peer)).fin);
  peer.end();
  t.is((await connection.closed).cause, 'ended');
});

test('a connection: a stream that reads it to the end leaves the reply to be written', async (t) => {
  const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
  peer.end('question');
  let question = '';
  for await (const chunk of Readable.from(connection)) question += String(chunk);
  t.is(question, 'question');
  await connection.end('late reply');
  const { bytes, fin } = await receiveAll(peer);
  t.is(bytes.toString(), 'late reply');
  t.true(fin);
});

test('a connection: disposal ends it, also after the peer has ended', async (t) => {
  const { connection, peer } = await pairOf(t, { allowHalfOpen: true });
  peer.end();
  t.is(await connection.read(), null);
  const disposed = connection[Symbol.asyncDispose]();
  t.true((await receiveAll(peer)).fin);
  await disposed;
});
