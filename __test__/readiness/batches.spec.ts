/** poll(), its waits and its ends; counters; what one batch holds. */
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

/** Two pipes became ready in one batch, and one of them was told: the other is pending. */
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
  const told = await nextOf(poller[Symbol.asyncIterator]());
  const pending = registrations.find(({ fd }) => fd !== told.fd) ?? t.fail('both are told');
  return { poller, pipes, pending };
}

/** A poller whose looks tell of one descriptor each, and five that were closed while it watched them. */
function closedTogether(t: ExecutionContext, driver: Driver): { poller: Poller; closed: number[] } {
  const poller = new Poller({ driver, maxEvents: 1 });
  t.teardown(() => poller.close());
  const closed = Array.from({ length: 5 }, () => openSync(makeFifo(t), O_RDWR | O_NONBLOCK));
  for (const fd of closed) poller.register(fd);
  for (const fd of closed) closeSync(fd);
  return { poller, closed };
}

/** Whose close an error tells of. */
function fdOf(error: NodeJS.ErrnoException): number | undefined {
  return error.code === 'ERR_DESCRIPTOR_CLOSED' ? (error as EdgepollError).fd : undefined;
}

function sorted(fds: Iterable<number | undefined>): number[] {
  return [...fds].map(Number).toSorted((a, b) => a - b);
}

/** Says whether the loop has had a turn since. */
function untilItTurns(): { turned: boolean } {
  const loop = { turned: false };
  setImmediate(() => {
    loop.turned = true;
  });
  return loop;
}

for (const driver of drivers) {
  for (const engine of engines) {
    test(`pending-others: a wait that comes later looks, and what it finds for an earlier one is told, ${engine}, ${driver}`, async (t) => {
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
        // Nothing lets the loop come round before the later wait: it looks for itself, because a closed number came back.
        closeSync(fd);
        openAs(t, second, O_RDWR | O_NONBLOCK, fd);
        const other = poller.register(fd);
        ready.write(1);
        const wait = later === 'next' ? iterator.next() : poller.poll();
        t.like(await rejection(wait), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
        const told = await Promise.race([earlier, rounds(100)]);
        t.is(told?.data, 'once', later);
        once.unregister();
        other.unregister();
      }
    });

    test(`poll-looks: timeout 0 tells what is, and nothing else, ${engine}, ${driver}`, async (t) => {
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
      // What is registered during the wait is waited for as well.
      poller.register(watched.fd, { data: 'late' });
      setImmediate(() => watched.write(1));
      t.deepEqual(
        (await batch).map(({ data }) => data),
        ['late'],
      );
      t.is((await poller.poll({ timeout: 60_000 })).length, 1, 'the level is still there');
    });

    test(`look-beside-wait: who looks takes nobody's wake-up, ${engine}, ${driver}`, async (t) => {
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
      // The loop does not come round before the look, whoever has announced what meanwhile.
      const limit = performance.now() + 5000;
      if (engine !== 'epoll') while (!isSignalled() && performance.now() < limit);
      t.is((await poller.poll({ timeout: 0 })).length, 1);
      t.is((await batch).length, 1, 'the level is still there');
    });

    test(`look-beside-wait: what a look leaves is told to whoever waits, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller<string | undefined>({ driver, engine });
      t.teardown(() => poller.close());
      const trigger = engine === 'epoll' ? 'edge' : 'level';
      const [path, second] = [makeFifo(t), pipe(t)];
      const flags = O_RDWR | O_NONBLOCK;
      const fd = openSync(path, flags);
      poller.register(fd, { trigger, data: 'first' });
      poller.register(second.fd, { trigger, data: 'second' });
      const batch = poller.poll();
      // Its number comes back, so that the next look tells of it first.
      closeSync(fd);
      openAs(t, path, flags, fd);
      poller.register(fd, { trigger, data: 'next' });
      second.write(1);
      const look = poller.poll({ timeout: 0 });
      t.like(await t.throwsAsync(look, { any: true }), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
      t.deepEqual(
        (await batch).map(({ data }) => data),
        ['second'],
      );
    });

    test(`max-events: a batch is bounded, and everybody has a turn, ${engine}, ${driver}`, async (t) => {
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

  test(`poll-timeout: one that passed takes no event from whoever comes next, ${driver}`, async (t) => {
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

  test(`poll-closed: what waits and what comes later is ERR_CLOSED, ${driver}`, async (t) => {
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

  test(`stats: what happened is counted, ${driver}`, async (t) => {
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

  test(`changed-while-pending: what was told before modify() or rearm() is asked for anew, ${driver}`, async (t) => {
    for (const trigger of ['level', 'edge', 'oneshot', 'edge-oneshot'] as const) {
      const { poller, pending } = await onePending(t, driver, trigger);
      pending.modify({ trigger, writable: true });
      const ours = async (): Promise<unknown[]> =>
        (await poller.poll({ timeout: 0 }))
          .filter(({ fd }) => fd === pending.fd)
          .map(({ readable, writable }) => ({ readable, writable }));
      t.deepEqual(await ours(), [{ readable: false, writable: true }], trigger);
      pending.modify({ trigger });
      t.deepEqual(await ours(), [{ readable: true, writable: false }], trigger);
    }
  });

  test(`changed-while-pending: what was read before rearm() or modify() is told no more, ${driver}`, async (t) => {
    for (const trigger of ['level', 'edge', 'oneshot', 'edge-oneshot'] as const)
      for (const change of ['rearm', 'modify'] as const) {
        const { poller, pipes, pending } = await onePending(t, driver, trigger);
        for (const ends of pipes) ends.read(1);
        if (change === 'rearm') pending.rearm();
        else pending.modify({ trigger });
        t.deepEqual(await poller.poll({ timeout: 0 }), [], `${trigger}, ${change}`);
      }
  });

  test(`rearmed-while-pending: a oneshot is told once, ${driver}`, async (t) => {
    const { poller, pending } = await onePending(t, driver, 'oneshot');
    pending.rearm();
    t.deepEqual(
      (await poller.poll({ timeout: 0 })).map(({ fd }) => fd),
      [pending.fd],
    );
    t.deepEqual(await poller.poll({ timeout: 0 }), []);
  });

  // Alone: another poller's wait would keep the question going.
  test.serial(
    `closed-while-polling: whoever waits for less than a second, again and again, is told, ${driver}`,
    async (t) => {
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
      poller.register(fd);
      closeSync(fd);
      let told: unknown;
      for (let waits = 0; waits < 100 && told === undefined; waits += 1) {
        try {
          await poller.poll({ timeout: 100 });
        } catch (error) {
          told = error;
        }
      }
      t.like(told, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
    },
  );

  // Who would have to wait for the next question, ten milliseconds or a second later, leaves the loop a turn. Whatever the
  // machine does meanwhile, who is told at once does not.
  test(`closed-together: what does not fit into one look is told at once after it, ${driver}`, async (t) => {
    const { poller, closed } = closedTogether(t, driver);
    const iterator = poller[Symbol.asyncIterator]();
    const told = new Set([fdOf(await rejection(iterator.next()))]);
    const loop = untilItTurns();
    while (told.size < closed.length) told.add(fdOf(await rejection(iterator.next())));
    t.false(loop.turned);
    t.deepEqual(sorted(told), sorted(closed));
  });

  test(`closed-together: each of several who wait is told at once after the first, ${driver}`, async (t) => {
    const { poller, closed } = closedTogether(t, driver);
    const iterator = poller[Symbol.asyncIterator]();
    const waiting = closed.map((_, at) =>
      rejection(at % 2 === 0 ? iterator.next() : poller.poll()),
    );
    await Promise.race(waiting);
    const loop = untilItTurns();
    const told = (await Promise.all(waiting)).map((error) => fdOf(error));
    t.false(loop.turned);
    t.deepEqual(sorted(told), sorted(closed));
  });

  test(`closed-reused: whoever registers the number again makes it known at once, ${driver}`, async (t) => {
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
    // Serial: a child that another test starts has the writing end, until it runs its program.
    test.serial(
      `over: a wait that was aborted holds nobody's file open, ${engine}, ${driver}`,
      async (t) => {
        const poller = new Poller({ driver, engine });
        t.teardown(() => poller.close());
        const ROUNDS = 6;
        let unasked = 0;
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
          if (poller.stats().closedDescriptors === round) unasked += 1;
          await rejection(poller.poll({ timeout: 0 }));
          t.is(poller.stats().closedDescriptors, round + 1);
        }
        // One that is held is let go by the question after closed descriptors that finds it. That is asked once a second,
        // so it may have come in between, but not each time.
        t.true(unasked > ROUNDS / 2, `${unasked} of ${ROUNDS}`);
      },
    );

  test(`pending-bounded: events pulled one by one and in batches keep no memory, ${driver}`, async (t) => {
    const fifos = Array.from({ length: 6 }, () => makeFifo(t));
    const { code, stdout, stderr } = await runFixture('pending-mixed', driver, ...fifos);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.true(Number(stdout) < 1_000_000, `${stdout.trim()} bytes for 200,000 batches`);
  });

  test(`closed-in-batch: one that was unregistered before it hides no closed descriptor, ${driver}`, async (t) => {
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
    // What is pending now: the second, and the one that goes. The close comes behind them.
    first.read(1);
    unregistered.unregister();
    closeSync(fd);
    const [event] = await poller.poll({ timeout: 0 });
    t.is(event?.data, 'second');
    const error = await t.throwsAsync(poller.poll({ timeout: 0 }));
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });
}
