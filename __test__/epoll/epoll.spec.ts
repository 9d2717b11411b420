/**
 * `edgepoll/epoll`: the scenarios of npm epoll's own tests, under their names, and callbacks as its users write them.
 */
import { closeSync, readdirSync, writeSync } from 'node:fs';

import test from 'ava';
import * as entry from 'edgepoll/epoll';

import { drain, epoll, fence, openEnd, ready, Recorder } from './helpers.js';
import { pipe } from '../readiness/helpers.js';
import { drivers, exceptIn, makeFifo } from '../support/process.js';

const { Epoll } = entry;
const { EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } =
  Epoll;

test('constants: the kernel’s values, read-only', (t) => {
  const expected = {
    EPOLLIN: 0x1,
    EPOLLOUT: 0x4,
    EPOLLRDHUP: 0x2000,
    EPOLLPRI: 0x2,
    EPOLLERR: 0x8,
    EPOLLHUP: 0x10,
    EPOLLET: 2 ** 31,
    EPOLLONESHOT: 2 ** 30,
  };
  t.deepEqual(Object.fromEntries(Object.entries(Epoll)), expected);
  t.throws(() => Object.assign(Epoll, { EPOLLIN: 5 }), { instanceOf: TypeError });
  t.is(entry.default.Epoll, Epoll);
});

for (const driver of drivers) {
  test(`closed: false until close(), which returns null, ${driver}`, (t) => {
    const { fd } = pipe(t);
    const poller = epoll(t, driver, () => {});
    t.false(poller.closed);
    t.is(poller.add(fd, EPOLLIN), poller);
    t.is(poller.modify(fd, EPOLLOUT), poller);
    t.is(poller.remove(fd), poller);
    t.is(poller.close(), null);
    t.true(poller.closed);
  });

  test(`verify-events: add() and modify() take every event type, ${driver}`, (t) => {
    const { fd } = pipe(t);
    const poller = epoll(t, driver, () => {});
    const all = [EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLPRI, EPOLLERR, EPOLLHUP, EPOLLET];
    for (const events of [...all, EPOLLONESHOT]) {
      t.notThrows(() => poller.add(fd, events).remove(fd));
      t.notThrows(() => poller.add(fd, 0).modify(fd, events).remove(fd));
    }
    // Bit operators give a negative number with EPOLLET.
    t.notThrows(() => poller.add(fd, EPOLLIN | EPOLLET));
  });

  test(`callback: three arguments, and this is the global object, ${driver}`, async (t) => {
    const fd = ready(t);
    const received = await new Promise<unknown[]>((resolve) => {
      const poller = epoll(t, driver, function callback(this: unknown, ...all) {
        poller.close();
        resolve([this, ...all]);
      });
      poller.add(fd, EPOLLIN);
    });
    t.is(received[0], globalThis);
    t.deepEqual(received.slice(1), [null, fd, EPOLLIN]);
  });

  test(`level: an event in each batch until it is read, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver, () => {
      if (recorder.events.length === 5) drain(fd);
    });
    recorder.epoll.add(fd, EPOLLIN);
    await recorder.count(5);
    await fence(t, driver);
    t.deepEqual(
      recorder.events,
      Array.from({ length: 5 }, () => EPOLLIN),
    );
  });

  test(`edge: one event per write, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLIN | EPOLLET);
    await recorder.count(1);
    await fence(t, driver);
    t.is(recorder.events.length, 1);
    writeSync(fd, 'y');
    await recorder.count(2);
    await fence(t, driver);
    t.is(recorder.events.length, 2);
  });

  test(`one-shot: one event, then silence, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLIN | EPOLLONESHOT);
    await recorder.count(1);
    await fence(t, driver);
    writeSync(fd, 'y');
    await fence(t, driver);
    t.is(recorder.events.length, 1);
    recorder.epoll.remove(fd).close();
  });

  test(`two-shot: modify() arms it again, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLIN | EPOLLONESHOT);
    await recorder.count(1);
    recorder.epoll.modify(fd, EPOLLIN | EPOLLONESHOT);
    await recorder.count(2);
    await fence(t, driver);
    t.is(recorder.events.length, 2);
    recorder.epoll.remove(fd).close();
  });

  test(`two-shot: armed again in the callback, ${driver}`, async (t) => {
    const fd = ready(t);
    const recorder = new Recorder(t, driver, () => {
      if (recorder.events.length < 4) recorder.epoll.modify(fd, EPOLLIN | EPOLLONESHOT);
    });
    recorder.epoll.add(fd, EPOLLIN | EPOLLONESHOT);
    await recorder.count(4);
    await fence(t, driver);
    t.is(recorder.events.length, 4);
  });

  test(`no-gc-allowed: a watching object is not collected, ${driver}`, async (t) => {
    const { fd } = pipe(t);
    const events = new Promise<number>((resolve) => {
      // Only the registration refers to the callback, and only the callback to the object.
      const poller = epoll(undefined, driver, (_error, which, bits) => {
        poller.remove(which).close();
        resolve(bits);
      });
      poller.add(fd, EPOLLIN);
    });
    for (let round = 0; round < 3; round += 1) {
      await fence(t, driver);
      globalThis.gc?.();
    }
    writeSync(fd, 'x');
    t.is(await events, EPOLLIN);
  });

  test(`brute-force-leak-check: a new object in each callback, ${driver}`, async (t) => {
    const fd = ready(t);
    const rounds = 2000;
    await fence(t, driver);
    const before = readdirSync('/proc/self/fd').length;
    await new Promise<void>((resolve) => {
      let count = 0;
      const again = (): void => {
        const poller = epoll(undefined, driver, () => {
          poller.remove(fd).close();
          count += 1;
          if (count < rounds) again();
          else resolve();
        });
        poller.add(fd, EPOLLIN);
      };
      again();
    });
    // Other tests of this file open descriptors at the same time, but far fewer.
    t.true(readdirSync('/proc/self/fd').length < before + 200);
  });

  test(`hangup and error: reported without interest in them, ${driver}`, async (t) => {
    for (const [end, other, bit] of [
      ['reader', 'writer', EPOLLHUP],
      ['writer', 'reader', EPOLLERR],
    ] as const) {
      const path = makeFifo(t);
      const reader = openEnd(path, 'reader');
      const writer = openEnd(path, 'writer');
      const [watched, closed] = end === 'reader' ? [reader, writer] : [writer, reader];
      const recorder = new Recorder(t, driver, (fd) => recorder.epoll.remove(fd));
      recorder.epoll.add(watched, 0);
      closeSync(closed);
      await recorder.count(1);
      t.deepEqual(recorder.events, [bit], `${other} closed`);
      closeSync(watched);
    }
  });

  test(`stale-event: no event for a descriptor that an earlier callback drained, ${driver}`, async (t) => {
    const descriptors = [ready(t), ready(t), ready(t)];
    const recorder = new Recorder(t, driver, () => {
      if (recorder.events.length === 1) for (const fd of descriptors) drain(fd);
    });
    for (const fd of descriptors) recorder.epoll.add(fd, EPOLLIN);
    await fence(t, driver);
    t.is(recorder.events.length, 1);
  });

  test(`stale-event: no event for a descriptor that an earlier callback removed, ${driver}`, async (t) => {
    const descriptors = [ready(t), ready(t), ready(t)];
    const recorder = new Recorder(t, driver, () => {
      for (const fd of descriptors) recorder.epoll.remove(fd);
    });
    for (const fd of descriptors) recorder.epoll.add(fd, EPOLLIN);
    await fence(t, driver);
    t.is(recorder.events.length, 1);
  });

  exceptIn(['deno'], 'Deno runs them after the last event of a batch')(
    `microtasks: a callback's ticks and promises run before the next event, ${driver}`,
    async (t) => {
      const order: string[] = [];
      const recorder = new Recorder(t, driver, (fd) => {
        order.push('event');
        recorder.epoll.remove(fd);
        process.nextTick(() => order.push('tick'));
        queueMicrotask(() => order.push('microtask'));
      });
      for (const fd of [ready(t), ready(t)]) recorder.epoll.add(fd, EPOLLIN);
      await fence(t, driver);
      const [first, second] = [order.slice(0, 3), order.slice(3)];
      t.is(first[0], 'event');
      t.deepEqual(new Set(first), new Set(['event', 'tick', 'microtask']));
      t.deepEqual(second, first);
    },
  );

  test(`starvation: every ready descriptor has its turn, ${driver}`, async (t) => {
    const descriptors = Array.from({ length: 8 }, () => ready(t));
    const seen: number[] = [];
    const recorder = new Recorder(t, driver, (fd) => {
      seen.push(fd);
      if (seen.length === 24) recorder.epoll.close();
    });
    for (const fd of descriptors) recorder.epoll.add(fd, EPOLLIN);
    await recorder.count(24);
    for (const fd of descriptors) t.true(seen.includes(fd));
  });

  test(`add-in-callback and close-in-callback, ${driver}`, async (t) => {
    const [first, second] = [ready(t), ready(t)] as const;
    const seen: number[] = [];
    const recorder = new Recorder(t, driver, (fd) => {
      seen.push(fd);
      if (fd === first) recorder.epoll.remove(first).add(second, EPOLLIN);
      else {
        t.is(recorder.epoll.close(), null);
        t.throws(() => recorder.epoll.close(), { message: "close can't be called more than once" });
      }
    });
    recorder.epoll.add(first, EPOLLIN);
    await recorder.count(2);
    await fence(t, driver);
    t.deepEqual(seen, [first, second]);
  });

  test(`two objects: each has its own descriptors, and each may change the other's, ${driver}`, async (t) => {
    const [first, second] = [ready(t), ready(t)] as const;
    const one = new Recorder(t, driver, (fd) => t.is(fd, first));
    const other = new Recorder(t, driver, (fd) => t.is(fd, second));
    one.epoll.add(first, EPOLLIN | EPOLLET);
    other.epoll.add(second, EPOLLPRI);
    await one.count(1);
    one.epoll.modify(second, EPOLLIN | EPOLLET);
    await other.count(1);
    one.epoll.remove(second);
    t.throws(() => other.epoll.remove(second), { message: 'No such file or directory' });
    t.is(other.epoll.close(), null);
    t.is(one.epoll.close(), null);
  });
}
