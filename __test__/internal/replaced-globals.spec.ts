/** Whoever replaces global functions after the import, as fake timers do, must not stop what waits or comes later. */
import test from 'ava';

import { reportOf } from '../support/injected.js';
import { runFixture } from '../support/process.js';

const cases: [name: string, what: string, expected: unknown][] = [
  ['poll', 'a timeout of poll() passes', []],
  ['write', 'what was written outside a turn leaves', 'x'],
  ['close', "a server's close() ends what is still open", 'closed'],
  ['throw', 'what a callback of edgepoll/epoll throws is told', 'thrown by a callback'],
];

for (const [name, what, expected] of cases) {
  test(`replaced-globals: ${what}`, async (t) => {
    const ended = await runFixture('replaced-globals', name);
    t.deepEqual(reportOf(ended), expected);
  });
}
