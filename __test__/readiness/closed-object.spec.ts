/** Closing or releasing an object of edgepoll/fd while it is watched: its registrations end, and no event of it follows. */
import { closeSync } from 'node:fs';

import test from 'ava';
import type { Registration } from 'edgepoll';
import { Poller, watch } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';
import { eventfd, OwnedFd } from 'edgepoll/fd';
import type { EventFd } from 'edgepoll/fd';

import { fence, Recorder } from '../epoll/helpers.js';
import { drivers, exceptIn } from '../support/process.js';

const { EPOLLIN } = Epoll;

const exceptDeno = exceptIn(
  ['deno'],
  "Deno's closeSync() closes only descriptors that its node:fs opened",
);

/** Opens an eventfd under the number `fd`, which was just closed. The kernel gives the lowest free number. */
function eventfdUnder(fd: number): EventFd {
  const others: EventFd[] = [];
  try {
    for (;;) {
      const counter = eventfd();
      if (counter.fd === fd) return counter;
      others.push(counter);
      if (counter.fd > fd) throw new Error(`the number ${fd} is taken`);
    }
  } finally {
    for (const other of others) other.close();
  }
}

const ways = {
  'close()': (counter: EventFd) => counter.close(),
  using: (counter: EventFd) => counter[Symbol.dispose](),
  'release()': (counter: EventFd) => void OwnedFd.adopt(counter.release()),
};

for (const driver of drivers) {
  for (const engine of ['epoll', 'poll', 'select'] as const) {
    for (const [way, end] of Object.entries(ways)) {
      test(`closed-object: ${way} ends it in every poller and drops what is pending, ${engine}, ${driver}`, async (t) => {
        const pollers = [new Poller<string>({ driver, engine }), new Poller<string>({ driver })];
        t.teardown(() => pollers.forEach((poller) => poller.close()));
        const [ends, stays] = [eventfd({ initial: 1 }), eventfd({ initial: 1 })];
        // The duplicate keeps the file open and ready. If close() left the epoll registration behind, its events would not end.
        const elsewhere = ends.duplicate();
        const registrations: Registration<string>[] = [];
        for (const poller of pollers) {
          registrations.push(poller.register(ends, { data: 'ends' }));
          poller.register(stays, { data: 'stays' });
          // Both events become pending, and the iterator gives one of them.
          const iterator = poller[Symbol.asyncIterator]();
          t.truthy((await iterator.next()).value);
        }
        t.true(registrations.every(({ active }) => active));
        end(ends);
        t.false(registrations.some(({ active }) => active));
        for (const poller of pollers) {
          t.is(poller.size, 1);
          for (let count = 0; count < 3; count += 1) {
            const events = await poller.poll();
            t.deepEqual(
              events.map(({ data }) => data),
              ['stays'],
            );
          }
          const { staleEvents, closedDescriptors } = poller.stats();
          t.deepEqual({ staleEvents, closedDescriptors }, { staleEvents: 0, closedDescriptors: 0 });
        }
        for (const registration of registrations) {
          t.throws(() => registration.rearm(), { code: 'ERR_CLOSED' });
          registration.unregister();
        }
        stays.close();
        elsewhere.close();
      });
    }
  }

  test(`closed-object: by number, close() ends it and release() does not, ${driver}`, async (t) => {
    const poller = new Poller<string>({ driver });
    t.teardown(() => poller.close());
    const [closed, released] = [eventfd({ initial: 1 }), eventfd({ initial: 1 })];
    const first = poller.register(closed.fd, { data: 'closed' });
    const second = poller.register(released.fd, { data: 'released' });
    const adopted = OwnedFd.adopt(released.release());
    closed.close();
    t.deepEqual([first.active, second.active], [false, true]);
    t.deepEqual(
      (await poller.poll()).map(({ data }) => data),
      ['released'],
    );
    adopted.close();
    t.false(second.active);
  });

  test(`closed-object: a duplicate that is watched stays watched, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const counter = eventfd({ initial: 1 });
    const registration = poller.register(counter, { duplicate: true });
    counter.close();
    t.true(registration.active);
    t.is((await poller.poll()).length, 1);
  });

  test(`closed-object: the last registration ends, and the wait goes on for what comes later, ${driver}`, async (t) => {
    const poller = new Poller<string>({ driver });
    t.teardown(() => poller.close());
    const [gone, later] = [eventfd(), eventfd({ initial: 1 })];
    poller.register(gone, { data: 'gone' });
    const waiting = poller.poll();
    gone.close();
    t.is(poller.size, 0);
    poller.register(later, { data: 'later' });
    t.deepEqual(
      (await waiting).map(({ data }) => data),
      ['later'],
    );
    later.close();
  });

  test(`closed-object: every loop of watch() over it ends, ${driver}`, async (t) => {
    const counter = eventfd();
    const loops = [counter, counter.fd].map((what) => watch(what, { driver }));
    const pulls = loops.map((loop) => loop.next());
    const left = watch(counter, { driver });
    await left.return?.();
    counter.close();
    for (const pull of pulls) t.deepEqual(await pull, { value: undefined, done: true });
  });

  exceptDeno(
    `closed-object: the object that got the number of a closed one is not what was watched, ${driver}`,
    async (t) => {
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const { fd } = eventfd();
      poller.register(fd);
      closeSync(fd);
      const successor = eventfdUnder(fd);
      successor.close();
      const expected = { code: 'ERR_DESCRIPTOR_CLOSED', fd };
      t.like(await t.throwsAsync(poller.poll(), { any: true }), expected);
      t.is(poller.size, 0);
    },
  );

  test(`closed-object: edgepoll/epoll calls back no more, and remove() throws as for a closed descriptor, ${driver}`, async (t) => {
    const counter = eventfd({ initial: 1 });
    const elsewhere = counter.duplicate();
    const { fd } = counter;
    const removals: Error[] = [];
    const recorder = new Recorder(t, driver, () => {
      if (!counter.isOpen) return;
      counter.close();
      // In the same turn, because a descriptor that is opened later can have the same number.
      for (let time = 0; time < 2; time += 1) {
        try {
          recorder.epoll.remove(fd);
        } catch (error) {
          removals.push(error as Error);
        }
      }
    });
    recorder.epoll.add(fd, EPOLLIN);
    await recorder.count(1);
    await fence(t, driver);
    t.is(recorder.events.length, 1);
    t.like(removals, [{ code: 'EBADF' }, { code: 'EBADF' }]);
    elsewhere.close();
  });
}
