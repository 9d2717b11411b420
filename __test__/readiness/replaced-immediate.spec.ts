/** The driver's thread lets the host's loop go round by an immediate: whose setImmediate that is, and what it may do. */
import test from 'ava';

import { reportOf } from '../support/injected.js';
import { exceptIn, runFixture } from '../support/process.js';

const inNode = exceptIn(['bun', 'deno'], 'modules of its own cannot be changed there');

for (const what of ['never', 'twice'] as const) {
  test(`replaced-immediate: a global one that calls back ${what} is not ours, and events go on`, async (t) => {
    const ended = await runFixture('immediate', 'global', what);
    t.deepEqual(reportOf(ended), { events: 1000, called: false, thrown: false });
  });
}

for (const what of ['twice', 'at-once', 'throws'] as const) {
  inNode(
    `replaced-immediate: one of node:timers, replaced before the import, harms nobody: ${what}`,
    async (t) => {
      const ended = await runFixture('immediate', 'module', what);
      t.deepEqual(reportOf(ended), { events: 1000, called: true, thrown: what === 'throws' });
    },
  );
}
