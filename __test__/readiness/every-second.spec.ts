/**
 * The timer that checks once a second for closed descriptors: it runs only while a wait is pending. The tests replace the
 * timer and fire it themselves.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

import { pipe } from './helpers.js';
import { drivers, makeFifo } from '../support/process.js';

/** Milliseconds until a missing report is a failure; far more than the 10 ms between two checks. */
const LIMIT = 5000;

/** A replaced interval. */
interface Interval {
  callback: () => void;
  delay: number;
  keepsAlive: boolean;
  unref: () => void;
}

/** Replaces the intervals of `node:timers` until the test ends. Returns those that run; none fires by itself. */
function fakeIntervals(t: ExecutionContext): Set<Interval> {
  const running = new Set<Interval>();
  const timers = createRequire(import.meta.url)('node:timers') as Record<string, unknown>;
  const { setInterval: realSet, clearInterval: realClear } = timers;
  const setInterval = (callback: () => void, delay: number): Interval => {
    const unref = (): void => void (interval.keepsAlive = false);
    const interval = { callback, delay, keepsAlive: true, unref };
    running.add(interval);
    return interval;
  };
  const clearInterval = (interval: Interval): void => void running.delete(interval);
  Object.assign(timers, { setInterval, clearInterval });
  syncBuiltinESMExports();
  t.teardown(() => {
    Object.assign(timers, { setInterval: realSet, clearInterval: realClear });
    syncBuiltinESMExports();
  });
  return running;
}

/** Fires every running interval, as if a second had passed. */
function fire(running: Set<Interval>): void {
  for (const { callback } of running) callback();
}

test.serial(
  'closed-under-us: the driver uv checks each time its loop is about to wait, and needs no second to pass',
  async (t) => {
    fakeIntervals(t);
    const poller = new Poller({ driver: 'uv' });
    t.teardown(() => poller.close());
    const path = makeFifo(t);
    // Without a timer a failing loop would sleep for ever. One timer for all rounds, because a cleared timer still wakes
    // the loop once.
    const late = setTimeout(() => poller.close(), LIMIT);
    for (let round = 0; round < 4; round += 1) {
      const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
      poller.register(fd);
      const waiting = poller.poll();
      // At the close the poller has just checked its descriptors. The next check comes ten milliseconds later, in each round.
      for (let turns = 0; turns < 2; turns += 1) await new Promise((turn) => setImmediate(turn));
      closeSync(fd);
      t.like(await t.throwsAsync(waiting), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
    }
    clearTimeout(late);
  },
);

for (const driver of drivers) {
  test.serial(
    `closed-under-us: a descriptor closed before the wait is reported at once, ${driver}`,
    async (t) => {
      fakeIntervals(t);
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const path = makeFifo(t);
      // One timer for all rounds, as above.
      const late = setTimeout(() => poller.close(), LIMIT);
      for (let round = 0; round < 4; round += 1) {
        const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
        poller.register(fd);
        closeSync(fd);
        t.like(await t.throwsAsync(poller.poll()), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
      }
      clearTimeout(late);
    },
  );

  test.serial(
    `closed-under-us: a closed one among many, whose duplicate is open and ready, is reported soon, ${driver}`,
    async (t) => {
      fakeIntervals(t);
      const poller = new Poller<string>({ driver });
      t.teardown(() => poller.close());
      const idle = Array.from({ length: 300 }, () => eventfd());
      for (const one of idle) poller.register(one, { data: 'idle' });
      const counter = eventfd({ initial: 1 });
      const elsewhere = counter.duplicate();
      const fd = counter.release();
      poller.register(fd, { data: 'closed' });
      closeSync(fd);
      const late = setTimeout(() => poller.close(), LIMIT);
      let code: string | undefined;
      while (code === undefined) {
        try {
          for (const { data } of await poller.poll()) t.is(data, 'closed');
        } catch (error) {
          ({ code } = error as NodeJS.ErrnoException);
        }
      }
      clearTimeout(late);
      t.is(code, 'ERR_DESCRIPTOR_CLOSED');
      t.deepEqual(await poller.poll({ timeout: 0 }), []);
      for (const one of [...idle, elsewhere]) one.close();
    },
  );

  // Serial: the replaced timers are process-wide.
  test.serial(`idle: a poller without a pending wait wakes no loop, ${driver}`, async (t) => {
    const running = fakeIntervals(t);
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    poller.register(watched.fd, { trigger: 'edge' });
    const events = poller[Symbol.asyncIterator]();
    t.is(running.size, 0, 'no wait has begun yet');
    for (let round = 0; round < 2; round += 1) {
      const pull = events.next();
      // The timer runs as long as the wait lasts.
      for (let seconds = 0; seconds < 3; seconds += 1) {
        t.deepEqual(
          [...running].map(({ delay, keepsAlive }) => [delay, keepsAlive]),
          [[1000, false]],
        );
        fire(running);
      }
      watched.write(1);
      t.like(await pull, { value: { fd: watched.fd } });
      // A new wait within the second keeps the timer.
      const again = events.next();
      watched.write(1);
      await again;
      fire(running);
      t.is(running.size, 1, 'a new wait may come');
      fire(running);
      t.is(running.size, 0, 'no new wait came');
    }
  });

  test.serial(
    `idle: all pollers share one timer, until the last is closed, ${driver}`,
    async (t) => {
      const running = fakeIntervals(t);
      const waiting = [1, 2, 3].map(() => {
        const poller = new Poller({ driver });
        t.teardown(() => poller.close());
        poller.register(pipe(t).fd);
        return { poller, pull: poller.poll() };
      });
      for (const { poller, pull } of waiting) {
        t.is(running.size, 1);
        poller.close();
        await t.throwsAsync(pull, { code: 'ERR_CLOSED' });
      }
      t.is(running.size, 0);
    },
  );
}
