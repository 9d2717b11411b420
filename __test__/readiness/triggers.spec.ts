/** Options of register(): triggers, exclusive, duplicates, owners, and combinations that an engine refuses. */
import { closeSync, constants, openSync } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';

import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Driver, RegisterOptions } from 'edgepoll';
import { EdgepollError, Poller, watch } from 'edgepoll';

import { Fenced, pipe, pipeEnds } from './helpers.js';
import { mostDescriptors } from '../support/descriptors.js';
import { drivers, makeFifo, root } from '../support/process.js';

const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/** A poller that watches a descriptor that is always ready, and one that the test will close. */
function withBusyDescriptor(t: ExecutionContext, driver: Driver) {
  const poller = new Poller({ driver });
  t.teardown(() => poller.close());
  const busy = pipe(t);
  busy.write(1);
  poller.register(busy.fd);
  const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
  poller.register(fd);
  return { poller, busy, fd };
}

for (const driver of drivers) {
  test(`hazard-108 oneshot-rearm: silent until rearm(), which reports what is ready then, ${driver}`, async (t) => {
    for (const trigger of ['oneshot', 'edge-oneshot'] as const) {
      const fenced = new Fenced(t, driver);
      const watched = pipe(t);
      const registration = fenced.watch(watched.fd, { trigger });
      watched.write(2);
      t.deepEqual(await fenced.ready(), ['watched']);
      watched.write(1);
      t.deepEqual(await fenced.ready(), [], trigger);
      registration.rearm();
      t.deepEqual(await fenced.ready(), ['watched'], trigger);
      t.deepEqual(await fenced.ready(), [], trigger);
      registration.modify({ trigger, data: 'again' });
      t.deepEqual(await fenced.ready(), ['again'], trigger);
      watched.read(3);
      registration.rearm();
      t.deepEqual(await fenced.ready(), [], 'nothing is ready');
      watched.write(1);
      t.deepEqual(await fenced.ready(), ['again'], trigger);
      registration.unregister();
      t.throws(() => registration.rearm(), { code: 'ERR_CLOSED' });
    }
  });

  test(`exclusive: watched, never modified, and refused in combinations that the kernel refuses, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const watched = pipe(t);
    const registration = fenced.watch(watched.fd, { exclusive: true });
    t.throws(() => registration.modify({ writable: true }), { code: 'ERR_EXCLUSIVE' });
    t.throws(() => registration.rearm(), { code: 'ERR_EXCLUSIVE' });
    watched.write(1);
    t.is((await fenced.next())?.data, 'watched');
    const other = pipe(t);
    const mixes: RegisterOptions<string | undefined>[] = [
      { priority: true },
      { readHangup: true },
      { trigger: 'oneshot' },
      { trigger: 'edge-oneshot' },
    ];
    for (const mix of mixes) {
      const refused = { instanceOf: TypeError, code: 'ERR_INVALID_ARG_VALUE' };
      t.throws(() => fenced.watch(other.fd, { ...mix, exclusive: true }), refused);
    }
    const plain = fenced.watch(other.fd, { exclusive: true, trigger: 'edge', wakeup: true });
    plain.unregister();
    const level = fenced.watch(other.fd);
    t.throws(() => level.modify({ exclusive: true }), { code: 'ERR_EXCLUSIVE' });
  });

  test(`duplicate: the original may be closed and its number reused, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const path = makeFifo(t);
    const fd = openSync(path, O_RDWR | O_NONBLOCK);
    const registration = fenced.watch(fd, { duplicate: true, writable: true, trigger: 'edge' });
    t.is(registration.fd, fd);
    closeSync(fd);
    const successor = pipe(t);
    const event = await fenced.next();
    t.like(event, { fd, data: 'watched', writable: true });
    successor.write(1);
    t.deepEqual(await fenced.ready(), []);
    registration.unregister();
    t.is(fenced.poller.size, 1);
  });

  test(`duplicate: chosen at registration, not later, ${driver}`, (t) => {
    const fenced = new Fenced(t, driver);
    const registration = fenced.watch(pipe(t).fd);
    for (const duplicate of [true, false, 1 as unknown as boolean]) {
      t.throws(() => registration.modify({ duplicate } as object), { instanceOf: TypeError });
    }
  });

  test(`modify: without options it is an error, and changes nothing, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const registration = fenced.watch(pipe(t).fd);
    const modify = registration.modify.bind(registration) as (options?: unknown) => void;
    for (const options of [undefined, null, 5])
      t.throws(() => modify(options), { instanceOf: TypeError, code: 'ERR_INVALID_ARG_TYPE' });
    t.deepEqual(await fenced.ready(), []);
  });

  test(`duplicate: two of one descriptor are two registrations, ${driver}`, async (t) => {
    const poller = new Poller<string>({ driver });
    t.teardown(() => poller.close());
    const watched = pipe(t);
    poller.register(watched.fd, { data: 'first' });
    poller.register(watched.fd, { data: 'second', duplicate: true });
    watched.write(1);
    const batch = await poller.poll();
    t.deepEqual(batch.map(({ data }) => data).toSorted(), ['first', 'second']);
  });

  test(`owner: an object with a descriptor is accepted, and refused once it is closed, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const handle = await openHandle(makeFifo(t), O_RDWR | O_NONBLOCK);
    const registration = poller.register(handle, { writable: true });
    t.is(registration.fd, handle.fd);
    t.like((await poller.poll())[0], { fd: handle.fd, writable: true });
    registration.unregister();
    await handle.close();
    t.throws(() => poller.register(handle), { instanceOf: RangeError });
  });

  test(`engine-refuses: only epoll supports edges and exclusive, ${driver}`, (t) => {
    for (const engine of ['poll', 'select'] as const) {
      const poller = new Poller({ driver, engine });
      t.teardown(() => poller.close());
      const watched = pipe(t);
      const mixes: RegisterOptions<undefined>[] = [
        { trigger: 'edge' },
        { trigger: 'edge-oneshot' },
        { exclusive: true },
        { wakeup: true },
      ];
      for (const mix of mixes) {
        const error = t.throws(() => poller.register(watched.fd, mix), { instanceOf: TypeError });
        t.true(error?.message.includes(`'${engine}'`), error?.message);
      }
      t.is(poller.size, 0);
      t.true(poller.register(watched.fd).active);
    }
  });

  // The test takes all low numbers, which other tests of this file need for select, so it does not await in between. A worker
  // skips it, because other threads run at the same time.
  (isMainThread ? test : test.skip)(
    `select-size: a number above 1,023 is refused, and the other engines take it, ${driver}`,
    (t) => {
      const most = mostDescriptors();
      if (most <= 1100) {
        t.log(`skipped: this process may have ${most} descriptors`);
        t.pass();
        return;
      }
      const path = makeFifo(t);
      const select = new Poller({ driver, engine: 'select' });
      const poll = new Poller({ driver, engine: 'poll' });
      const opened: number[] = [];
      try {
        while ((opened.at(-1) ?? -1) < 1024) opened.push(openSync(path, O_RDWR | O_NONBLOCK));
        const [low = -1, high = -1] = [opened[0], opened.at(-1)];
        const error = t.throws(() => select.register(high), { instanceOf: EdgepollError });
        t.like(error, { code: 'ERR_FD_SETSIZE', fd: high });
        t.is(select.size, 0);
        t.true(select.register(low).active);
        t.true(poll.register(high).active);
        const late = t.throws(() => new Poller({ driver, engine: 'select' }));
        t.like(late, { code: 'ERR_FD_SETSIZE' });
      } finally {
        select.close();
        poll.close();
        for (const fd of opened) closeSync(fd);
      }
    },
  );

  test(`regular-file: epoll refuses it and names the alternatives, poll and select report it as ready, ${driver}`, async (t) => {
    const fd = openSync(`${root}/package.json`, O_RDONLY);
    t.teardown(() => closeSync(fd));
    const epoll = new Poller({ driver });
    t.teardown(() => epoll.close());
    const error = t.throws(() => epoll.register(fd), {
      instanceOf: EdgepollError,
      code: 'ERR_NOT_POLLABLE',
    });
    t.regex(error?.message ?? '', /read it directly, or use the engine 'poll'/);
    for (const engine of ['poll', 'select'] as const) {
      const poller = new Poller({ driver, engine });
      t.teardown(() => poller.close());
      poller.register(fd);
      t.like(await poller.poll(), [{ fd, readable: true }]);
    }
  });

  test(`watch: one descriptor, until the loop is left, ${driver}`, async (t) => {
    const watched = pipe(t);
    watched.write(3);
    let reported = 0;
    for await (const event of watch(watched.fd, { driver, data: 'mine' })) {
      t.like(event, { fd: watched.fd, data: 'mine', readable: true });
      watched.read(1);
      reported += 1;
      if (reported === 3) break;
    }
    t.is(reported, 3);
    t.notThrows(() => watch(watched.fd, { driver }).return?.(), 'nothing is left behind');
  });

  test(`watch: its ends, ${driver}`, async (t) => {
    const watched = pipe(t);
    watched.write(1);
    let reported = 0;
    for await (const event of watch(watched.fd, { driver, trigger: 'oneshot' })) {
      t.is(event.fd, watched.fd);
      reported += 1;
    }
    t.is(reported, 1, 'a oneshot is one event');
    const reason = new Error('enough');
    const controller = new AbortController();
    watched.read(1);
    const waiting = watch(watched.fd, { driver, signal: controller.signal }).next();
    controller.abort(reason);
    t.is(await t.throwsAsync(waiting), reason);
    t.throws(() => watch(-1, { driver }), { instanceOf: RangeError });

    const { reader, closeWriter } = pipeEnds(t);
    const events = watch(reader, { driver, readable: false });
    closeWriter();
    t.like((await events.next()).value, { hangup: true, readable: false });
    await events.return?.();
  });

  test(`closed-under-us: reported once, and the others go on, ${driver}`, async (t) => {
    const poller = new Poller<string | undefined>({ driver });
    t.teardown(() => poller.close());
    const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
    const closed = poller.register(fd, { data: 'closed' });
    const watched = pipe(t);
    poller.register(watched.fd, { data: 'watched' });
    const waiting = poller.poll();
    closeSync(fd);
    const error = await t.throwsAsync(waiting, { instanceOf: EdgepollError });
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
    t.false(closed.active);
    t.is(poller.size, 1);
    t.is(poller.stats().closedDescriptors, 1);
    watched.write(1);
    t.is((await poller.poll())[0]?.data, 'watched');
    t.notThrows(() => closed.unregister());
  });

  test(`closed-under-us: reported also while another descriptor is always ready, ${driver}`, async (t) => {
    const { poller, busy, fd } = withBusyDescriptor(t, driver);
    t.is((await poller.poll())[0]?.fd, busy.fd);
    closeSync(fd);
    const consume = async (): Promise<void> => {
      for await (const event of poller) t.is(event.fd, busy.fd);
    };
    t.like(await t.throwsAsync(consume), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });

  test(`closed-under-us: reported to polls with timeout 0, though another descriptor is always ready, ${driver}`, async (t) => {
    const { poller, busy, fd } = withBusyDescriptor(t, driver);
    closeSync(fd);
    const pollRepeatedly = async (): Promise<void> => {
      for (let polls = 0; polls < 1000; polls += 1) {
        const [event] = await poller.poll({ timeout: 0 });
        t.is(event?.fd, busy.fd);
      }
    };
    t.like(await t.throwsAsync(pollRepeatedly), { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });

  for (const [busy, most, events] of [
    [0, 64, 6400],
    [1, 8, 200],
  ] as const) {
    // The driver `thread` delivers up to eight times in a row.
    const bound = driver === 'uv' ? most : most * 8;
    test(`turn-is-bounded: at most ${bound} events of ${busy} ms are delivered without a turn of the loop, ${driver}`, async (t) => {
      const watched = pipe(t);
      watched.write(1);
      let reported = 0;
      let inARow = 0;
      let longest = 0;
      const turn = (): void => {
        inARow = 0;
        if (reported < events) setImmediate(turn);
      };
      setImmediate(turn);
      for await (const event of watch(watched.fd, { driver })) {
        t.is(event.fd, watched.fd);
        reported += 1;
        inARow += 1;
        longest = Math.max(longest, inARow);
        if (reported === events) break;
        const until = performance.now() + busy;
        while (performance.now() < until);
      }
      t.true(longest <= bound, `${longest} events in a row`);
    });
  }
}
