/** Failures in the driver's callback: no promise can carry them, so they must be uncaught exceptions. */
import type { Driver } from 'edgepoll';
import type { TestFn } from 'ava';
import test from 'ava';

import { reportOf, runInjected } from '../support/injected.js';
import { makeFifo, straceTest } from '../support/process.js';

const drivers: Driver[] = ['uv', 'thread'];

/** On other architectures libuv calls epoll_wait too, and strace would make its calls fail as well. */
const straceX64: TestFn =
  process.arch === 'x64'
    ? straceTest
    : (((title: string, body: () => void): void =>
        test.skip(`${title} (on this architecture libuv calls epoll_wait too)`, body)) as TestFn);

for (const driver of drivers) {
  for (const [kind, reported] of [
    ['epoll', 'looking failed: '],
    ['server', 'epoll_wait failed: '],
  ] as const) {
    straceX64(
      `look-refused: a system call that fails in the driver's callback is an uncaught exception, ${kind}, ${driver}`,
      async (t) => {
        const inject = 'epoll_wait:error=ENOMEM';
        const args = [driver, kind, makeFifo(t)];
        const { ended, lines } = await runInjected(
          t,
          { calls: 'epoll_wait', inject },
          'look-refused',
          ...args,
        );
        t.true(lines.some((line) => line.endsWith('(INJECTED)')));
        const { name, message } = reportOf(ended) as { name: string; message: string };
        t.is(name, 'Error');
        t.true(message.startsWith(`edgepoll: ${reported}`), message);
        t.regex(message, /ENOMEM|errno 12/);
      },
    );
  }
}
