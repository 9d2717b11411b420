/** How a poller ends, and how a registration behaves after its descriptor was closed. */
import { closeSync, constants, openSync } from 'node:fs';
import { getEventListeners } from 'node:events';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import type { Driver } from 'edgepoll';
import { Poller } from 'edgepoll';
import { socketpair } from 'edgepoll/fd';
import type { Socket } from 'edgepoll/fd';

import { Fenced, flagsOf, open, openAs, pipe } from './helpers.js';
import { rounds } from '../support/eventually.js';
import { reportOf } from '../support/injected.js';
import { drivers, exceptIn, makeFifo, runFixture } from '../support/process.js';

const { O_NONBLOCK, O_RDWR } = constants;

/**
 * A registration whose descriptor was closed, and whose number `fd` now belongs to another pipe. Without an await in between, so
 * that no other test of this process takes the number.
 */
function withReusedNumber(t: ExecutionContext, driver: Driver) {
  const fenced = new Fenced(t, driver);
  const [first, second] = [makeFifo(t), makeFifo(t)];
  const fd = openSync(first, O_RDWR | O_NONBLOCK);
  const old = fenced.watch(fd, { writable: true, trigger: 'edge', data: 'old' });
  closeSync(fd);
  openAs(t, second, O_RDWR | O_NONBLOCK, fd);
  return { fenced, old, fd };
}

for (const driver of drivers) {
  test(`closed-at-once: close() closes its descriptors before the next turn of the loop, ${driver}`, async (t) => {
    t.deepEqual(reportOf(await runFixture('closed-at-once', driver)), [0, 0, 0]);
  });

  test(`break-closes: leaving the loop closes every descriptor and ends every thread, ${driver}`, async (t) => {
    const { code, stdout, stderr } = await runFixture('poller-descriptors', driver, makeFifo(t));
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), {
      opened: true,
      notJoined: 0,
      given: true,
      watchedIsOpen: true,
    });
  });

  exceptIn(['bun', 'deno'], 'in Bun and Deno async_hooks and garbage collection report less')(
    `closed-is-collected: the package does not retain a closed poller or its resources, ${driver}`,
    async (t) => {
      const report = reportOf(await runFixture('collected', driver, makeFifo(t)));
      t.deepEqual(report, { made: true, pollers: 0, contexts: 0 });
    },
  );

  test(`throwing-delivery: each exception is reported as uncaught, and events go on, ${driver}`, async (t) => {
    const reported = [1, 2, 3].map((count) => `thrown by delivery ${count}`);
    t.deepEqual(reportOf(await runFixture('glue-throwing', driver, makeFifo(t))), reported);
  });

  test(`break-closes: every way out, and what comes after, ${driver}`, async (t) => {
    const watched = pipe(t);
    watched.write(1);
    const broken = new Poller({ driver });
    const registration = broken.register(watched.fd);
    for await (const event of broken) {
      t.is(event.fd, watched.fd);
      break;
    }
    t.false(registration.active);
    t.is(broken.size, 0);
    t.deepEqual(await broken[Symbol.asyncIterator]().next(), { value: undefined, done: true });
    t.throws(() => broken.register(watched.fd), { code: 'ERR_CLOSED' });

    const thrown = new Poller({ driver });
    thrown.register(watched.fd);
    const loop = async (): Promise<void> => {
      for await (const event of thrown) throw new RangeError(`mine: ${event.fd}`);
    };
    await t.throwsAsync(loop, { message: `mine: ${watched.fd}` });
    t.throws(() => thrown.register(watched.fd), { code: 'ERR_CLOSED' });
  });

  test(`close-with-pulls-waiting: each pull ends, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    poller.register(pipe(t).fd);
    const iterator = poller[Symbol.asyncIterator]();
    const pulls = [iterator.next(), iterator.next()];
    poller.close();
    poller.close();
    const end = { value: undefined, done: true };
    t.deepEqual(await Promise.all(pulls), [end, end]);
  });

  test(`dispose: ends pending waits, and may be called twice, ${driver}`, async (t) => {
    const poller = new Poller({ driver });
    const pull = poller[Symbol.asyncIterator]().next();
    await poller[Symbol.asyncDispose]();
    await poller[Symbol.asyncDispose]();
    t.true((await pull).done);
  });

  test(`abort: rejects the first pull only, and leaves no listener, ${driver}`, async (t) => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const poller = new Poller({ driver, signal: controller.signal });
    poller.register(pipe(t).fd);
    const iterator = poller[Symbol.asyncIterator]();
    const pulls = [iterator.next(), iterator.next()] as const;
    controller.abort(reason);
    t.is(await t.throwsAsync(pulls[0]), reason);
    t.true((await pulls[1]).done);
    t.true((await iterator.next()).done);
    t.is(getEventListeners(controller.signal, 'abort').length, 0);
    t.is(
      t.throws(() => new Poller({ driver, signal: controller.signal })),
      reason,
      'aborted before',
    );
  });

  test(`abort: without a pending pull the next one rejects, and close() removes the listener, ${driver}`, async (t) => {
    const controller = new AbortController();
    const poller = new Poller({ driver, signal: controller.signal });
    const closed = new Poller({ driver, signal: controller.signal });
    closed.close();
    t.is(getEventListeners(controller.signal, 'abort').length, 1);
    controller.abort();
    const iterator = poller[Symbol.asyncIterator]();
    await t.throwsAsync(iterator.next(), { any: true, name: 'AbortError' });
    t.true((await iterator.next()).done);
    t.true((await closed[Symbol.asyncIterator]().next()).done);
  });

  test(`hazard-112 flags-unchanged: a blocking descriptor stays one, ${driver}`, async (t) => {
    for (const flags of [O_RDWR, O_RDWR | O_NONBLOCK]) {
      const fd = open(t, makeFifo(t), flags);
      const before = flagsOf(fd);
      const poller = new Poller({ driver });
      const registration = poller.register(fd, { writable: true, trigger: 'edge' });
      t.is(flagsOf(fd), before);
      await poller[Symbol.asyncIterator]().next();
      registration.modify({ writable: true });
      registration.unregister();
      poller.close();
      t.is(flagsOf(fd), before);
      t.is((Number.parseInt(before ?? '', 8) & O_NONBLOCK) === 0, flags === O_RDWR);
    }
  });

  for (const engine of ['epoll', 'poll', 'select'] as const)
    test(`held-file: the peer of a descriptor closed after a wait sees the end, ${engine}, ${driver}`, async (t) => {
      const poller = new Poller({ driver, engine });
      const watcher = new Poller({ driver });
      const pairs = [socketpair(), socketpair(), socketpair()] as const;
      t.teardown(() => {
        poller.close();
        watcher.close();
        for (const end of pairs.flat()) end.close();
      });
      const isOver = async (peer: Socket): Promise<boolean> => {
        const registration = watcher.register(peer.fd);
        const events = await watcher.poll({ timeout: 5000 });
        registration.unregister();
        return events.length === 1 && peer.read(Buffer.alloc(1)) === 0;
      };
      const [first, second] = pairs.map(([watched]) => poller.register(watched.fd));
      t.deepEqual(await poller.poll({ timeout: 20 }), []);
      first?.unregister();
      pairs[0][0].close();
      t.true(await isOver(pairs[0][1]), 'unregister() after a timeout');

      const controller = new AbortController();
      const wait = t.throwsAsync(poller.poll({ signal: controller.signal }), { any: true });
      await rounds();
      second?.unregister();
      pairs[1][0].close();
      t.true(await isOver(pairs[1][1]), 'unregister() during a wait');

      controller.abort();
      await wait;
      pairs[2][0].close();
      t.true(await isOver(pairs[2][1]), 'a close after an abort');

      // A descriptor whose number was reused is reported as closed. The other one is closed when no wait is pending.
      t.is(poller.size, 0);
      const other = socketpair();
      const path = makeFifo(t);
      const fd = openSync(path, O_RDWR | O_NONBLOCK);
      for (const watched of [fd, other[0].fd]) poller.register(watched);
      const closed = t.throwsAsync(poller.poll(), { any: true });
      await rounds();
      closeSync(fd);
      openAs(t, path, O_RDWR | O_NONBLOCK, fd);
      poller.register(fd);
      t.like(await closed, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
      other[0].close();
      t.true(await isOver(other[1]), 'a close after another one was reported');
      other[1].close();
    });

  test(`owner-closes-first: modify() throws EBADF, unregister() does not throw, ${driver}`, async (t) => {
    const fenced = new Fenced(t, driver);
    const fd = openSync(makeFifo(t), O_RDWR | O_NONBLOCK);
    const registration = fenced.watch(fd);
    closeSync(fd);
    t.throws(() => registration.modify({ writable: true }), { code: 'EBADF' });
    t.notThrows(() => registration.unregister());
    t.deepEqual(await fenced.ready(), []);
    t.is(fenced.poller.size, 1);
  });

  test(`recycled-number: a late unregister() leaves the successor alone, ${driver}`, async (t) => {
    const { fenced, old, fd } = withReusedNumber(t, driver);
    fenced.watch(fd, { writable: true, trigger: 'edge', data: 'new' });
    old.unregister();
    t.deepEqual(await fenced.ready(), ['new']);
    t.is(fenced.poller.size, 2, 'the new one and the fence');
  });

  test(`recycled-number: a late modify() leaves the successor alone, ${driver}`, async (t) => {
    const { fenced, old, fd } = withReusedNumber(t, driver);
    t.throws(() => old.modify({ priority: true }), { code: 'ENOENT' });
    fenced.watch(fd, { writable: true, trigger: 'edge', data: 'new' });
    t.throws(() => old.modify({ priority: true }), { code: 'ERR_DESCRIPTOR_CLOSED' });
    const reported = await t.throwsAsync(fenced.ready(), { code: 'ERR_DESCRIPTOR_CLOSED' });
    t.like(reported, { fd });
    t.false(old.active);
    t.deepEqual(await fenced.ready(), ['new']);
  });
}
