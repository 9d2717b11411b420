/**
 * An AbortSignal that is not an instance of the global class. It may be of another realm, or of a library that is older than
 * `reason`.
 */
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, listen, Poller, watch } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

import { pipe } from '../readiness/helpers.js';
import { eventually } from '../support/eventually.js';
import { freePort, pairOf, rejection } from '../support/net.js';

/** AbortSignal as it was first specified: without reason and throwIfAborted(). */
class OldSignal {
  aborted = false;
  readonly listeners = new Set<() => void>();
  onabort = null;

  addEventListener(_name: 'abort', listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_name: 'abort', listener: () => void): void {
    this.listeners.delete(listener);
  }

  abort(): void {
    this.aborted = true;
    for (const listener of this.listeners) listener();
  }

  asSignal(): AbortSignal {
    return this as unknown as AbortSignal;
  }
}

const REASON = { name: 'AbortError', any: true } as const;

/** Checks that the wait rejects with an AbortError, for an abort during it and before it, and that no listener stays. */
async function abortEnds(
  t: ExecutionContext,
  wait: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const signal = new OldSignal();
  const waiting = wait(signal.asSignal());
  await eventually('it waits', () => signal.listeners.size === 1);
  signal.abort();
  await t.throwsAsync(waiting, REASON);
  t.is(signal.listeners.size, 0);
  await t.throwsAsync(async () => await wait(signal.asSignal()), REASON);
  t.is(signal.listeners.size, 0);
}

test('signal-alike: poll()', async (t) => {
  const poller = new Poller();
  t.teardown(() => poller.close());
  poller.register(pipe(t).fd);
  await abortEnds(t, (signal) => poller.poll({ signal }));
});

test('signal-alike: a poller', async (t) => {
  await abortEnds(t, (signal) => {
    const poller = new Poller({ signal });
    poller.register(pipe(t).fd);
    return poller[Symbol.asyncIterator]().next();
  });
});

test('signal-alike: watch()', async (t) => {
  const { fd } = pipe(t);
  await abortEnds(t, (signal) => watch(fd, { signal }).next());
});

test('signal-alike: a descriptor of edgepoll/fd', async (t) => {
  const counter = eventfd();
  t.teardown(() => counter.close());
  await abortEnds(t, async (signal) => {
    const values = counter.values({ signal });
    return await values.next();
  });
});

test('signal-alike: listen() and connect()', async (t) => {
  const signal = new OldSignal();
  const { server, connection } = await pairOf(t, { signal: signal.asSignal() });
  const { port } = server.address;
  const resolving = connect({ host: 'localhost', port, signal: signal.asSignal() });
  signal.abort();
  t.like(await rejection(resolving), { name: 'AbortError' });
  t.like(await connection.closed, { cause: 'destroyed', error: { name: 'AbortError' } });
  const options = { host: '127.0.0.1', port: freePort(t), signal: signal.asSignal() };
  t.like(await rejection(listen(options)), { name: 'AbortError' });
  t.like(await rejection(connect(options)), { name: 'AbortError' });
  t.is(signal.listeners.size, 0);
});
