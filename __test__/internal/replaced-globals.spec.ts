/**
 * A program may replace global functions after the import, as fake timers do. The package must go on, both with waits that have
 * begun and with later ones.
 */
import test from 'ava';

import { reportOf } from '../support/injected.js';
import { runFixture } from '../support/process.js';

const cases: [name: string, what: string, expected: unknown][] = [
  ['poll', 'a timeout of poll() passes', []],
  ['write', 'bytes that are written outside a turn are sent', 'x'],
  ['close', "a server's close() destroys connections at its timeout", 'closed'],
  [
    'throw',
    'an error that a callback of edgepoll/epoll throws is reported',
    'thrown by a callback',
  ],
];

for (const [name, what, expected] of cases) {
  test(`replaced-globals: ${what}`, async (t) => {
    const ended = await runFixture('replaced-globals', name);
    t.deepEqual(reportOf(ended), expected);
  });
}
