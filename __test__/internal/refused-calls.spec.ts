// System calls that rarely fail, made to fail by strace: each failure gives an error with its code, or has no effect that the
// program or the peer can see.
import type { Driver } from 'edgepoll';

import { reportOf, runInjected } from '../support/injected.js';
import { straceTest } from '../support/process.js';

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
    // The first call is for the listening socket.
    [
      'connect',
      'setsockopt',
      'setsockopt:error=EPERM:when=2+',
      { code: 'EPERM', syscall: 'connect' },
    ],
    // The first four calls are for the listening socket, the fifth is for the peer.
    ['lose', 'setsockopt,connect', 'setsockopt:error=EPERM:when=6+', { peer: 'ECONNRESET' }],
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
      const { ended, lines } = await runInjected(
        t,
        { calls, inject },
        'refused-calls',
        driver,
        kind,
      );
      t.true(lines.some((line) => line.endsWith('(INJECTED)')));
      t.deepEqual(reportOf(ended), report);
    });
  }
}
