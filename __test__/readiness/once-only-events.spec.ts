/**
 * Files whose events the kernel reports once, to the first poll(2) only: /proc/self/mounts and pressure files. The poller must
 * give each event, although the host's loop or the driver's thread polls these files too.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import type { ExecutionContext, TestFn } from 'ava';
import test from 'ava';
import { Poller } from 'edgepoll';
import { Epoll } from 'edgepoll/epoll';

import { Recorder } from '../epoll/helpers.js';
import { open, pipe } from './helpers.js';
import { openDescriptors } from '../support/descriptors.js';
import { eventually } from '../support/eventually.js';
import { drivers, folder, start } from '../support/process.js';

const engines = ['epoll', 'poll', 'select'] as const;

/** `test`, or with a reason a function that skips its test and puts the reason into the title. */
function unless(reason: string | undefined): TestFn {
  if (reason === undefined) return test;
  const skip = (title: string, body: () => void): void => test.skip(`${title} (${reason})`, body);
  return skip as TestFn;
}

const mountsTest = unless(
  spawnSync('unshare', ['--mount', 'true']).status === 0
    ? undefined
    : 'this process may not make mounts of its own',
);

/** A process with its own mount namespace. */
interface Mounts {
  /** Its list of mounts. The kernel reports each change once to each open file of the list. */
  path: string;
  /** Mounts something; resolves when that is done. */
  change(): Promise<void>;
}

const SCRIPT = 'echo ready; while read -r _; do mount -t tmpfs none "$0" && echo done; done';

async function mountsOf(t: ExecutionContext): Promise<Mounts> {
  const own = ['--mount', '--propagation', 'private', 'sh', '-c', SCRIPT, folder(t)];
  const child = start('unshare', own);
  t.teardown(async () => {
    child.process.stdin.end();
    await child.ended;
  });
  t.is(await child.line(), 'ready');
  return {
    path: `/proc/${child.process.pid}/mounts`,
    async change() {
      child.process.stdin.write('\n');
      t.is(await child.line(), 'done');
    },
  };
}

/** The number of threads of this process that watch such files for pollers. */
function relays(): number {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'edgepoll-relay';
    } catch {
      // The thread ended after the listing.
      return false;
    }
  }).length;
}

for (const driver of drivers) {
  for (const engine of engines) {
    mountsTest(
      `once-only: each change of the mounts gives an event, ${engine}, ${driver}`,
      async (t) => {
        const mounts = await mountsOf(t);
        const fd = open(t, mounts.path, constants.O_RDONLY);
        const poller = new Poller({ driver, engine });
        t.teardown(() => poller.close());
        const registration = poller.register(fd, { readable: false, priority: true });
        const iterator = poller[Symbol.asyncIterator]();
        for (let change = 0; change < 5; change += 1) {
          const next = iterator.next();
          // By now the host's loop, or the driver's thread, waits for the poller.
          await turn();
          await mounts.change();
          const { value: event } = await next;
          t.like(event, { registration, priority: true, error: true, readable: false });
        }
      },
    );

    mountsTest(
      `once-only: with oneshot a change is kept until rearm(), ${engine}, ${driver}`,
      async (t) => {
        const mounts = await mountsOf(t);
        const fd = open(t, mounts.path, constants.O_RDONLY);
        const other = pipe(t);
        const poller = new Poller<string>({ driver, engine });
        t.teardown(() => poller.close());
        const registration = poller.register(fd, {
          priority: true,
          readable: false,
          trigger: 'oneshot',
          data: 'mounts',
        });
        poller.register(other.fd, { trigger: 'oneshot', data: 'fence' });
        const batch = async (): Promise<string[]> => (await poller.poll()).map(({ data }) => data);
        await mounts.change();
        t.deepEqual(await batch(), ['mounts']);
        await mounts.change();
        other.write(1);
        t.deepEqual(await batch(), ['fence'], 'a oneshot that has fired gives no event');
        registration.rearm();
        t.deepEqual(await batch(), ['mounts']);
      },
    );
  }

  test(`once-only: a file of procfs that is always readable is level-triggered, beside others, ${driver}`, async (t) => {
    const fd = open(t, '/proc/version', constants.O_RDONLY);
    const poller = new Poller<string>({ driver, maxEvents: 1 });
    t.teardown(() => poller.close());
    const registration = poller.register(fd, { data: 'level' });
    const other = pipe(t);
    poller.register(other.fd, { data: 'other' });
    for (let count = 0; count < 3; count += 1) {
      const [event] = await poller.poll();
      t.like(event, { data: 'level', mask: 1 });
    }
    other.write(1);
    const both = new Set<string>();
    while (both.size < 2) for (const { data } of await poller.poll()) both.add(data);
    registration.unregister();
    for (let count = 0; count < 3; count += 1) t.like((await poller.poll())[0], { data: 'other' });
  });

  // Serial: another test that opens descriptors at the same time would change the counts.
  test.serial(
    `once-only: the descriptors that the poller opens for it cannot be watched, and close with the poller, ${driver}`,
    async (t) => {
      const fd = openSync('/proc/version', 'r');
      const poller = new Poller({ driver });
      t.teardown(() => poller.close());
      const made = openDescriptors();
      poller.register(fd);
      const opened = openDescriptors().filter((number) => !made.includes(number));
      t.is(opened.length, 3);
      for (const number of opened) {
        t.throws(() => new Poller({ driver }).register(number), {
          instanceOf: RangeError,
          message: /this package's own/,
        });
      }
      await eventually('its thread runs', () => relays() === 1);
      poller.close();
      const left = openDescriptors();
      t.false(opened.some((number) => left.includes(number)));
      await eventually('its thread has ended', () => relays() === 0);
      closeSync(fd);
    },
  );

  test(`once-only: pollConsumes is allowed for any file, and at registration only, ${driver}`, async (t) => {
    const watched = pipe(t);
    const poller = new Poller({ driver });
    t.teardown(() => poller.close());
    const registration = poller.register(watched.fd, { pollConsumes: true });
    watched.write(1);
    t.like((await poller.poll())[0], { registration, readable: true });
    const code = 'ERR_INVALID_ARG_TYPE';
    t.throws(() => registration.modify({ pollConsumes: true } as object), {
      instanceOf: TypeError,
      code,
    });
    t.throws(() => poller.register(watched.fd, { pollConsumes: 1 as never }), {
      instanceOf: TypeError,
      code,
    });
    t.throws(() => poller.register(watched.fd), { code: 'EEXIST' });
  });

  mountsTest(`once-only: edgepoll/epoll calls back for each change, ${driver}`, async (t) => {
    const { EPOLLERR, EPOLLPRI } = Epoll;
    const mounts = await mountsOf(t);
    const fd = open(t, mounts.path, constants.O_RDONLY);
    const recorder = new Recorder(t, driver);
    recorder.epoll.add(fd, EPOLLPRI);
    for (let change = 1; change <= 3; change += 1) {
      await turn();
      await mounts.change();
      await recorder.count(change);
    }
    t.true(recorder.events.every((events) => events === (EPOLLPRI | EPOLLERR)));
    recorder.epoll.remove(fd);
  });

  mountsTest(`once-only: in a worker, which ends while it is watched, ${driver}`, async (t) => {
    const mounts = await mountsOf(t);
    const worker = new Worker(new URL('../fixtures/once-worker.js', import.meta.url), {
      workerData: { driver, path: mounts.path },
    });
    const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
    const messages: (() => void)[] = [];
    worker.on('message', () => messages.shift()?.());
    const message = (): Promise<void> => new Promise((resolve) => messages.push(resolve));
    await message();
    for (let change = 0; change < 3; change += 1) {
      const event = message();
      await mounts.change();
      await event;
    }
    t.is(await worker.terminate(), await exited);
  });
}

/** A trigger for CPU pressure, which needs no privilege; or the reason why it cannot be set. */
function pressure(): { fd: number } | string {
  try {
    const fd = openSync('/proc/pressure/cpu', constants.O_RDWR | constants.O_NONBLOCK);
    try {
      // Threshold: 1 ms of stall within a window of 2 s. The kernel reports at most one event in each window.
      writeSync(fd, 'some 1000 2000000\0');
      return { fd };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    return `no trigger of /proc/pressure/cpu: ${(error as Error).message}`;
  }
}

const first = pressure();
const pressureTest = unless(typeof first === 'string' ? first : undefined);
if (typeof first !== 'string') closeSync(first.fd);

pressureTest('once-only: 3 of 3 windows of pressure give an event', async (t) => {
  const pollers = drivers.flatMap((driver) =>
    engines.map((engine) => new Poller({ driver, engine })),
  );
  for (const poller of pollers) {
    const trigger = pressure();
    if (typeof trigger === 'string') throw new Error(trigger);
    t.teardown(() => closeSync(trigger.fd));
    poller.register(trigger.fd, { readable: false, priority: true });
    t.teardown(() => poller.close());
  }
  const busy = Array.from({ length: cpus().length + 1 }, () =>
    start('sh', ['-c', 'while :; do :; done']),
  );
  try {
    for (let window = 0; window < 3; window += 1) {
      const batches = await Promise.all(pollers.map((poller) => poller.poll({ timeout: 20_000 })));
      for (const batch of batches) t.like(batch, [{ priority: true }]);
    }
    t.true(pollers.every((poller) => poller.stats().events === 3));
  } finally {
    for (const { process } of busy) process.kill('SIGKILL');
    await Promise.all(busy.map(({ ended }) => ended));
  }
});
