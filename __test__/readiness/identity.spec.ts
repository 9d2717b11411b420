/** Events go to the right registration: reused numbers, descriptors closed by other code, duplicates, collected owners. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, readdirSync } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';

import type { ExecutionContext } from 'ava';
import test from 'ava';
import { connect, EdgepollError, listen, watch } from 'edgepoll';

import { now, pipePair, pollerOf, readText, soon, writeText } from '../kernel/helpers.js';
import { eventually } from '../support/eventually.js';
import { startPython } from '../support/python.js';
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

interface Recorder<T> {
  reported: string[];
  more: T;
}

/** The descriptors of a child process right after its start. */
async function descriptorsOfChild(): Promise<string[]> {
  const child = spawn('cat', { stdio: ['pipe', 'pipe', 'pipe'] });
  // During its start the program opens its libraries. Its first output shows that it has started.
  child.stdin.write('started');
  await once(child.stdout, 'data');
  const open = readdirSync(`/proc/${child.pid}/fd`);
  child.stdin.end();
  await once(child, 'exit');
  return open;
}

const engines = ['epoll', 'poll', 'select'] as const;

const exceptWithoutCollection = exceptIn(
  ['bun', 'deno'],
  'in Bun and Deno a collected FileHandle throws, or leaves its descriptor open',
);
const exceptWithoutDescriptors = exceptIn(
  ['bun', 'deno'],
  'Bun and Deno panic without a free descriptor',
);
const exceptWithLeaks = exceptIn(
  ['bun', 'deno'],
  "children of Bun and Deno sometimes inherit the runtime's own descriptors",
);
const exceptWithoutWorkerExit = exceptIn(
  ['bun', 'deno'],
  'Bun and Deno leave the descriptors of an ended worker open',
);

for (const driver of drivers)
  for (const engine of engines) {
    const where = `${engine}, ${driver}`;
    const identity = async <T>(t: ExecutionContext, name: string): Promise<Recorder<T>> => {
      const fifos = [1, 2, 3, 4].map(() => makeFifo(t));
      const ended = await runFixture('hazard-identity', name, driver, engine, ...fifos);
      return reportOf(ended) as Recorder<T>;
    };

    test(`hazard-1 stale-event: one batch, the first handler closes the second, ${where}`, async (t) => {
      const { reported, more } = await identity<{ first: string }>(t, 'stale');
      t.deepEqual(reported, [more.first, 'fence', 'new']);
    });

    test(`hazard-1 stale-event: the first handler closes the second without unregister(), ${where}`, async (t) => {
      const { reported, more } = await identity<{ first: string; other: number }>(
        t,
        'stale-unannounced',
      );
      const [end, old] = [`ERR_DESCRIPTOR_CLOSED of ${more.other}`, `old ${more.other}`];
      t.is(reported.filter((what) => what === end).length, 1, reported.join(', '));
      t.is(reported[0], more.first);
      t.is(reported.filter((what) => what === 'fence').length, 2);
      // The old file's event may have been pending. Later readiness is the new file's, which is not registered.
      t.false(reported.slice(reported.indexOf('fence')).includes(old), reported.join(', '));
      t.false(reported.slice(reported.indexOf(end)).includes(old), reported.join(', '));
    });

    test(`hazard-2 recycled: a thousand owners of one number, and only the last gives events, ${where}`, async (t) => {
      const { reported, more } = await identity<{ size: number }>(t, 'churn');
      t.deepEqual(
        reported.filter((what) => what.startsWith('round')),
        [],
      );
      t.is(more.size, 2);
    });

    test(`hazard-4 closed-under-us: by another thread, while the loop sleeps, ${where}`, async (t) => {
      const ended = await runFixture('closed-elsewhere', driver, engine, makeFifo(t));
      const report = reportOf(ended) as { code: string; right: boolean; checks: number };
      t.like(report, { code: 'ERR_DESCRIPTOR_CLOSED', right: true });
      // Deno's timers cannot be replaced; there the test only shows that the close is reported.
      if (runtimeName === 'deno') return;
      // The check runs every second. Without it the close would not be reported, or only after some eight seconds, when V8
      // itself wakes the loop.
      t.like(report, { delays: [1000] });
      // At the latest the first check after the close reports it. If the loop did not sleep yet, no check is needed.
      t.true(report.checks <= 1, `${report.checks} checks`);
    });

    test(`hazard-4 duplicate: the number's next owner gives no event, and the watched file does, ${where}`, async (t) => {
      const { reported, more } = await identity<{ size: number }>(t, 'duplicate');
      t.deepEqual(reported, ['fence', 'mine']);
      t.is(more.size, 2);
    });

    test(`fact-32: a reused number is registered beside the ghost of its old file, and only the new file gives events, ${where}`, async (t) => {
      const { reported, more } = await identity<{ active: boolean; size: number }>(t, 'ghost');
      t.deepEqual(more, { active: false, size: 2 });
      t.deepEqual(
        reported.filter((what) => !what.startsWith('ERR_DESCRIPTOR_CLOSED')),
        ['fence', 'fence', 'new'],
      );
    });

    test(`hazard-6 late-removal: an old registration leaves its number's new owner alone, ${where}`, async (t) => {
      const { reported, more } = await identity<{
        uses: string[];
        size: number;
        active: boolean[];
      }>(t, 'late');
      t.deepEqual(more.active, [false, true]);
      t.deepEqual(more.uses.slice(2), ['silent', 'silent']);
      for (const use of more.uses.slice(0, 2)) t.regex(use, /^ERR_(?:DESCRIPTOR_)?CLOSED$/);
      t.is(more.size, 2, 'the new one and the fence');
      t.is(reported.at(-1), 'new');
      t.false(reported.includes('old'));
    });
  }

for (const driver of drivers) {
  test(`hazard-3 ghost: numbers that the renewal freed can be registered again, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = startPython(t, reader, writer);
    await other.run("os.write(4, b'x')");
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader);
    closeReader();
    registration.unregister();
    for (let count = 0; count < 10; count += 1) t.deepEqual(await now(poller), []);
    t.is(poller.stats().renewals, 1);
    // Opens pipes until every freed number is in use again, in whatever order.
    for (let count = 0; count < 8; count += 1) {
      const { reader: next } = pipePair(t);
      t.true(poller.register(next).active);
    }
  });

  test(`hazard-3 ghost: also during a wait, numbers that the renewal freed can be registered again, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = startPython(t, reader, writer);
    await other.run('1');
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader);
    closeReader();
    registration.unregister();
    const fence = pipePair(t);
    poller.register(fence.reader);
    const waiting = soon(poller);
    await other.run("os.write(4, b'x')");
    await eventually('the poller has a new epoll descriptor', () => poller.stats().renewals === 1);
    for (let count = 0; count < 8; count += 1) {
      const next = pipePair(t);
      // The pipe is empty, so the registrations give no event.
      for (const end of [next.reader, next.writer]) t.true(poller.register(end).active);
    }
    writeText(fence.writer, 'x');
    t.deepEqual(await waiting, ['IN']);
  });

  test(`hazard-3 ghost: three ghosts, one after the other, and each causes one renewal, ${driver}`, async (t) => {
    const poller = pollerOf(t, driver);
    for (const round of [1, 2, 3]) {
      const { reader, writer, closeReader } = pipePair(t);
      const other = startPython(t, reader, writer);
      await other.run("os.write(4, b'x')");
      const registration = poller.register(reader);
      closeReader();
      registration.unregister();
      for (let count = 0; count < 10; count += 1) t.deepEqual(await now(poller), []);
      t.is(poller.stats().renewals, round);
    }
  });

  for (const free of [0, 1, 2])
    exceptWithoutDescriptors(
      `hazard-3 ghost: with ${free} descriptors left for a renewal no event is lost, and the renewal comes later, ${driver}`,
      async (t) => {
        const fifos = [makeFifo(t), makeFifo(t), makeFifo(t)];
        const ended = await runFixture('ghost-short', driver, String(free), ...fifos);
        t.like(ended, { code: 0, stderr: '' });
        const during = free === 0 || driver === 'thread' ? 0 : 1;
        t.deepEqual(JSON.parse(ended.stdout.replace('begins\n', '')), {
          reported: ['live', 'late', 'live'],
          during,
          renewals: 1,
        });
      },
    );

  test(`hazard-3 ghost: a duplicate elsewhere keeps the file open, and its events are dropped, ${driver}`, async (t) => {
    const { reader, writer, closeReader } = pipePair(t);
    const other = startPython(t, reader, writer);
    await other.run('1');
    const poller = pollerOf(t, driver);
    const registration = poller.register(reader, { data: 'ghost' });
    closeReader();
    const error = await t.throwsAsync(poller.poll(), { instanceOf: EdgepollError });
    t.like(error, { code: 'ERR_DESCRIPTOR_CLOSED', fd: reader });
    t.false(registration.active);
    t.is(poller.size, 0);
    await other.run("os.write(4, b'x')");
    t.deepEqual(await now(poller), []);

    // The number is reused. Events of the new file are not confused with those of the ghost.
    const next = pipePair(t);
    poller.register(next.reader, { data: 'next' });
    t.deepEqual(await now(poller), []);
    writeText(next.writer, 'x');
    const [event, ...more] = await poller.poll();
    t.is(event?.data, 'next');
    t.deepEqual(more, []);
    t.is(readText(next.reader), 'x');

    // The ghost is still ready. It causes no further waits.
    const waiting = poller.poll();
    const { waits } = poller.stats();
    await other.run("os.write(4, b'y')");
    await other.run('os.read(3, 1)');
    await other.run('1');
    t.true(poller.stats().waits - waits <= 4, `${poller.stats().waits - waits} waits for a ghost`);
    writeText(next.writer, 'x');
    t.is((await waiting)[0]?.data, 'next');
  });

  test(`hazard-3 ghost: unregister() before the close leaves none, ${driver}`, async (t) => {
    const { reader, closeReader, writer } = pipePair(t);
    const other = startPython(t, reader, writer);
    await other.run('1');
    const poller = pollerOf(t, driver);
    poller.register(reader, { data: 'gone' }).unregister();
    closeReader();
    await other.run("os.write(4, b'x')");
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
    t.deepEqual(await soon(poller), ['IN'], 'the close was reported once');
    t.throws(() => gone.modify({}), { any: true });
    t.throws(() => gone.rearm(), { any: true });
    t.notThrows(() => gone.unregister());
  });

  test(`hazard-4 closed-under-us: polls with timeout 0 report it as well, ${driver}`, async (t) => {
    for (const engine of engines) {
      const pipes = [pipePair(t), pipePair(t), pipePair(t)];
      const [gone] = pipes;
      const poller = pollerOf(t, driver, { engine });
      for (const { reader } of pipes) poller.register(reader);
      t.deepEqual(await now(poller), []);
      gone?.closeReader();
      let code: string | undefined;
      // Each poll that finds nothing checks one registration.
      for (let count = 0; count < 2 * pipes.length && code === undefined; count += 1) {
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

  test(`hazard-4 closed-under-us: two closed at once are reported one after the other, ${driver}`, async (t) => {
    const pipes = [pipePair(t), pipePair(t)];
    const poller = pollerOf(t, driver);
    for (const { reader } of pipes) poller.register(reader);
    for (const { closeReader } of pipes) closeReader();
    const reported: unknown[] = [];
    for (let count = 0; count < 2; count += 1) {
      const error = await t.throwsAsync(poller.poll(), { instanceOf: EdgepollError });
      t.is(error?.code, 'ERR_DESCRIPTOR_CLOSED');
      reported.push((error as EdgepollError & { fd: number }).fd);
    }
    t.deepEqual(new Set(reported), new Set(pipes.map(({ reader }) => reader)));
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

  exceptWithLeaks(
    `hazard-5 leak: a child inherits neither a poller's descriptor nor a duplicate, ${driver}`,
    async (t) => {
      const { reader, writer } = pipePair(t);
      // Descriptors that this process itself inherited may lack close-on-exec.
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

  test(`hazard-7 close-first: a write in the handler of a close reaches no other connection, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver });
    t.teardown(() => server.destroy());
    const accepted = server[Symbol.asyncIterator]();
    const peer = startPython(t);
    await peer.run(`s = dial(${server.address.port})`);
    const first = await nextOf(accepted);
    await peer.run('reset(s)');
    await first.closed;
    // As soon as the close is reported, another connection takes its number.
    await peer.run(`s = dial(${server.address.port})`);
    const second = await nextOf(accepted);
    await t.throwsAsync(first.write('to the closed one'), { any: true });
    await second.write('to the open one');
    t.is(await peer.run('s.recv(100)'), 'to the open one');
  });

  test(`hazard-8 recycled-number: the error of a connect that a close's handler began stays its own, ${driver}`, async (t) => {
    const server = await listen({ host: '127.0.0.1', port: 0, driver });
    t.teardown(() => server.destroy());
    const peer = startPython(t);
    const accepted = nextOf(server[Symbol.asyncIterator]());
    await peer.run(`s = dial(${server.address.port})`);
    const connection = await accepted;
    const port = freePort(t);
    const reading = rejection(connection.read());
    await peer.run('reset(s)');
    t.is((await reading).code, 'ECONNRESET');
    const refused = rejection(connect({ host: '127.0.0.1', port, driver }));
    connection.destroy();
    await rejection(connection.write('late'));
    t.is((await refused).code, 'ECONNREFUSED');
  });

  exceptWithoutCollection(
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
        reported: { code: 'ERR_DESCRIPTOR_CLOSED', right: true },
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
      reported: { data: 'forgotten', held: true },
      size: 1,
      after: 'other',
    });
  });

  test(`hazard-17 file-handle: closed by its owner while registered, ${driver}`, async (t) => {
    const handle = await openHandle(makeFifo(t), O_RDWR | O_NONBLOCK);
    const { fd } = handle;
    const iterator = watch(handle, { driver });
    // Handled from now on: the report may come before `handle.close()` resolves.
    const reported = t.throwsAsync(iterator.next(), { instanceOf: EdgepollError });
    await handle.close();
    t.like(await reported, { code: 'ERR_DESCRIPTOR_CLOSED', fd });
  });

  exceptWithoutWorkerExit(
    `hazard-17 worker-exit: a worker that ends closes what it opened, and the watching loop throws, ${driver}`,
    async (t) => {
      const ended = await runFixture('hazard-worker-descriptor', driver, makeFifo(t));
      t.deepEqual(reportOf(ended), {
        reported: { code: 'ERR_DESCRIPTOR_CLOSED', right: true },
        events: [],
      });
    },
  );

  test(`fact-1: a duplicate keeps the registration of a closed number alive; it gives no event, ${driver}`, async (t) => {
    const { reader, closeReader, writer } = pipePair(t);
    const other = startPython(t, reader, writer);
    await other.run('1');
    const poller = pollerOf(t, driver);
    poller.register(reader, { trigger: 'edge', data: 'ghost' });
    closeReader();
    await other.run("os.write(4, b'x')");
    const reported: unknown[] = [];
    while (reported.at(-1) !== 'ERR_DESCRIPTOR_CLOSED') {
      try {
        reported.push(...(await poller.poll()).map(({ data }) => data));
      } catch (error) {
        reported.push((error as NodeJS.ErrnoException).code);
      }
    }
    // The old file's own event may come first, but only once, because it is an edge.
    t.true(
      ['ghost', 'ERR_DESCRIPTOR_CLOSED'].slice(-reported.length).join() === reported.join(),
      reported.join(', '),
    );
    t.deepEqual(await now(poller), []);
    await other.run("os.write(4, b'x')");
    t.deepEqual(await now(poller), []);
  });
}
