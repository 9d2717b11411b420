// System calls that fail though they hardly ever do: each is an error with its code, or nothing that anybody notices.
import type { Driver } from 'edgepoll';

import { reportOf, spoiled } from './support/injected.js';
import { straceTest } from './support/process.js';

const drivers: Driver[] = ['uv', 'thread'];

for (const driver of drivers) {
  for (const [kind, calls, inject, report] of [
    [
      'alarm',
      'timerfd_settime',
      'timerfd_settime:error=EINVAL',
      {
        uncaught: [
          'edgepoll: timerfd_settime failed: EINVAL: Invalid argument: timeouts come late',
        ],
      },
    ],
    [
      'alarm',
      'timerfd_settime',
      'timerfd_settime:error=EBADF',
      {
        uncaught: ['edgepoll: timerfd_settime failed: EBADF: Bad file number: timeouts come late'],
      },
    ],
    [
      'connect',
      'getpeername',
      'getpeername:error=ENOTCONN',
      { code: 'ENOTCONN', syscall: 'connect' },
    ],
    // The first is the listening socket's.
    [
      'connect',
      'setsockopt',
      'setsockopt:error=EPERM:when=2+',
      { code: 'EPERM', syscall: 'connect' },
    ],
    // The first two are the listening socket's, the third is the peer's.
    ['lose', 'setsockopt,connect', 'setsockopt:error=EPERM:when=4+', { peer: 'ECONNRESET' }],
    [
      'send',
      'sendto',
      'sendto:error=EHOSTUNREACH',
      { peer: 'ECONNRESET', code: 'EHOSTUNREACH', syscall: 'write' },
    ],
    [
      'end',
      'shutdown',
      'shutdown:error=EIO:when=1',
      { peer: 'end', code: 'EIO', syscall: 'shutdown' },
    ],
  ] as const) {
    straceTest(`refused-calls: ${inject}, ${kind}, ${driver}`, async (t) => {
      const { ended, lines } = await spoiled(t, { calls, inject }, 'refused-calls', driver, kind);
      t.true(lines.some((line) => line.endsWith('(INJECTED)')));
      t.deepEqual(reportOf(ended), report);
    });
  }
}
