/** Descriptors that cannot be watched, and calls that the kernel refuses: a coded error, and the poller goes on. */
import { closeSync, constants, openSync, readdirSync } from 'node:fs';

import test from 'ava';
import { EdgepollError, Poller } from 'edgepoll';
import type { PollerOptions } from 'edgepoll';
import { OwnedFd } from 'edgepoll/fd';

import { isEpoll, pipePair, pollerOf, soon, writeText } from '../kernel/helpers.js';
import { openDescriptors, targetOf } from '../support/descriptors.js';
import { reportOf, runInjected } from '../support/injected.js';
import {
  changesFlags,
  drivers,
  exceptIn,
  fixture,
  makeFifo,
  root,
  run,
  runFixture,
  runtime,
  runtimeName,
  straced,
  straceTest,
} from '../support/process.js';

/** These tests find calls by the file's path in strace's log. Deno makes file calls of its own in between. */
const straceNotDeno =
  runtimeName === 'deno'
    ? exceptIn(['deno'], "strace also logs Deno's own calls on these files")
    : straceTest;

function isRefused(use: () => unknown): boolean {
  try {
    use();
    return false;
  } catch (error) {
    if (error instanceof RangeError) return true;
    throw error;
  }
}

interface Refusal {
  ours: boolean;
  code: string;
  errno: number;
  syscall: string;
  fd: number;
  message: string;
}

interface ErrnoReport {
  fd: number;
  refusals: Record<'register' | 'modify' | 'rearm', Refusal>;
  sizes: number[];
  afterRefusal: string[];
  afterModifyRefused: { reported: string[]; active: boolean };
  modified: string[];
  afterRearmRefused: string[];
  rearmed: string[];
  unregistered: string[];
  again: string[];
}

const errnos: Record<string, number> = {
  EPERM: -1,
  ENOENT: -2,
  EBADF: -9,
  ENOMEM: -12,
  EEXIST: -17,
  EINVAL: -22,
  ENOSPC: -28,
  ELOOP: -40,
};

for (const driver of drivers) {
  for (const [errno, number] of Object.entries(errnos)) {
    straceTest(
      `hazard-10 refused: ${errno} of each epoll_ctl, and the same descriptor goes on, ${driver}`,
      async (t) => {
        const fifo = makeFifo(t);
        // Fails the first, third and fifth call: ADD, MOD, MOD. The repeated call after each of them succeeds. After EEXIST
        // for an unregistered descriptor the poller removes a possible ghost with a DEL; then the first and fourth fail,
        // ADD and MOD.
        const isRemoved = errno === 'EEXIST';
        const when = isRemoved ? '1..4+3' : '1..5+2';
        const { ended, lines } = await runInjected(
          t,
          { calls: 'epoll_ctl', paths: [fifo], inject: `epoll_ctl:error=${errno}:when=${when}` },
          'hazard-errno',
          driver,
          fifo,
          makeFifo(t),
        );
        const injected = lines.filter((line) => line.endsWith('(INJECTED)'));
        t.is(injected.length, isRemoved ? 2 : 3, lines.join('\n'));
        const report = reportOf(ended) as ErrnoReport;
        const refused = ['register', 'modify', ...(isRemoved ? [] : ['rearm'])];
        t.deepEqual(Object.keys(report.refusals), refused);
        for (const [operation, refusal] of Object.entries(report.refusals)) {
          const code = errno === 'EPERM' ? 'ERR_NOT_POLLABLE' : errno;
          const expected = { ours: true, code, errno: number, syscall: 'epoll_ctl', fd: report.fd };
          t.like(refusal, expected, operation);
          t.regex(refusal.message, new RegExp(`\\bfd ${report.fd}\\b`), operation);
        }
        const { refusals: _, fd: __, ...rest } = report;
        t.deepEqual(rest, {
          sizes: [1, 2, 1],
          afterRefusal: ['bystander'],
          afterModifyRefused: { reported: ['bystander', 'first'], active: true },
          modified: ['bystander', 'second'],
          afterRearmRefused: isRemoved ? ['bystander', 'second'] : ['bystander'],
          rearmed: ['bystander', 'second'],
          unregistered: ['bystander'],
          again: ['again', 'bystander'],
        });
      },
    );
  }

  const redirections: [string, string, Record<NonNullable<PollerOptions['engine']>, unknown>][] = [
    ['a file', `<${root}/package.json`, { epoll: 'refused', poll: 'ready', select: 'ready' }],
    ['/dev/null', '</dev/null', { epoll: 'refused', poll: 'ready', select: 'ready' }],
    // Node.js opens /dev/null in place of a closed standard stream.
    ['closed', '<&-', { epoll: 'refused', poll: 'ready', select: 'ready' }],
  ];
  for (const [name, redirection, expected] of redirections) {
    test(`hazard-11 not-pollable: standard input is ${name}, by every engine, ${driver}`, async (t) => {
      for (const engine of ['epoll', 'poll', 'select'] as const) {
        const words = [...runtime, fixture('hazard-stdin'), driver, engine];
        const command = `exec ${words.map((word) => `'${word}'`).join(' ')} ${redirection}`;
        const { code, stdout, stderr } = await run('sh', ['-c', command]);
        t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        const report = JSON.parse(stdout) as {
          readable?: boolean;
          code?: string;
          message?: string;
        };
        if (expected[engine] === 'ready')
          t.like(report, { readable: true }, `${engine}: ${stdout}`);
        else {
          t.is(report.code, 'ERR_NOT_POLLABLE');
          t.regex(report.message ?? '', /^fd 0 /);
          t.regex(report.message ?? '', /poll|select|read/, 'the way out');
        }
      }
    });
  }

  test(`hazard-12 nested: our own descriptors are refused, by every poller of the package, ${driver}`, (t) => {
    const epolls = (): number[] =>
      readdirSync('/proc/self/fd')
        .map(Number)
        .filter((fd) => {
          try {
            return isEpoll(fd);
          } catch {
            // Closed since the listing: the listing's own descriptor, or another thread's.
            return false;
          }
        });
    const before = new Set(epolls());
    const [first, second] = [new Poller({ driver }), new Poller({ driver: 'thread' })];
    t.teardown(() => {
      first.close();
      second.close();
    });
    const own = epolls().filter((fd) => !before.has(fd));
    t.true(own.length >= 2);
    for (const fd of own)
      for (const poller of [first, second]) {
        const error = t.throws(() => poller.register(fd), { instanceOf: RangeError });
        t.regex(error?.message ?? '', new RegExp(`, not ${fd}$`));
      }
  });

  for (const engine of ['epoll', 'poll', 'select'] as const)
    test(`hazard-12 nested: all that an engine opens is refused, ${engine}, ${driver}`, (t) => {
      const opened = (): number[] =>
        openDescriptors().filter((fd) => /event(?:poll|fd)/.test(targetOf(fd)));
      const before = new Set(opened());
      const poller = pollerOf(t, driver, { engine });
      // The engine's own descriptors, and those of the driver's thread.
      const expected = (engine === 'epoll' ? 1 : 3) + (driver === 'thread' ? 2 : 0);
      const fresh = opened().filter((fd) => !before.has(fd));
      // One of Bun's threads may have opened a descriptor of its own since then; the poller does not refuse that one.
      const own = fresh.filter((fd) => isRefused(() => poller.register(fd)));
      t.is(own.length, expected, fresh.join(', '));
      if (runtimeName !== 'bun') t.is(fresh.length, expected, fresh.join(', '));
      for (const fd of own)
        t.throws(() => OwnedFd.adopt(fd), { instanceOf: RangeError }, `adopts ${fd}`);
    });

  test(`hazard-39 unreadable: a writing end and a reading end are both watched as they are, ${driver}`, async (t) => {
    const { reader, writer } = pipePair(t);
    const poller = pollerOf(t, driver);
    poller.register(writer, { readable: true, writable: true });
    t.deepEqual(await soon(poller), ['OUT']);
    const other = pollerOf(t, driver);
    other.register(reader, { readable: true, writable: true });
    writeText(writer, 'x');
    t.deepEqual(await soon(other), ['IN']);
  });

  straceNotDeno(
    `hazard-39 unreadable: what is watched is never read, written or changed, ${driver}`,
    async (t) => {
      const fifo = makeFifo(t);
      const { ended, lines } = await runInjected(
        t,
        { calls: 'all', paths: [fifo] },
        'hazard-untouched',
        driver,
        fifo,
      );
      t.like(ended, { code: 0, stdout: '9\n', stderr: '' });
      const calls = lines.map((line) => /^\d+\s+(\w+)\(/.exec(line)?.[1]);
      // Before the first registration the fixture itself opens the pipe and writes one byte.
      const first = calls.indexOf('epoll_ctl');
      t.deepEqual(calls.slice(0, first).filter((call) => call === 'write').length, 1);
      const after = new Set(calls.slice(first));
      for (const call of ['epoll_ctl', 'fcntl', 'close', 'fstat', 'kcmp', 'statx', 'newfstatat'])
        after.delete(call);
      t.deepEqual([...after], []);
      const changed = lines.filter((line) => changesFlags.test(line));
      t.deepEqual(changed, []);
    },
  );

  straceNotDeno(
    `hazard-9 double-close: an interrupted close is not repeated, ${driver}`,
    async (t) => {
      const fifo = makeFifo(t);
      const { ended, lines } = await runInjected(
        t,
        {
          calls: 'close,?access,?faccessat,?faccessat2',
          inject: 'close:error=EINTR',
          // Limited to these files, because the dynamic loader fails when a close(2) fails.
          paths: [
            fifo,
            'anon_inode:[eventpoll]',
            'anon_inode:[eventfd]',
            '/edgepoll-mark-begin',
            '/edgepoll-mark-end',
          ],
        },
        'hazard-close-interrupted',
        driver,
        fifo,
      );
      t.like(ended, { code: 0, stdout: 'closed\n', stderr: '' });
      const begin = lines.findIndex((line) => line.includes('/edgepoll-mark-begin'));
      const closed = lines
        .slice(begin)
        .map((line) => /close\((\d+)/.exec(line)?.[1])
        .filter((fd) => fd !== undefined);
      t.true(begin >= 0 && closed.length >= 6, lines.slice(begin).join('\n'));
      t.is(new Set(closed).size, closed.length, `closed: ${closed.join(' ')}`);
    },
  );

  test(`hazard-135 misuse: a descriptor that was closed is refused by number and by owner, ${driver}`, (t) => {
    const poller = pollerOf(t, driver);
    const fd = openSync(makeFifo(t), constants.O_RDWR | constants.O_NONBLOCK);
    closeSync(fd);
    const refused = { any: true } as const;
    for (const what of [fd, { fd }]) {
      const error = t.throws(() => poller.register(what), refused) as NodeJS.ErrnoException;
      t.false(error instanceof EdgepollError && error.code === undefined);
      t.regex(error.message, new RegExp(String(fd)));
    }
    t.is(poller.size, 0);
  });

  straceTest(
    `hazard-135 misuse: every wrong value is refused before any epoll_ctl, ${driver}`,
    async (t) => {
      const { ended, lines } = await straced(
        t,
        'epoll_ctl,fcntl',
        'hazard-misuse',
        driver,
        makeFifo(t),
      );
      const report = reportOf(ended) as Record<string, [string, string][]>;
      const { descriptors, watched, options, engines, constructed, sizes } = report;
      t.true((descriptors?.length ?? 0) >= 80, 'three engines and some thirty values');
      for (const [shown, reported] of [...(descriptors ?? []), ...(watched ?? [])]) {
        t.regex(reported, /^(?:TypeError ERR_INVALID_ARG_TYPE|RangeError ERR_OUT_OF_RANGE): /);
        t.true(reported.endsWith(`, not ${shown}`), `${reported} shows ${shown}`);
      }
      for (const [shown, reported] of [...(options ?? []), ...(constructed ?? [])])
        t.regex(
          reported,
          /^(?:TypeError ERR_INVALID_ARG_(?:TYPE|VALUE)|RangeError ERR_OUT_OF_RANGE): /,
          shown,
        );
      t.is(engines?.length, 8);
      for (const [engine, reported] of engines ?? [])
        t.regex(reported, /^TypeError ERR_INVALID_ARG_VALUE: /, engine);
      t.deepEqual(sizes as unknown, [0, 0, 0]);
      t.deepEqual(
        lines.filter((line) => line.includes('epoll_ctl(')),
        [],
      );
      t.true(
        lines.some((line) => line.includes('fcntl(1000000, F_GETFD)')),
        'strace saw the calls',
      );
    },
  );

  test(`hazard-135 misuse: 0, 1 and 2 need no permission, ${driver}`, async (t) => {
    const { code, stdout, stderr } = await runFixture('hazard-standard', driver);
    t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    t.deepEqual(JSON.parse(stdout), [0, 1, 2]);
  });
}

exceptIn(['bun', 'deno'], 'Bun and Deno have no driver uv')(
  "hazard-13 the host's own epoll descriptor is refused before the host would abort",
  async (t) => {
    const { code, stdout, stderr } = await runFixture('host-epoll');
    t.is(code, 0, stderr);
    const report = JSON.parse(stdout) as Record<'first' | 'idle' | 'begun', string[]> & {
      events: number;
    };
    t.true(report.first.includes('ELOOP'), stdout);
    t.deepEqual(report.idle, report.first);
    t.deepEqual(report.begun, report.first);
    t.is(report.events, 1);
  },
);

exceptIn(['bun', 'deno'], 'Bun and Deno have no driver uv')(
  'hazard-13 one descriptor watched more often than the kernel allows is refused, and the host goes on',
  async (t) => {
    const { code, stdout, stderr } = await runFixture('many-watchers', 'uv');
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(stdout), { code: 'EINVAL', reported: 500 });
  },
);
