/** Readiness that comes at any moment of a poller's sleep, and close() during the sleep. */
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { RegisterOptions } from 'edgepoll';
import { Poller } from 'edgepoll';

import { pipe } from './helpers.js';
import { drivers, makeFifo } from '../support/process.js';

const ROUNDS = 10_000;

/** Another thread that makes a pipe ready at a random phase after each call of `request()`. */
function waker(
  t: ExecutionContext,
  seed: number,
): { fd: number; request: () => void; read: () => void } {
  const watched = pipe(t);
  const { fd, path } = watched;
  const turns = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { path, turns, rounds: ROUNDS, seed };
  const worker = new Worker(new URL('../fixtures/waker-worker.js', import.meta.url), {
    workerData,
  });
  t.teardown(() => worker.terminate());
  return {
    fd,
    request: () => {
      Atomics.add(turns, 0, 1);
      Atomics.notify(turns, 0);
    },
    read: () => watched.read(1),
  };
}

for (const driver of drivers) {
  const kinds: RegisterOptions<string | undefined>[] = [{ trigger: 'level' }, { trigger: 'edge' }];
  for (const options of kinds) {
    test.serial(
      `hazard-104 random-phase: none of ${ROUNDS} wake-ups is lost, ${options.trigger}, ${driver}`,
      async (t) => {
        const poller = new Poller<string | undefined>({ driver });
        t.teardown(() => poller.close());
        const other = waker(t, 104);
        poller.register(other.fd, { ...options, data: 'woken' });
        const iterator = poller[Symbol.asyncIterator]();
        let woken = 0;
        for (let round = 0; round < ROUNDS; round += 1) {
          // Half of the wake-ups are requested before the wait begins.
          if (round % 2 === 0) other.request();
          const pull = iterator.next();
          if (round % 2 === 1) other.request();
          if ((await pull).value?.data === 'woken') woken += 1;
          other.read();
        }
        t.is(woken, ROUNDS);
      },
    );
  }

  test.serial(
    `hazard-106 already-woken: pulls and wake-ups of two pollers cross, none is lost, ${driver}`,
    async (t) => {
      const others = [waker(t, 1), waker(t, 2)];
      const counts = await Promise.all(
        others.map(async (other) => {
          const poller = new Poller<string | undefined>({ driver });
          t.teardown(() => poller.close());
          poller.register(other.fd, { trigger: 'edge', data: 'woken' });
          const iterator = poller[Symbol.asyncIterator]();
          let woken = 0;
          let pull = iterator.next();
          for (let round = 0; round < ROUNDS / 2; round += 1) {
            other.request();
            if ((await pull).value?.data === 'woken') woken += 1;
            // The next pull begins before the pipe is emptied, so the driver is armed while the pipe is still ready.
            pull = iterator.next();
            other.read();
          }
          poller.close();
          t.true((await pull).done);
          return woken;
        }),
      );
      t.deepEqual(counts, [ROUNDS / 2, ROUNDS / 2]);
    },
  );

  test.serial(
    `hazard-105 closed-in-its-sleep: nothing is written to the next owners of the numbers, ${driver}`,
    async (t) => {
      const watched = pipe(t);
      watched.write(1);
      const path = makeFifo(t);
      const strays: number[] = [];
      for (let round = 0; round < 2000; round += 1) {
        const poller = new Poller({ driver });
        poller.register(watched.fd);
        const pull = poller[Symbol.asyncIterator]().next();
        // Closed while it falls asleep, while it sleeps, and after its event.
        if (round % 3 === 1) await new Promise((turn) => setImmediate(turn));
        if (round % 3 === 2) await pull;
        poller.close();
        const successors = Array.from({ length: 4 }, () =>
          openSync(path, constants.O_RDWR | constants.O_NONBLOCK),
        );
        await pull;
        for (const fd of successors) {
          try {
            strays.push(readSync(fd, Buffer.alloc(8)));
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
          }
          closeSync(fd);
        }
      }
      t.deepEqual(strays, []);
    },
  );
}

test('hazard-107 another-thread: a structured clone of a poller is not a poller', async (t) => {
  const poller = new Poller({ driver: 'thread' });
  t.teardown(() => poller.close());
  const registration = poller.register(pipe(t).fd);
  const { port1, port2 } = new MessageChannel();
  const received = once(port2, 'message');
  port1.postMessage([poller, registration]);
  const [copies] = (await received) as [[Poller, typeof registration]];
  port1.close();
  t.throws(() => Poller.prototype.close.call(copies[0]), { instanceOf: TypeError });
  t.throws(() => Poller.prototype.register.call(copies[0], registration.fd), {
    instanceOf: TypeError,
  });
  t.throws(() => registration.unregister.call(copies[1]), { instanceOf: TypeError });
  t.true(registration.active);
  t.is(poller.size, 1);
});
