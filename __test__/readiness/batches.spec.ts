/** poll(): its waits, timeouts and ends; counters; the contents of a batch. */
import { getEventListeners } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';

import test from 'ava';
import type { ExecutionContext } from 'ava';
import { EdgepollError, Poller } from 'edgepoll';
import type { Driver, Registration, Trigger } from 'edgepoll';

import { openAs, pipe } from './helpers.js';
import { pipePair, readText } from '../kernel/helpers.js';
import { detailsOf, openDescriptors, sleepersSleep, targetOf } from '../support/descriptors.js';
import { eventually, rounds } from '../support/eventually.js';
import { nextOf, rejection } from '../support/net.js';
import { drivers, makeFifo, runFixture } from '../support/process.js';

const { O_NONBLOCK, O_RDWR } = constants;

const engines = ['epoll', 'poll', 'select'] as const;

/** Two pipes became ready in one batch, and the iterator gave one event: the other event is pending. */
async function onePending(
  t: ExecutionContext,
  driver: Driver,
  trigger: Trigger,
): Promise<{ poller: Poller; pipes: ReturnType<typeof pipe>[]; pending: Registration<undefined> }> {
  const poller = new Poller({ driver });
  t.teardown(() => poller.close());
  const pipes = [pipe(t), pipe(t)];
  const registrations = pipes.map(({ fd }) => poller.register(fd, { trigger }));
  for (const ends of pipes) ends.write(1);
  const reported = await nextOf(poller[Symbol.asyncIterator]());
  const pending =
    registrations.find(({ fd }) => fd !== reported.fd) ?? t.fail('both events were delivered');
  return { poller, pipes, pending };
}

/** A poller with `maxEvents: 1`, and five descriptors that were closed while it watched them. */
function closedTogether(t: ExecutionContext, driver: Driver): { poller: Poller; closed: number[] } {
  const poller = new Poller({ driver, maxEvents: 1 });
  t.teardown(() => poller.close());
  const closed = Array.from({ length: 5 }, () => openSync(makeFifo(t), O_RDWR | O_NONBLOCK));
  for (const fd of closed) poller.register(fd);
  for (const fd of closed) closeSync(fd);
  return { poller, closed };
}

/** The descriptor that an ERR_DESCRIPTOR_CLOSED error reports; `undefined` for another error. */
function fdOf(error: NodeJS.ErrnoException): number | undefined {
  return error.code === 'ERR_DESCRIPTOR_CLOSED' ? (error as EdgepollError).fd : undefined;
}

function sorted(fds: Iterable<number | undefined>): number[] {
  return [...fds].map(Number).toSorted((a, b) => a - b);
}

/** An object whose `turned` becomes true when the event loop has made a turn. */
function untilItTurns(): { turned: boolean } {
  const loop = { turned: false };
  setImmediate(() => {
    loop.turned = true;
  });
  return loop;
}

for (const driver of drivers) {
  for (const engine of engines) {
    test(`pending-others: events that a later wait finds for an earlier one are delivered, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<string | undefined>({ driver, engine });
      t.teardown(() => poller.close());
      for (const later of ['next', 'poll'] as const) {
        const ready = pipe(t);
        const once = poller.register(ready.fd, { trigger: 'oneshot', data: 'once' });
        const [path, second] = [makeFifo(t), makeFifo(t)];
        const fd = openSync(path, O_RDWR | O_NONBLOCK);
        poller.register(fd, { data: 'closed' });
        const iterator = poller[Symbol.asyncIterator]();
        const earlier = nextOf(iterator);
        // No turn of the loop comes before the later wait. It polls the kernel itself, because a closed number was reused.
        closeSync(fd);
        openAs(t, second, O_RDWR | O_NONBLOCK, fd);
        const other = poller.register(fd);
        ready.write(1);
        const wait = later === 'next' ? iterator.next() : poller.poll();
        t.like(await rejection(wait), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
        const reported = await Promise.race([earlier, rounds(100)]);
        t.is(reported?.data, 'once', later);
        once.unregister();
        other.unregister();
      }
    });

    test(`poll-looks: timeout 0 gives what is ready now, and nothing else, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<string>({ driver, engine });
      t.teardown(() => poller.close());
      const [first, second] = [pipe(t), pipe(t)];
      poller.register(first.fd, { data: 'first' });
      const registration = poller.register(second.fd, { data: 'second' });
      t.deepEqual(await poller.poll({ timeout: 0 }), []);
      second.write(1);
      const [event, ...others] = await poller.poll({ timeout: 0 });
      t.deepEqual(others, []);
      t.deepEqual(event, {
        fd: second.fd,
        data: 'second',
        registration,
        readable: true,
        writable: false,
        priority: false,
        readHangup: false,
        hangup: false,
        error: false,
        mask: 1,
      });
      t.is(event?.registration, registration);
      first.write(1);
      const both = await poller.poll({ timeout: 0 });
      t.deepEqual(both.map(({ data }) => data).toSorted(), ['first', 'second']);
    });

    test(`poll-waits: until something is ready, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<string | undefined>({ driver, engine });
      t.teardown(() => poller.close());
      const watched = pipe(t);
      const batch = poller.poll();
      // A descriptor that is registered during the wait belongs to the wait, too.
      poller.register(watched.fd, { data: 'late' });
      setImmediate(() => watched.write(1));
      t.deepEqual(
        (await batch).map(({ data }) => data),
        ['late'],
      );
      t.is((await poller.poll({ timeout: 60_000 })).length, 1, 'the level is still there');
    });

    test(`look-beside-wait: a poll with timeout 0 does not consume another wait's wake-up, ${engine}, ${driver}`, async (t) => {
      const before = new Set(openDescriptors());
      const poller = new Poller<string | undefined>({ driver, engine });
      t.teardown(() => poller.close());
      const counters = openDescriptors().filter(
        (fd) => !before.has(fd) && targetOf(fd) === 'anon_inode:[eventfd]',
      );
      const isSignalled = (): boolean =>
        counters.some((fd) => !/^eventfd-count: +0$/m.test(detailsOf(fd)));
      const watched = pipe(t);
      poller.register(watched.fd, { data: 'watched' });
      const batch = poller.poll();
      await eventually('the engine sleeps', () => !isSignalled());
      watched.write(1);
      // Wait without a turn of the loop until the engine has signalled, then poll with timeout 0.
      const limit = performance.now() + 5000;
      if (engine !== 'epoll') while (!isSignalled() && performance.now() < limit);
      t.is((await poller.poll({ timeout: 0 })).length, 1);
      t.is((await batch).length, 1, 'the level is still there');
    });

    test(`look-beside-wait: events that a poll with timeout 0 leaves go to the pending wait, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<string | undefined>({ driver, engine });
      t.teardown(() => poller.close());
      const trigger = engine === 'epoll' ? 'edge' : 'level';
      const [path, second] = [makeFifo(t), pipe(t)];
      const flags = O_RDWR | O_NONBLOCK;
      const fd = openSync(path, flags);
      poller.register(fd, { trigger, data: 'first' });
      poller.register(second.fd, { trigger, data: 'second' });
      const batch = poller.poll();
      // Its number is reused, so the next poll reports the close first.
      closeSync(fd);
      openAs(t, path, flags, fd);
      poller.register(fd, { trigger, data: 'next' });
      second.write(1);
      const immediate = poller.poll({ timeout: 0 });
      t.like(await t.throwsAsync(immediate, { any: true }), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
      t.deepEqual(
        (await batch).map(({ data }) => data),
        ['second'],
      );
    });

    test(`max-events: a batch is bounded, and every ready descriptor has its turn, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<number>({ driver, engine, maxEvents: 3 });
      t.teardown(() => poller.close());
      for (let data = 0; data < 8; data += 1) {
        const watched = pipe(t);
        watched.write(1);
        poller.register(watched.fd, { data });
      }
      const seen = new Set<number>();
      for (let round = 0; round < 8; round += 1) {
        const batch = await poller.poll();
        t.is(batch.length, 3);
        for (const { data } of batch) seen.add(data);
      }
      t.is(seen.size, 8);
      t.is(poller.stats().largestBatch, 3);
    });
  }

  test(`poll-timeout: never early, and an empty batch at its end, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    poller.register(pipe(t).fd);
    for (const timeout of [1, 7.5, 30]) {
      const begun = performance.now();
      t.deepEqual(await poller.poll({ timeout }), []);
      const took = performance.now() - begun;
      t.true(took >= timeout, `${took} ms of ${timeout}`);
    }
  });

  test(`poll-timeout: a wait that timed out takes no event from the next one, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    poller.register(watched.fd, { trigger: 'edge', data: 'kept' });
    t.deepEqual(await poller.poll({ timeout: 1 }), []);
    watched.write(1);
    t.is((await poller[Symbol.asyncIterator]().next()).value?.data, 'kept');
  });

  test(`poll-settles: in the order of the calls, next() among them, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const [first, second] = [pipe(t), pipe(t)];
    poller.register(first.fd, { trigger: 'edge', data: 'first' });
    poller.register(second.fd, { trigger: 'edge', data: 'second' });
    const one = poller[Symbol.asyncIterator]().next();
    const batch = poller.poll();
    first.write(1);
    t.is((await one).value?.data, 'first');
    second.write(1);
    t.deepEqual(
      (await batch).map(({ data }) => data),
      ['second'],
    );
  });

  test(`poll-abort: rejects with the reason, keeps no listener, takes no event, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    poller.register(watched.fd, { trigger: 'edge', data: 'kept' });
    const { signal } = new AbortController();
    watched.write(1);
    t.is((await poller.poll({ signal })).length, 1);
    t.is(getEventListeners(signal, 'abort').length, 0);
    const controller = new AbortController();
    const waiting = poller.poll({ signal: controller.signal, timeout: 60_000 });
    const reason = new Error('enough');
    controller.abort(reason);
    t.is(await t.throwsAsync(waiting), reason);
    t.is(await t.throwsAsync(poller.poll({ signal: controller.signal })), reason);
    watched.write(1);
    t.is((await poller.poll()).length, 1);
  });

  test(`poll-closed: pending and later waits reject with ERR_CLOSED, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    poller.register(pipe(t).fd);
    const waiting = [poller.poll(), poller.poll({ timeout: 60_000 })];
    poller.close();
    for (const batch of [...waiting, poller.poll(), poller.poll({ timeout: 0 })]) {
      await t.throwsAsync(batch, { instanceOf: EdgepollError, code: 'ERR_CLOSED' });
    }
  });

  test(`poll-options: refused before anything waits, ${driver}`, (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    for (const timeout of [-1, Number.NaN, 2 ** 54, Infinity]) {
      t.throws(() => poller.poll({ timeout }), {
        instanceOf: RangeError,
        code: 'ERR_OUT_OF_RANGE',
      });
    }
    for (const options of [{ timeout: '5' }, { signal: 1 }, 5, null]) {
      t.throws(() => poller.poll(options as never), { instanceOf: TypeError });
    }
  });

  test(`stats: waits, events and batches are counted, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const none = {
      waits: 0,
      events: 0,
      staleEvents: 0,
      batches: 0,
      largestBatch: 0,
      closedDescriptors: 0,
      renewals: 0,
    };
    t.deepEqual(poller.stats(), none);
    const [first, second] = [pipe(t), pipe(t)];
    for (const { fd } of [first, second]) poller.register(fd);
    t.deepEqual(await poller.poll({ timeout: 0 }), []);
    t.deepEqual(poller.stats(), { ...none, waits: 1 });
    first.write(1);
    second.write(1);
    t.is((await poller.poll({ timeout: 0 })).length, 2);
    const last = { ...none, waits: 2, events: 2, batches: 1, largestBatch: 2 };
    t.deepEqual(poller.stats(), last);
    poller.close();
    t.deepEqual(poller.stats(), last);
    await rounds();
    t.deepEqual(poller.stats(), last, 'once the driver has stopped, too');
  });

  test(`changed-while-pending: a pending event is checked again after modify() or rearm(), ${driver}`, async (t) => {
    for (const trigger of ['level', 'edge', 'oneshot', 'edge-oneshot'] as const) {
      const { poller, pending } = await onePending(t, driver, trigger);
      pending.modify({ trigger, writable: true });
      const eventsOfPending = async (): Promise<unknown[]> =>
        (await poller.poll({ timeout: 0 }))
          .filter(({ fd }) => fd === pending.fd)
          .map(({ readable, writable }) => ({ readable, writable }));
      t.deepEqual(await eventsOfPending(), [{ readable: false, writable: true }], trigger);
      pending.modify({ trigger });
      t.deepEqual(await eventsOfPending(), [{ readable: true, writable: false }], trigger);
    }
  });

  test(`changed-while-pending: after a read and rearm() or modify() the event is dropped, ${driver}`, async (t) => {
    for (const trigger of ['level', 'edge', 'oneshot', 'edge-oneshot'] as const)
      for (const change of ['rearm', 'modify'] as const) {
        const { poller, pipes, pending } = await onePending(t, driver, trigger);
        for (const ends of pipes) ends.read(1);
        if (change === 'rearm') pending.rearm();
        else pending.modify({ trigger });
        t.deepEqual(await poller.poll({ timeout: 0 }), [], `${trigger}, ${change}`);
      }
  });

  test(`rearmed-while-pending: a oneshot gives one event, ${driver}`, async (t) => {
    const { poller, pending } = await onePending(t, driver, 'oneshot');
    pending.rearm();
    t.deepEqual(
      (await poller.poll({ timeout: 0 })).map(({ fd }) => fd),
      [pending.fd],
    );
    t.deepEqual(await poller.poll({ timeout: 0 }), []);
  });

  // Serial: another poller's wait would keep the check for closed descriptors running.
  test.serial(
    `closed-while-polling: repeated waits of less than a second report a closed descriptor, ${driver}`,
    async (t) => {
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
      poller.register(fd);
      closeSync(fd);
      let reported: unknown;
      for (let waits = 0; waits < 100 && reported === undefined; waits += 1) {
        try {
          await poller.poll({ timeout: 100 });
        } catch (error) {
          reported = error;
        }
      }
      t.like(reported, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
    },
  );

  // The next check for closed descriptors comes ten milliseconds or a second later, so waiting for it takes a turn of the
  // loop. An immediate report takes none, however slow the machine is.
  test(`closed-together: what one poll cannot report is reported by the next, without a turn, ${driver}`, async (t) => {
    const { poller, closed } = closedTogether(t, driver);
    const iterator = poller[Symbol.asyncIterator]();
    const reported = new Set([fdOf(await rejection(iterator.next()))]);
    const loop = untilItTurns();
    while (reported.size < closed.length) reported.add(fdOf(await rejection(iterator.next())));
    t.false(loop.turned);
    t.deepEqual(sorted(reported), sorted(closed));
  });

  test(`closed-together: every pending wait is rejected at once after the first, ${driver}`, async (t) => {
    const { poller, closed } = closedTogether(t, driver);
    const iterator = poller[Symbol.asyncIterator]();
    const waiting = closed.map((_, at) =>
      rejection(at % 2 === 0 ? iterator.next() : poller.poll()),
    );
    await Promise.race(waiting);
    const loop = untilItTurns();
    const reported = (await Promise.all(waiting)).map((error) => fdOf(error));
    t.false(loop.turned);
    t.deepEqual(sorted(reported), sorted(closed));
  });

  test(`closed-reused: registering the number again reports the close at once, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const path = makeFifo(t);
    for (let round = 0; round < 8; round += 1) {
      const fd = openSync(path, O_RDWR | O_NONBLOCK);
      poller.register(fd);
      closeSync(fd);
      openAs(t, path, O_RDWR | O_NONBLOCK, fd);
      const registration = poller.register(fd);
      const loop = untilItTurns();
      const error = await rejection(poller[Symbol.asyncIterator]().next());
      t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
      t.false(loop.turned);
      registration.unregister();
    }
  });

  for (const engine of ['poll', 'select'] as const)
    // Serial: a child that another test starts holds the writing end between fork and exec.
    test.serial(
      `over: an aborted wait keeps no closed file open, ${engine}, ${driver}`,
      async (t) => {
        const poller = new Poller({ driver, engine });
        t.teardown(() => poller.close());
        const ROUNDS = 6;
        let releasedAtOnce = 0;
        for (let round = 0; round < ROUNDS; round += 1) {
          const { reader, writer, closeWriter } = pipePair(t);
          poller.register(writer);
          const over = new AbortController();
          const waiting = poller.poll({ signal: over.signal });
          await eventually('the engine sleeps over it', sleepersSleep);
          over.abort();
          t.is((await rejection(waiting)).name, 'AbortError');
          closeWriter();
          await eventually('the reader sees the end', () => readText(reader) === 'end');
          if (poller.stats().closedDescriptors === round) releasedAtOnce += 1;
          await rejection(poller.poll({ timeout: 0 }));
          t.is(poller.stats().closedDescriptors, round + 1);
        }
        // A file that the wait held would be released by the check for closed descriptors. That runs once a second, so it may
        // have come in between in one round, but not in most.
        t.true(releasedAtOnce > ROUNDS / 2, `${releasedAtOnce} of ${ROUNDS}`);
      },
    );

  test(`pending-bounded: events taken one by one and in batches retain no memory, ${driver}`, async (t) => {
    const fifos = Array.from({ length: 6 }, () => makeFifo(t));
    const { code, stdout, stderr } = await runFixture('pending-mixed', driver, ...fifos);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.true(Number(stdout) < 1_000_000, `${stdout.trim()} bytes for 200,000 batches`);
  });

  test(`closed-in-batch: an unregistered event before it does not hide a closed descriptor, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver, engine: 'poll' });
    t.teardown(() => poller.close());
    const [first, second, gone] = [pipe(t), pipe(t), pipe(t)];
    for (const watched of [first, second, gone]) watched.write(1);
    poller.register(first.fd, { data: 'first' });
    poller.register(second.fd, { data: 'second' });
    const unregistered = poller.register(gone.fd, { data: 'gone' });
    const fd = openSync(makeFifo(t), constants.O_RDWR | constants.O_NONBLOCK);
    poller.register(fd, { data: 'closed' });
    t.is((await poller[Symbol.asyncIterator]().next()).value?.data, 'first');
    // Pending now: the events of `second` and `gone`. The close is found after them.
    first.read(1);
    unregistered.unregister();
    closeSync(fd);
    const [event] = await poller.poll({ timeout: 0 });
    t.is(event?.data, 'second');
    const error = await t.throwsAsync(poller.poll({ timeout: 0 }));
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });
}
