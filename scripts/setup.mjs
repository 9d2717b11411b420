// Makes a clone ready to run: npm packages, native addon, compiled TypeScript. Runs the steps that are stale, in order.
// Imports nothing outside node: and scripts/, since a fresh clone has no node_modules.

import { fileURLToPath } from 'node:url';
import { alone } from './lib/lock.mjs';
import { toStderr, toStdout } from './lib/run.mjs';
import { steps } from './lib/steps.mjs';
import { failSetUp } from './lib/toolchain.mjs';

export const everything = ['install', 'native', 'src', 'examples', 'test'];
export const toRunExamples = ['install', 'native', 'src', 'examples'];

/** Runs the stale ones of the steps `names`; says what it does on stderr if `quiet`, else on stdout. */
export async function setUp(names = everything, { quiet = false, sayNothingToDo = !quiet } = {}) {
  const stale = () => names.filter((name) => steps[name].isStale());
  if (stale().length === 0) {
    if (sayNothingToDo) console.log('set-up: everything is up to date');
    return;
  }
  const say = quiet ? console.error : console.log;
  await alone(
    async () => {
      for (const name of names) {
        if (steps[name].isStale()) await runStep(name, { say, quiet, locked: true });
      }
    },
    () => say('set-up: waiting for another set-up of this clone to end'),
  );
}

/** Runs one step, stale or not, and says how long it took. */
export async function runStep(name, { say = console.log, quiet = false, locked = false } = {}) {
  const { title, begin, finish, run } = steps[name];
  say(`set-up: ${title} …`);
  const started = performance.now();
  begin?.();
  await run(quiet ? toStderr : toStdout, { locked });
  finish?.();
  say(`set-up: ${title}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setUp().catch(failSetUp);
}
