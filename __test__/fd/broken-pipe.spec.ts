/** SIGPIPE, which a write to a pipe raises and no flag of write(2) keeps away. */
import test from 'ava';

import { exceptIn, runFixture } from '../support/process.js';

for (const how of ['before', 'after', 'worker']) {
  test(`hazard-53 sigpipe: a listener that came and went, ${how}, and a write is EPIPE all the same`, async (t) => {
    const { signal, stdout, stderr } = await runFixture('fd-broken-pipe', how);
    t.is(stderr, '');
    t.deepEqual(JSON.parse(stdout), { told: ['EPIPE', 'EPIPE', '1'], sameSignals: true });
    // What the signal does to a process that is sent it is as it was.
    t.is(signal, 'SIGPIPE');
  });
}

// Elsewhere no handler is told, because it may be the runtime's own, which ends the process.
exceptIn(['bun', 'deno'], 'nobody knows there whose handler it is')(
  'hazard-53 sigpipe: a listener that is there hears of a write that the process would survive',
  async (t) => {
    const { signal, stdout, stderr } = await runFixture('fd-broken-pipe', 'heard');
    t.is(stderr, '');
    t.deepEqual(JSON.parse(stdout), { told: ['EPIPE', 'EPIPE', '1'], sameSignals: true });
    t.is(signal, 'SIGPIPE');
  },
);
