// System calls that the kernel or a sandbox does not have, made to fail by strace: ENOSYS as from an old kernel, EPERM as from a seccomp
// filter. Each gives an error that names the call, or another call does the work. Nothing crashes, hangs or tries again and again.
import type { ExecutionContext } from 'ava';

import { reportOf, runInjected } from '../support/injected.js';
import { drivers, straceTest } from '../support/process.js';

const ERRORS = ['ENOSYS', 'EPERM'] as const;

/**
 * Runs a part of the fixture while `call` fails, and returns its report and the calls that failed. The runtime's own calls before
 * the package is used succeed: they are as many as in a run that only loads the package. strace counts the calls of each thread.
 */
async function without(
  t: ExecutionContext,
  call: string,
  error: string,
  part: string,
  driver: string,
): Promise<{ report: unknown; failed: number }> {
  const loading = await runInjected(t, { calls: call }, 'missing-calls', 'none');
  const { works: thread } = reportOf(loading.ended) as { works: number };
  const own = loading.lines.filter((line) => line.startsWith(`${thread} `)).length;
  const inject = `${call}:error=${error}:when=${own + 1}+`;
  const run = await runInjected(t, { calls: call, inject }, 'missing-calls', part, driver);
  const failed = run.lines.filter((line) => line.endsWith('(INJECTED)')).length;
  return { report: reportOf(run.ended), failed };
}

for (const error of ERRORS) {
  for (const driver of drivers) {
    for (const [part, call, syscall] of [
      ['listen', 'epoll_create1', 'epoll_create1'],
      ['listen', 'eventfd2', 'eventfd2'],
      ['listen', 'timerfd_create', 'timerfd_create'],
      ['epoll', 'epoll_create1', 'epoll_create1'],
      ['poll', 'eventfd2', 'eventfd2'],
      ['select', 'eventfd2', 'eventfd2'],
    ] as const) {
      straceTest(`missing-calls: ${part} without ${call}, ${error}, ${driver}`, async (t) => {
        const { report, failed } = await without(t, call, error, part, driver);
        t.deepEqual(report, { code: error, syscall });
        t.is(failed, 1);
      });
    }

    straceTest(`missing-calls: a server without accept4, ${error}, ${driver}`, async (t) => {
      const { report, failed } = await without(t, 'accept4', error, 'accept', driver);
      t.deepEqual(report, { works: { accepted: 0, code: error, syscall: 'accept' } });
      // A pause follows one ENOSYS, or 65 EPERM, which a firewall may give for single clients.
      t.true(failed <= 8 * 65, `${failed} calls`);
    });
  }

  for (const [part, call, syscall] of [
    ['eventfd', 'eventfd2', 'eventfd2'],
    ['timerfd', 'timerfd_create', 'timerfd_create'],
    ['signalfd', 'signalfd4', 'signalfd4'],
    ['inotify', 'inotify_init1', 'inotify_init1'],
    ['pidfd', 'pidfd_open', 'pidfd_open'],
  ] as const) {
    straceTest(`missing-calls: ${part} without ${call}, ${error}`, async (t) => {
      const { report, failed } = await without(t, call, error, part, '');
      t.deepEqual(report, { code: error, syscall });
      t.is(failed, 1);
    });
  }

  for (const call of ['preadv2', 'pwritev2']) {
    straceTest(`missing-calls: reads and writes without ${call}, ${error}`, async (t) => {
      const { report, failed } = await without(t, call, error, 'transfers', '');
      t.deepEqual(report, { works: { empty: null, written: 5, read: 'bytes', count: 3 } });
      t.true(failed > 0);
    });
  }

  for (const call of [
    'rt_tgsigqueueinfo',
    'rt_sigqueueinfo',
    'rt_tgsigqueueinfo,rt_sigqueueinfo',
  ]) {
    straceTest(`missing-calls: signals without ${call}, ${error}`, async (t) => {
      const inject = `${call}:error=${error}`;
      const run = await runInjected(t, { calls: call, inject }, 'missing-calls', 'signals');
      t.deepEqual(reportOf(run.ended), { works: 20 });
    });
  }

  straceTest(`missing-calls: a server without getrandom, ${error}`, async (t) => {
    const { report } = await without(t, 'getrandom', error, 'listen', 'thread');
    t.deepEqual(report, { works: 'echo' });
  });
}

// Linux 5.3 to 5.9 have pidfd_open(2) without flags.
straceTest('missing-calls: a pidfd from a kernel without PIDFD_NONBLOCK', async (t) => {
  const inject = 'pidfd_open:error=EINVAL:when=1';
  const run = await runInjected(t, { calls: 'pidfd_open', inject }, 'missing-calls', 'pidfd');
  t.deepEqual(reportOf(run.ended), { works: true });
  t.is(run.lines.length, 2);
});
