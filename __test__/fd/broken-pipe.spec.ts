/** SIGPIPE, which a write to a pipe without a reader raises; write(2) has no flag against it. */
import test from 'ava';

import { exceptIn, runFixture } from '../support/process.js';

for (const how of ['before', 'after', 'worker']) {
  test(`hazard-53 sigpipe: after a listener was added and removed (${how}) a write still fails with EPIPE`, async (t) => {
    const { signal, stdout, stderr } = await runFixture('fd-broken-pipe', how);
    t.is(stderr, '');
    t.deepEqual(JSON.parse(stdout), { reported: ['EPIPE', 'EPIPE', '1'], sameSignals: true });
    // A SIGPIPE that another process sends keeps its effect.
    t.is(signal, 'SIGPIPE');
  });
}

// In other runtimes the package calls no handler, because it may be the runtime's own, which ends the process.
exceptIn(['bun', 'deno'], 'in Bun and Deno the package calls no handler of SIGPIPE')(
  'hazard-53 sigpipe: an installed listener is called for a write that fails with EPIPE',
  async (t) => {
    const { signal, stdout, stderr } = await runFixture('fd-broken-pipe', 'listener');
    t.is(stderr, '');
    t.deepEqual(JSON.parse(stdout), { reported: ['EPIPE', 'EPIPE', '1'], sameSignals: true });
    t.is(signal, 'SIGPIPE');
  },
);
