/** Who is who: numbers that come back, descriptors closed under us, duplicates, owners that nobody holds. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, readdirSync } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, EdgepollError, listen, watch } from 'edgepoll';

import { now, pipePair, pollerOf, readText, soon, writeText } from '../kernel/helpers.js';
import { eventually } from '../support/eventually.js';
import { hands } from '../support/hands.js';
import { reportOf } from '../support/injected.js';
import { freePort, nextOf, rejection } from '../support/net.js';
import {
  drivers,
  exceptIn,
  fixture,
  makeFifo,
  run,
  runFixture,
  runtime,
  runtimeName,
} from '../support/process.js';

const { O_NONBLOCK, O_RDWR } = constants;

interface Told<T> {
  told: string[];
  more: T;
}

/** The descriptors that a program has when it has just been started from here. */
async function descriptorsOfChild(): Promise<string[]> {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'pipe'] });
  // While it starts it opens its libraries: it has started when it answers.
  child.stdin.write('started');
  await once(child.stdout, 'data');
  const open = readdirSync(`/proc/${child.pid}/fd`);
  child.stdin.end();
  await once(child, 'exit');
  return open;
}

const engines = ['epoll', 'poll', 'select'] as const;

const whereHandlesAreCollected = exceptIn(
  ['bun', 'deno'],
  'a FileHandle that is collected there is an error, or keeps its descriptor',
);
const whereNothingElseOpens = exceptIn(['bun', 'deno'], 'it panics itself without a descriptor');
const whereOthersClose = exceptIn(
  ['bun', 'deno'],
  'its own descriptors reach a child now and then',
);
const whereWorkersTell = exceptIn(['bun', 'deno'], 'a worker that ends there keeps what it opened');

for (const driver of drivers)
  for (const engine of engines) {
    const where = `${engine}, ${driver}`;
    const identity = async <T>(t: ExecutionContext, name: string): Promise<Told<T>> => {
      const fifos = [1, 2, 3, 4].map(() => makeFifo(t));
      const ended = await runFixture('hazard-identity', name, driver, engine, ...fifos);
      return reportOf(ended) as Told<T>;
    };

    test(`hazard-1 stale-event: one batch, the first handler closes the second, ${where}`, async (t) => {
      const { told, more } = await identity<{ first: string }>(t, 'stale');
      t.deepEqual(told, [more.first, 'fence', 'new']);
    });

    test(`hazard-1 stale-event: nobody said that the second goes, ${where}`, async (t) => {
      const { told, more } = await identity<{ first: string; other: number }>(t, 'stale-untold');
      const [end, old] = [`ERR_DESCRIPTOR_CLOSED of ${more.other}`, `old ${more.other}`];
      t.is(told.filter((what) => what === end).length, 1, told.join(', '));
      t.is(told[0], more.first);
      t.is(told.filter((what) => what === 'fence').length, 2);
      // The old file's own event may have been on its way. What is ready later is the new file, which nobody watches.
      t.false(told.slice(told.indexOf('fence')).includes(old), told.join(', '));
      t.false(told.slice(told.indexOf(end)).includes(old), told.join(', '));
    });

    test(`hazard-2 recycled: a thousand owners of one number, and only the last is told of, ${where}`, async (t) => {
      const { told, more } = await identity<{ size: number }>(t, 'churn');
      t.deepEqual(
        told.filter((what) => what.startsWith('round')),
        [],
      );
      t.is(more.size, 2);
    });

    test(`hazard-4 closed-under-us: by another thread, while the loop sleeps, ${where}`, async (t) => {
      const ended = await runFixture('closed-elsewhere', driver, engine, makeFifo(t));
      const report = reportOf(ended) as { code: string; right: boolean; asked: number };
      t.like(report, { code: 'ERR_DESCRIPTOR_CLOSED', right: true });
      // Its timers are not for others to watch: that it is told at all is what is seen there.
      if (runtimeName === 'deno') return;
      // There is a question a second later. Without it nothing is told, or when V8 itself wakes the loop, after some eight.
      t.like(report, { delays: [1000] });
      // The first one after the close tells of it, if nothing has before: the loop may not have been asleep yet.
      t.true(report.asked <= 1, `${report.asked} questions`);
    });

    test(`hazard-4 duplicate: the number's next owner is not heard, and the file still is, ${where}`, async (t) => {
      const { told, more } = await identity<{ size: number }>(t, 'duplicate');
      t.deepEqual(told, ['fence', 'mine']);
      t.is(more.size, 2);
    });

    test(`fact-32: a closed number that comes back is registered beside its ghost, and told alone, ${where}`, async (t) => {
      const { told, more } = await identity<{ active: boolean; size: number }>(t, 'ghost');
      t.deepEqual(more, { active: false, size: 2 });
      t.deepEqual(
        told.filter((what) => !what.startsWith('ERR_DESCRIPTOR_CLOSED')),
        ['fence', 'fence', 'new'],
      );
    });

    test(`hazard-6 late-removal: an old registration leaves its number's new owner alone, ${where}`, async (t) => {
      const { told, more } = await identity<{ uses: string[]; size: number; active: boolean[] }>(
        t,
        'late',
      );
      t.deepEqual(more.active, [false, true]);
      t.deepEqual(more.uses.slice(2), ['silent', 'silent']);
      for (const use of more.uses.slice(0, 2)) t.regex(use, /^ERR_(?:DESCRIPTOR_)?CLOSED$/);
      t.is(more.size, 2, 'the new one and the fence');
      t.is(told.at(-1), 'new');
      t.false(told.includes('old'));
    });
  }

for (const driver of drivers) {
  test(`hazard-3 ghost: what the poller left behind for it is anybody's number again, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = hands(t, reader, writer);
    await other.does("os.write(4, b'x')");
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader);
    closeReader();
    registration.unregister();
    for (let look = 0; look < 10; look += 1) t.deepEqual(await now(poller), []);
    t.is(poller.stats().renewals, 1);
    // Every number that became free, in whatever order.
    for (let count = 0; count < 8; count += 1) {
      const { reader: next } = pipePair(t);
      t.true(poller.register(next).active);
    }
  });

  test(`hazard-3 ghost: also while somebody waits, what the poller left behind is anybody's number again, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = hands(t, reader, writer);
    await other.does('1');
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader);
    closeReader();
    registration.unregister();
    const fence = pipePair(t);
    poller.register(fence.reader);
    const waiting = soon(poller);
    await other.does("os.write(4, b'x')");
    await eventually('a fresh start', () => poller.stats().renewals === 1);
    for (let count = 0; count < 8; count += 1) {
      const next = pipePair(t);
      // Nothing can be read there: nobody is told of it.
      for (const end of [next.reader, next.writer]) t.true(poller.register(end).active);
    }
    writeText(fence.writer, 'x');
    t.deepEqual(await waiting, ['IN']);
  });

  test(`hazard-3 ghost: one after the other, and each time there is a fresh start, ${driver}`, async (t) => {
    const poller = pollerOf(t, driver);
    for (const round of [1, 2, 3]) {
      const { reader, writer, closeReader } = pipePair(t);
      const other = hands(t, reader, writer);
      await other.does("os.write(4, b'x')");
      const registration = poller.register(reader);
      closeReader();
      registration.unregister();
      for (let look = 0; look < 10; look += 1) t.deepEqual(await now(poller), []);
      t.is(poller.stats().renewals, round);
    }
  });

  for (const free of [0, 1, 2])
    whereNothingElseOpens(
      `hazard-3 ghost: with ${free} descriptors left for a fresh start nothing is lost, and later there is one, ${driver}`,
      async (t) => {
        const fifos = [makeFifo(t), makeFifo(t), makeFifo(t)];
        const ended = await runFixture('ghost-short', driver, String(free), ...fifos);
        t.like(ended, { code: 0, stderr: '' });
        const during = free === 0 || driver === 'thread' ? 0 : 1;
        t.deepEqual(JSON.parse(ended.stdout.replace('begins\n', '')), {
          told: ['live', 'late', 'live'],
          during,
          renewals: 1,
        });
      },
    );

  test(`hazard-3 ghost: a duplicate elsewhere keeps the file open, and its events are nobody's, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = hands(t, reader, writer);
    await other.does('1');
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader, { data: 'ghost' });
    closeReader();
    const error = await t.throwsAsync(poller.poll(), { instanceOf: EdgepollError });
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd: reader });
    t.false(registration.active);
    t.is(poller.size, 0);
    await other.does("os.write(4, b'x')");
    t.deepEqual(await now(poller), []);

    // The number comes back, and what it is now is told apart from the ghost.
    const next = pipePair(t);
    poller.register(next.reader, { data: 'next' });
    t.deepEqual(await now(poller), []);
    writeText(next.writer, 'x');
    const [event, ...more] = await poller.poll();
    t.is(event?.data, 'next');
    t.deepEqual(more, []);
    t.is(readText(next.reader), 'x');

    // The ghost is still ready. It costs nothing.
    const waiting = poller.poll();
    const { waits } = poller.stats();
    await other.does("os.write(4, b'y')");
    await other.does('os.read(3, 1)');
    await other.does('1');
    t.true(poller.stats().waits - waits <= 4, `${poller.stats().waits - waits} waits for a ghost`);
    writeText(next.writer, 'x');
    t.is((await waiting)[0]?.data, 'next');
  });

  test(`hazard-3 ghost: unregister() before the close leaves none, ${driver}`, async (t) => {
    const { reader, closeReader, writer } = pipePair(t);
    const other = hands(t, reader, writer);
    await other.does('1');
    const poller = pollerOf(t, driver);
    poller.register(reader, { data: 'gone' }).unregister();
    closeReader();
    await other.does("os.write(4, b'x')");
    t.deepEqual(await now(poller), []);
    t.is(poller.stats().staleEvents, 0);
  });

  for (const order of ['before the wait', 'during the wait'] as const) {
    test(`hazard-4 closed-under-us: by its number ${order}: the iteration ends with the reason, ${driver}`, async (t) => {
      const { reader, closeReader } = pipePair(t);
      const iterator = watch(reader, { driver });
      t.teardown(() => iterator.return?.());
      let pull: Promise<unknown> | undefined;
      if (order === 'during the wait') pull = iterator.next();
      closeReader();
      pull ??= iterator.next();
      const error = await t.throwsAsync(pull, { instanceOf: EdgepollError });
      t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd: reader });
      t.regex(error?.message ?? '', new RegExp(`\\bfd ${reader}\\b`));
      t.deepEqual(await iterator.next(), { value: undefined, done: true });
    });
  }

  test(`hazard-4 closed-under-us: for await throws, and the poller of others goes on, ${driver}`, async (t) => {
    const [first, second] = [pipePair(t), pipePair(t)];
    const poller = pollerOf(t, driver);
    const gone = poller.register(first.reader, { data: 'first' });
    poller.register(second.reader, { data: 'second' });
    const wait = poller.poll();
    first.closeReader();
    const error = await t.throwsAsync(wait, { instanceOf: EdgepollError });
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd: first.reader });
    t.false(gone.active);
    t.is(poller.size, 1);
    t.is(poller.stats().closedDescriptors, 1);
    writeText(second.writer, 'x');
    t.deepEqual(await soon(poller), ['IN'], 'told once');
    t.throws(() => gone.modify({}), { any: true });
    t.throws(() => gone.rearm(), { any: true });
    t.notThrows(() => gone.unregister());
  });

  test(`hazard-4 closed-under-us: who only looks, and never waits, is told as well, ${driver}`, async (t) => {
    for (const engine of engines) {
      const pipes = [pipePair(t), pipePair(t), pipePair(t)];
      const [gone] = pipes;
      const poller = pollerOf(t, driver, { engine });
      for (const { reader } of pipes) poller.register(reader);
      t.deepEqual(await now(poller), []);
      gone?.closeReader();
      let code: string | undefined;
      // One registration is looked after at each look that finds nothing.
      for (let look = 0; look < 2 * pipes.length && code === undefined; look += 1) {
        try {
          await now(poller);
        } catch (error) {
          ({ code } = error as NodeJS.ErrnoException);
        }
      }
      t.is(code, 'ERR_DESCRIPTOR_CLOSED', engine);
      t.is(poller.size, 2);
    }
  });

  test(`hazard-4 closed-under-us: two at once are told one after the other, ${driver}`, async (t) => {
    const pipes = [pipePair(t), pipePair(t)];
    const poller = pollerOf(t, driver);
    for (const { reader } of pipes) poller.register(reader);
    for (const { closeReader } of pipes) closeReader();
    const told: unknown[] = [];
    for (let count = 0; count < 2; count += 1) {
      const error = await t.throwsAsync(poller.poll(), { instanceOf: EdgepollError });
      t.is(error?.code, 'ERR_DESCRIPTOR_CLOSED');
      told.push((error as EdgepollError & { fd: number }).fd);
    }
    t.deepEqual(new Set(told), new Set(pipes.map(({ reader }) => reader)));
    t.is(poller.size, 0);
  });

  test(`hazard-4 closed-under-us: with every trigger, and every engine, ${driver}`, async (t) => {
    for (const [engine, trigger] of [
      ['epoll', 'edge'],
      ['epoll', 'oneshot'],
      ['epoll', 'edge-oneshot'],
      ['poll', 'level'],
      ['poll', 'oneshot'],
      ['select', 'level'],
      ['select', 'oneshot'],
    ] as const) {
      const { reader, closeReader } = pipePair(t);
      const iterator = watch(reader, { driver, engine, trigger });
      t.teardown(() => iterator.return?.());
      const pull = iterator.next();
      closeReader();
      const error = await t.throwsAsync(pull, { any: true }, `${engine}, ${trigger}`);
      t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd: reader }, `${engine}, ${trigger}`);
    }
  });

  whereOthersClose(
    `hazard-5 leak: a child has no descriptor of ours, nor a duplicate, ${driver}`,
    async (t) => {
      const { reader, writer } = pipePair(t);
      // What this process was started with may have no mark to be closed.
      const inherited = await descriptorsOfChild();
      const pollers = engines.map((engine) => pollerOf(t, driver, { engine }));
      for (const poller of pollers) {
        poller.register(reader, { duplicate: true });
        poller.register(writer, { duplicate: true, writable: true });
        await poller.poll();
      }
      t.deepEqual(await descriptorsOfChild(), inherited);
    },
  );

  test(`hazard-7 close-first: a write in the handler of a close goes to nobody, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver });
    t.teardown(() => server.destroy());
    const accepted = server[Symbol.asyncIterator]();
    const peer = hands(t);
    await peer.does(`s = dial(${server.address.port})`);
    const first = await nextOf(accepted);
    await peer.does('reset(s)');
    await first.closed;
    // As soon as it is told, another connection takes its number.
    await peer.does(`s = dial(${server.address.port})`);
    const second = await nextOf(accepted);
    await t.throwsAsync(first.write('for the dead'), { any: true });
    await second.write('for the living');
    t.is(await peer.does('s.recv(100)'), 'for the living');
  });

  test(`hazard-8 recycled-number: the error of a connect that a close's handler began stays its own, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver });
    t.teardown(() => server.destroy());
    const peer = hands(t);
    const accepted = nextOf(server[Symbol.asyncIterator]());
    await peer.does(`s = dial(${server.address.port})`);
    const connection = await accepted;
    const port = freePort(t);
    const reading = rejection(connection.read());
    await peer.does('reset(s)');
    t.is((await reading).code, 'ECONNRESET');
    const refused = rejection(connect({ host: '127.0.0.1', port, driver }));
    connection.destroy();
    await rejection(connection.write('late'));
    t.is((await refused).code, 'ECONNREFUSED');
  });

  whereHandlesAreCollected(
    `hazard-17 file-handle: by number, its collection ends the iteration with the reason, ${driver}`,
    async (t) => {
      const ended = await run(process.execPath, [
        '--expose-gc',
        '--no-warnings',
        fixture('hazard-file-handle'),
        'number',
        driver,
        makeFifo(t),
      ]);
      t.deepEqual(reportOf(ended), {
        told: { code: 'ERR_DESCRIPTOR_CLOSED', right: true },
        size: 0,
        after: 'other',
      });
    },
  );

  test(`hazard-17 file-handle: by owner, it is not collected while it is registered, ${driver}`, async (t) => {
    const [program, ...flags] = runtime;
    const ended = await run(program, [
      ...flags,
      fixture('hazard-file-handle'),
      'owner',
      driver,
      makeFifo(t),
    ]);
    t.deepEqual(reportOf(ended), {
      told: { data: 'forgotten', held: true },
      size: 1,
      after: 'other',
    });
  });

  test(`hazard-17 file-handle: closed by its owner while registered, ${driver}`, async (t) => {
    const handle = await openHandle(makeFifo(t), O_RDWR | O_NONBLOCK);
    const { fd } = handle;
    const iterator = watch(handle, { driver });
    // Awaited from now on: it may be told before the handle says that it is closed.
    const told = t.throwsAsync(iterator.next(), { instanceOf: EdgepollError });
    await handle.close();
    t.like(await told, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });

  whereWorkersTell(
    `hazard-17 worker-exit: a worker that ends closes what it opened, and the watcher is told, ${driver}`,
    async (t) => {
      const ended = await runFixture('hazard-worker-descriptor', driver, makeFifo(t));
      t.deepEqual(reportOf(ended), {
        told: { code: 'ERR_DESCRIPTOR_CLOSED', right: true },
        events: [],
      });
    },
  );

  test(`fact-1: a duplicate keeps the registration of a closed number alive; nobody hears of it, ${driver}`, async (t) => {
    const { reader, closeReader, writer } = pipePair(t);
    const other = hands(t, reader, writer);
    await other.does('1');
    const poller = pollerOf(t, driver);
    poller.register(reader, { trigger: 'edge', data: 'ghost' });
    closeReader();
    await other.does("os.write(4, b'x')");
    const told: unknown[] = [];
    while (told.at(-1) !== 'ERR_DESCRIPTOR_CLOSED') {
      try {
        told.push(...(await poller.poll()).map(({ data }) => data));
      } catch (error) {
        told.push((error as NodeJS.ErrnoException).code);
      }
    }
    // The old file's own event may come first; it is an edge, and told once.
    t.true(
      ['ghost', 'ERR_DESCRIPTOR_CLOSED'].slice(-told.length).join() === told.join(),
      told.join(', '),
    );
    t.deepEqual(await now(poller), []);
    await other.does("os.write(4, b'x')");
    t.deepEqual(await now(poller), []);
  });
}
