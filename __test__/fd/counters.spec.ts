/** Counters and timers: exact counts, no early expiry, and the ends of their iterators. */
import test from 'ava';
import { Poller, watch } from 'edgepoll';
import { eventfd, timerfd } from 'edgepoll/fd';

import { drivers } from '../support/process.js';

const MOST = 2n ** 64n - 2n;

test('eventfd: read() takes the whole count, or one at a time', (t) => {
  const counter = eventfd({ initial: 3 });
  t.is(counter.read(), 3n);
  t.is(counter.read(), null);
  t.true(counter.write(2));
  t.true(counter.write());
  t.is(counter.read(), 3n);
  counter.close();

  const semaphore = eventfd({ initial: 2n, semaphore: true });
  t.deepEqual([semaphore.read(), semaphore.read(), semaphore.read()], [1n, 1n, null]);
  semaphore.close();
});

for (const driver of drivers) {
  test(`eventfd-full: preset to 2^64 − 2 it still wakes, twice, and a write is refused without waiting, ${driver}`, async (t) => {
    const counter = eventfd({ initial: MOST });
    const events = watch(counter, { driver, trigger: 'edge' });
    t.true((await events.next()).value?.readable);
    t.false(counter.write());
    t.is(counter.read(), MOST);
    t.true(counter.write(MOST));
    t.true((await events.next()).value?.readable);
    t.is(counter.read(), MOST);
    await events.return?.();
    counter.close();
  });

  test(`iterating: written values are delivered, also to concurrent pulls, and close() ends it, ${driver}`, async (t) => {
    const counter = eventfd();
    const values = counter.values({ driver });
    const pulls = [values.next(), values.next(), values.next()] as const;
    counter.write(5);
    t.deepEqual(await pulls[0], { value: 5n, done: false });
    counter.write(6);
    t.deepEqual(await pulls[1], { value: 6n, done: false });
    counter.close();
    t.deepEqual(await pulls[2], { value: undefined, done: true });
    t.deepEqual(await values.next(), { value: undefined, done: true });
  });

  test(`iterating: return() ends a pending pull and leaves the descriptor open, ${driver}`, async (t) => {
    const counter = eventfd();
    const values = counter.values({ driver });
    const pull = values.next();
    await values.return?.();
    t.true((await pull).done);
    t.true(counter.write());
    t.is(counter.read(), 1n);
    counter.close();
  });

  test(`iterating: an abort rejects once, and an aborted signal is refused, ${driver}`, async (t) => {
    const counter = eventfd();
    const reason = new Error('enough');
    const controller = new AbortController();
    const values = counter.values({ driver, signal: controller.signal });
    const pull = values.next();
    controller.abort(reason);
    t.is(await t.throwsAsync(pull), reason);
    t.true((await values.next()).done);
    t.is(
      t.throws(() => counter.values({ driver, signal: controller.signal })),
      reason,
      'aborted before',
    );
    counter.close();
  });

  test(`iterating: an always ready counter lets the event loop turn, ${driver}`, async (t) => {
    const counter = eventfd({ initial: 1_000_000, semaphore: true });
    let turned = false;
    setImmediate(() => (turned = true));
    let count = 0;
    for await (const one of counter.values({ driver })) {
      count += Number(one);
      if (turned) break;
    }
    t.true(count < 1000, `${count} items before the event loop turned`);
    counter.close();
  });

  for (const clock of ['monotonic', 'boottime', 'realtime'] as const) {
    test(`timerfd: ${clock}: after, at and every, never early, ${driver}`, async (t) => {
      const timer = timerfd({ clock });
      t.is(timer.remaining, 0);
      t.is(timer.read(), null);
      // An hour, so that it does not expire before `remaining` is read.
      timer.set({ after: 3_600_000.5 });
      t.true(timer.remaining > 0 && timer.remaining <= 3_600_000.5);
      const start = performance.now();
      timer.set({ after: 10.5 });
      for await (const times of timer.values({ driver })) {
        t.is(times, 1n);
        break;
      }
      t.true(performance.now() - start >= 10.5);
      t.is(timer.remaining, 0);

      timer.set({ after: 1 }, 0.5);
      let times = 0n;
      for await (const expired of timer.values({ driver })) {
        times += expired;
        if (times >= 10n) break;
      }
      timer.disarm();
      t.is(timer.read(), null);
      t.is(timer.remaining, 0);

      // A time in the past and a delay of 0 mean now, although the kernel would disarm the timer at 0.
      for (const now of [{ after: 0 }, { at: 0 }]) {
        timer.set(now);
        const expired = await timer.values({ driver }).next();
        t.is(expired.value, 1n);
      }
      if (clock === 'realtime') {
        const at = Date.now() + 15;
        timer.set({ at });
        await timer.values({ driver }).next();
        t.true(Date.now() >= at);
      }
      timer.close();
    });
  }

  test(`poller: timer and counter objects are watched, and close() ends their registration, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const timer = timerfd();
    const counter = eventfd();
    poller.register(timer, { data: 'timer' });
    poller.register(counter, { data: 'counter' });
    counter.write();
    t.deepEqual(
      (await poller.poll()).map(({ data }) => data),
      ['counter'],
    );
    counter.read();
    timer.set({ after: 1 });
    t.deepEqual(
      (await poller.poll()).map(({ data }) => data),
      ['timer'],
    );
    poller.register(eventfd(), { data: 'held by the poller alone' });
    // The expiry is still unread: closing the object ends its events.
    timer.close();
    counter.write();
    t.deepEqual(
      (await poller.poll()).map(({ data }) => data),
      ['counter'],
    );
    poller.close();
    counter.close();
  });
}

test('bad-input: counters and timers', (t) => {
  const counter = eventfd();
  for (const value of [-1, 1.5, Number.NaN, 2n ** 64n - 1n, -1n, Number.MAX_SAFE_INTEGER + 1])
    t.throws(() => counter.write(value), { instanceOf: RangeError });
  t.throws(() => counter.write('1' as unknown as number), { instanceOf: TypeError });
  t.throws(() => eventfd({ initial: -1 }), { instanceOf: RangeError });
  t.throws(() => eventfd({ initial: null as unknown as number }), { instanceOf: TypeError });
  t.throws(() => eventfd({ semaphore: 1 as unknown as boolean }), { instanceOf: TypeError });
  t.is(counter.read(), null);
  counter.close();
  t.throws(() => timerfd({ clock: 'sundial' as 'monotonic' }), { instanceOf: RangeError });
  t.throws(() => timerfd({ clock: null as unknown as 'monotonic' }), { instanceOf: TypeError });
  const timer = timerfd();
  for (const start of [{ after: -1 }, { after: Number.NaN }, { at: Infinity }])
    t.throws(() => timer.set(start), { instanceOf: RangeError });
  for (const start of [{}, { after: 1, at: 1 }, { after: '1' }, undefined, null, 5])
    t.throws(() => timer.set(start as { after: number }), { instanceOf: TypeError });
  t.throws(() => timer.set({ after: 1 }, -1), { instanceOf: RangeError });
  t.is(timer.remaining, 0);
  timer.close();
  t.throws(() => timer.set({ after: 1 }), { code: 'ERR_CLOSED' });
});
