/**
 * The timer that asks once a second after descriptors which were closed: it runs while somebody waits, and no longer.
 * The seconds are the test's own.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { Poller } from 'edgepoll';
import { eventfd } from 'edgepoll/fd';

import { pipe } from './helpers.js';
import { drivers, makeFifo } from '../support/process.js';

/** Milliseconds, far more than the ten. */
const LONG = 5000;

/** What stands for a timer. */
interface Clock {
  ask: () => void;
  delay: number;
  keepsAlive: boolean;
  unref: () => void;
}

/** Every interval of `node:timers` that runs, until the test ends; none of them passes by itself. */
function clocks(t: ExecutionContext): Set<Clock> {
  const running = new Set<Clock>();
  const timers = createRequire(import.meta.url)('node:timers') as Record<string, unknown>;
  const { setInterval: realSet, clearInterval: realClear } = timers;
  const setInterval = (ask: () => void, delay: number): Clock => {
    const clock = { ask, delay, keepsAlive: true, unref: () => void (clock.keepsAlive = false) };
    running.add(clock);
    return clock;
  };
  const clearInterval = (clock: Clock): void => void running.delete(clock);
  Object.assign(timers, { setInterval, clearInterval });
  syncBuiltinESMExports();
  t.teardown(() => {
    Object.assign(timers, { setInterval: realSet, clearInterval: realClear });
    syncBuiltinESMExports();
  });
  return running;
}

/** A second passes. */
function pass(running: Set<Clock>): void {
  for (const { ask } of running) ask();
}

test.serial(
  'closed-under-us: the driver uv asks whenever its loop is about to wait, and no second has to pass',
  async (t) => {
    clocks(t);
    const poller = new Poller({ driver: 'uv' });
    t.teardown(() => poller.close());
    const path = makeFifo(t);
    // A loop that nobody wakes would sleep for ever. One for all rounds: the host wakes once for a timer that was cleared, too.
    const late = setTimeout(() => poller.close(), LONG);
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
      clocks(t);
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const path = makeFifo(t);
      // One timer for all rounds, as above.
      const late = setTimeout(() => poller.close(), LONG);
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
      clocks(t);
      const poller = new Poller<string>({ driver });
      t.teardown(() => poller.close());
      const idle = Array.from({ length: 300 }, () => eventfd());
      for (const one of idle) poller.register(one, { data: 'idle' });
      const counter = eventfd({ initial: 1 });
      const elsewhere = counter.duplicate();
      const fd = counter.release();
      poller.register(fd, { data: 'closed' });
      closeSync(fd);
      const late = setTimeout(() => poller.close(), LONG);
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

  // Serial: the timers are everybody's.
  test.serial(
    `idle: a poller that nobody waits for any more wakes no loop, ${driver}`,
    async (t) => {
      const running = clocks(t);
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const watched = pipe(t);
      poller.register(watched.fd, { trigger: 'edge' });
      const events = poller[Symbol.asyncIterator]();
      t.is(running.size, 0, 'nobody has waited yet');
      for (let round = 0; round < 2; round += 1) {
        const pull = events.next();
        // Whoever waits is asked for, however long it lasts.
        for (let seconds = 0; seconds < 3; seconds += 1) {
          t.deepEqual(
            [...running].map(({ delay, keepsAlive }) => [delay, keepsAlive]),
            [[1000, false]],
          );
          pass(running);
        }
        watched.write(1);
        t.like(await pull, { value: { fd: watched.fd } });
        // One that waits for less than a second, again and again, has come back.
        const again = events.next();
        watched.write(1);
        await again;
        pass(running);
        t.is(running.size, 1, 'it may come back');
        pass(running);
        t.is(running.size, 0, 'it did not');
      }
    },
  );

  test.serial(
    `idle: all pollers share one timer, until the last is closed, ${driver}`,
    async (t) => {
      const running = clocks(t);
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
