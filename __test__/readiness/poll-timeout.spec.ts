/** How long poll() waits: never shorter than its timeout, not for ever, and without a busy loop. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';
import type { ReadinessEvent } from 'edgepoll';
import { Poller } from 'edgepoll';

import { pipe } from './helpers.js';
import { watch } from '../support/eventually.js';
import {
  drivers,
  fixture,
  folder,
  makeFifo,
  run,
  runtime,
  start,
  straced,
  straceTest,
} from '../support/process.js';

interface Storm {
  rounds: number;
  empty: number;
  events: number;
  shortest: number;
  /** Waits during which a signal came. */
  interrupted: number;
  signals: number;
}

/** A poller on a pipe. */
function polled(t: Parameters<typeof pipe>[0], driver: (typeof drivers)[number]) {
  const poller = new Poller<string>({ driver });
  t.teardown(() => poller.close());
  const watched = pipe(t);
  poller.register(watched.fd, { data: 'watched' });
  return { poller, watched };
}

const dataOf = (events: ReadinessEvent<string>[]): string[] => events.map(({ data }) => data);

for (const driver of drivers) {
  test(`hazard-99 huge-timeout: up to 2^53 ms is a wait that does not end, without a warning, ${driver}`, async (t) => {
    const warnings: string[] = [];
    const warn = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', warn);
    t.teardown(() => process.off('warning', warn));
    const waits = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53].map(
      (timeout) => {
        const { poller, watched } = polled(t, driver);
        const batch = poller.poll({ timeout });
        return { timeout, watched, batch, state: watch(batch) };
      },
    );
    const { poller } = polled(t, driver);
    t.deepEqual(await poller.poll({ timeout: 50 }), []);
    for (const { timeout, watched, batch, state } of waits) {
      t.false(state.fulfilled, `${timeout} ms are not over`);
      watched.write(1);
      t.deepEqual(dataOf(await batch), ['watched']);
    }
    t.deepEqual(warnings, []);
  });

  test(`hazard-100 never-early: each of many concurrent short waits lasts at least its timeout, ${driver}`, async (t) => {
    const timeouts = [0.1, 0.5, 0.9, 1, 1.1, 1.5, 2, 2.7, 3, 4.999, 5, 7, 10, 16.6, 20];
    const early: string[] = [];
    await Promise.all(
      timeouts.map(async (timeout) => {
        const { poller } = polled(t, driver);
        for (let round = 0; round < 20; round += 1) {
          const began = performance.now();
          const events = await poller.poll({ timeout });
          const took = performance.now() - began;
          if (took < timeout || events.length > 0) early.push(`${took} of ${timeout}`);
        }
      }),
    );
    t.deepEqual(early, []);
  });

  straceTest(
    `hazard-100 no-busy-loop: a wait of 5 ms makes few system calls, ${driver}`,
    async (t) => {
      const calls = '?epoll_wait,epoll_pwait,?epoll_pwait2,?poll,ppoll';
      const { ended, lines } = await straced(t, calls, 'poll-waits', driver, makeFifo(t));
      t.like(ended, { code: 0, stderr: '' });
      t.true((JSON.parse(ended.stdout) as { shortest: number }).shortest >= 5);
      const waits = lines.filter((line) => /(?:epoll_p?wait2?|p?poll)\(/.test(line));
      t.true(waits.length <= 60, `${waits.length} in ten waits:\n${waits.join('\n')}`);
    },
  );

  straceTest(
    `hazard-101 interrupted: EINTR in place of every fifth sleep, no wait ends early, ${driver}`,
    async (t) => {
      const log = join(folder(t), 'strace');
      const calls = '?epoll_wait,epoll_pwait,?epoll_pwait2,?poll,ppoll';
      // With every third one, a loop of three calls would get the error in the same call each time.
      const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EINTR:when=1+5`];
      const strace = ['-f', '-qq', '-o', log, '-e', 'signal=none', ...inject];
      const words = [...runtime, fixture('signal-storm'), driver, makeFifo(t)];
      const ended = await run('strace', [...strace, ...words]);
      t.like(ended, { code: 0, stderr: '' });
      const report = JSON.parse(ended.stdout.replace('ready\n', '')) as Storm;
      const { rounds, empty, events, shortest } = report;
      t.true(rounds >= 10);
      t.like({ empty, events }, { empty: rounds, events: 20 * rounds });
      t.true(shortest >= 50, `${shortest} ms`);
      t.true(readFileSync(log, 'utf8').includes('EINTR (Interrupted system call) (INJECTED)'));
    },
  );

  // Serial: nothing else in this thread delays the signals.
  test.serial(
    `hazard-101 signal-storm: a signal every millisecond does not delay the end of a wait, ${driver}`,
    async (t) => {
      const [program, ...args] = runtime;
      const child = start(program, [...args, fixture('signal-storm'), driver, makeFifo(t)]);
      t.is(await child.line(), 'ready');
      let sent = 0;
      // SIGWINCH is ignored by default, so a late one does not end the child.
      const storm = setInterval(() => {
        sent += Number(process.kill(child.process.pid ?? 0, 'SIGWINCH'));
        // The child waits until this number was sent, however long that takes.
        if (sent === 51) child.process.stdin.write('enough\n');
      }, 1);
      t.teardown(() => clearInterval(storm));
      const report = JSON.parse((await child.line()) ?? '') as Storm;
      clearInterval(storm);
      child.process.stdin.end();
      t.like(await child.ended, { code: 0, stderr: '' });
      const { rounds, empty, events, shortest, interrupted, signals } = report;
      t.true(rounds >= 10);
      t.like({ empty, events }, { empty: rounds, events: 20 * rounds });
      t.true(shortest >= 50, `${shortest} ms`);
      // If each signal restarted the wait, every wait would end its full length after the last signal.
      t.true(interrupted >= 1, JSON.stringify(report));
      t.true(sent > 50 && signals >= 1, `${sent} sent, ${signals} handled`);
    },
  );

  test(`hazard-102 timers-and-events: neither starves the other, ${driver}`, async (t) => {
    const { poller, watched } = polled(t, driver);
    watched.write(1);
    let ticks = 0;
    let events = 0;
    let ended = false;
    const tick = (): void => {
      ticks += 1;
      if (!ended) setTimeout(tick, 0);
    };
    tick();
    const immediate = (): void => void (ended || setImmediate(immediate));
    immediate();
    // The descriptor is always ready and the timer is always due.
    for await (const event of poller) {
      events += Number(event.readable);
      if (ticks >= 50 && events >= 50) break;
    }
    ended = true;
    t.true(ticks >= 50);
    t.true(events >= 50);
  });

  test(`hazard-102 timeout-beside-events: a wait ends while another poller is never idle, ${driver}`, async (t) => {
    const [busy, idle] = [polled(t, driver), polled(t, driver)];
    busy.watched.write(1);
    const wait = idle.poller.poll({ timeout: 20 });
    const state = watch(wait);
    let events = 0;
    while (!state.fulfilled) events += (await busy.poller.poll()).length;
    t.deepEqual(await wait, []);
    t.true(events > 0);
  });

  // Serial: the replaced clock is process-wide.
  test.serial(
    `hazard-103 clock-jump: an hour forward and back moves no deadline, ${driver}`,
    async (t) => {
      const { now } = Date;
      t.teardown(() => {
        Date.now = now;
      });
      const { poller } = polled(t, driver);
      // A wait that followed the wall clock would last an hour the second time, so this limit would end it first.
      const late = setTimeout(() => poller.close(), 30_000);
      for (const jump of [3_600_000, -3_600_000]) {
        const began = performance.now();
        const wait = poller.poll({ timeout: 100 });
        Date.now = () => now() + jump;
        t.deepEqual(await wait, []);
        const took = performance.now() - began;
        t.true(took >= 100, `${took} ms`);
        Date.now = now;
      }
      clearTimeout(late);
    },
  );

  test(`hazard-110 healthy: nothing stale, lost or counted twice after typical use, ${driver}`, async (t) => {
    const poller = new Poller<number>({ driver, maxEvents: 4 });
    t.teardown(() => poller.close());
    const pipes = Array.from({ length: 10 }, () => pipe(t));
    let reported = 0;
    for (let round = 0; round < 100; round += 1) {
      const registrations = pipes.map(({ fd }, data) =>
        poller.register(fd, { data, trigger: round % 2 === 0 ? 'level' : 'oneshot' }),
      );
      for (const watched of pipes) watched.write(1);
      const seen = new Set<number>();
      while (seen.size < pipes.length) {
        for (const { data } of await poller.poll()) {
          reported += 1;
          seen.add(data);
        }
      }
      for (const registration of registrations) registration.unregister();
      for (const watched of pipes) watched.read(1);
    }
    const stats = poller.stats();
    t.like(stats, { staleEvents: 0, closedDescriptors: 0, renewals: 0, largestBatch: 4 });
    t.is(stats.events, reported, JSON.stringify(stats));
    t.true(stats.batches <= stats.waits);
    t.is(poller.size, 0);
  });
}
