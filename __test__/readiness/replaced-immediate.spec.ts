/** The driver `thread` gives the event loop a turn with setImmediate: which function that is, and how a replaced one may behave. */
import test from 'ava';

import { reportOf } from '../support/injected.js';
import { exceptIn, runFixture } from '../support/process.js';

const inNode = exceptIn(
  ['bun', 'deno'],
  'in Bun and Deno a program cannot change built-in modules',
);

for (const what of ['never', 'twice'] as const) {
  test(`replaced-immediate: a global one that calls back ${what} is not used, and events go on`, async (t) => {
    const ended = await runFixture('immediate', 'global', what);
    t.deepEqual(reportOf(ended), { events: 1000, called: false, thrown: false });
  });
}

for (const what of ['twice', 'at-once', 'throws'] as const) {
  inNode(
    `replaced-immediate: with the one of node:timers replaced before the import, events go on: ${what}`,
    async (t) => {
      const ended = await runFixture('immediate', 'module', what);
      t.deepEqual(reportOf(ended), { events: 1000, called: true, thrown: what === 'throws' });
    },
  );
}
