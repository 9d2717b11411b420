/** The process's descriptors: inheritance, closed standard streams, limits, and leaks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import test from 'ava';

import {
  drivers,
  exceptIn,
  fixture,
  folder,
  makeFifo,
  run,
  runFixture,
  runtime,
  straceTest,
} from '../support/process.js';

interface OwnDescriptors {
  own: { fd: number; target: string; closesOnExec: boolean }[];
  inherited: string[];
  seen: boolean;
  strays: number;
}

interface FewDescriptors {
  full: string;
  refused: { free: number; typed: boolean; code: string; errno: number; left: number }[];
  reported: string;
  threads: number;
}

for (const driver of drivers) {
  test(`hazard-111 close-on-exec: a child inherits no descriptor of the package, ${driver}`, async (t) => {
    const report = join(folder(t), 'report');
    const ended = await runFixture('own-descriptors', driver, makeFifo(t), report);
    t.is(ended.code, 0, ended.stderr);
    const { own, inherited, seen } = JSON.parse(readFileSync(report, 'utf8')) as OwnDescriptors;
    t.true(own.length > 0);
    t.deepEqual(
      own.filter(({ closesOnExec }) => !closesOnExec),
      [],
    );
    t.true(seen);
    t.deepEqual(inherited, []);
  });

  for (const closed of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-']) {
    test(`hazard-114 closed-streams: started with ${closed}, no descriptor of the package takes their place, ${driver}`, async (t) => {
      const report = join(folder(t), 'report');
      const words = [...runtime, fixture('own-descriptors'), driver, makeFifo(t), report];
      const ended = await run('sh', ['-c', `exec "$@" ${closed}`, 'sh', ...words]);
      t.like(ended, { code: 0, signal: null });
      const { own, strays } = JSON.parse(readFileSync(report, 'utf8')) as OwnDescriptors;
      t.is(strays, 0);
      t.deepEqual(
        own.filter(({ fd }) => fd <= 2),
        [],
      );
    });
  }

  exceptIn(['deno'], 'Deno panics without a free descriptor')(
    `hazard-115 no-descriptor-left: EMFILE, nothing left behind, and later it works, ${driver}`,
    async (t) => {
      const ended = await runFixture('few-descriptors', driver, makeFifo(t));
      t.like(ended, { code: 0, stderr: '' });
      const { full, refused, reported, threads } = JSON.parse(
        ended.stdout.replace('begins\n', ''),
      ) as FewDescriptors;
      t.is(full, 'EMFILE');
      t.true(refused.length > 0);
      for (const refusal of refused) {
        t.like(refusal, { typed: true, code: 'EMFILE', errno: -24 });
        // Below 0 the runtime has closed one of its own descriptors meanwhile.
        t.true(refusal.left <= 0, `${refusal.left} descriptors are left behind`);
      }
      t.is(reported, 'watched');
      t.is(threads, 0);
    },
  );

  straceTest(
    `hazard-115 no-watch-left: ENOSPC by its name, the poller as before, and later it works, ${driver}`,
    async (t) => {
      const fifo = makeFifo(t);
      const log = join(folder(t), 'strace');
      const strace = ['-f', '-qq', '-o', log, '-P', fifo, '-e', 'signal=none'];
      const inject = ['-e', 'trace=epoll_ctl', '-e', 'inject=epoll_ctl:error=ENOSPC:when=1..2'];
      const words = [...runtime, fixture('watch-limit'), driver, fifo];
      const ended = await run('strace', [...strace, ...inject, ...words]);
      t.like(ended, { code: 0, stderr: '' });
      const refused = { typed: true, code: 'ENOSPC', errno: -28, syscall: 'epoll_ctl', fd: true };
      t.deepEqual(JSON.parse(ended.stdout), {
        results: [
          { attempt: 'first', ...refused, size: 0 },
          { attempt: 'second', ...refused, size: 0 },
          { attempt: 'third', code: 'none', size: 1 },
        ],
        reported: 'third',
      });
    },
  );

  test(`cycles: 50,000 registrations leave the process as it was, ${driver}`, async (t) => {
    const ended = await runFixture('cycles', driver, makeFifo(t), '50000');
    t.like(ended, { code: 0, stderr: '' });
    const { same, before, after } = JSON.parse(ended.stdout) as {
      same: boolean;
      before: string[];
      after: string[];
    };
    t.deepEqual(after, before);
    t.true(same);
    t.true(
      before.some((line) => /eventpoll\] \d+:[\da-f]+$/.test(line)),
      'the listing shows them',
    );
  });
}
