// Makes a clone ready to run: npm packages, native addon, compiled TypeScript. Runs the steps that are stale, in order.
// With arguments, it runs the named steps, stale or not, and lets cargo complete Cargo.lock: for those who change the
// project. Imports nothing outside node: and scripts/, since a fresh clone has no node_modules.

import { fileURLToPath } from 'node:url';
import { alone } from './lib/lock.mjs';
import { toStderr, toStdout } from './lib/run.mjs';
import { steps } from './lib/steps.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments, UsageError } from './lib/usage.mjs';

export const everything = ['install', 'native', 'src', 'protocols', 'examples', 'test'];
export const toRunExamples = ['install', 'native', 'src', 'protocols', 'examples'];

/** Runs the stale ones of the steps `names`; says what it does on stderr if `quiet`, else on stdout. */
export async function setUp(names = everything, { quiet = false, sayNothingToDo = !quiet } = {}) {
  const stale = () => names.filter((name) => steps[name].isStale());
  if (stale().length > 0) {
    await runSteps(names, { say: quiet ? console.error : console.log, quiet, locked: true });
  } else if (sayNothingToDo) {
    console.log('set-up: everything is up to date');
  }
}

async function build(names) {
  const unknown = names.filter((name) => !Object.hasOwn(steps, name));
  if (unknown.length === 0) return runSteps(['install', ...names], { forced: names });
  throw new UsageError(`no step is named ${unknown.join()}: ${Object.keys(steps).join(', ')}`);
}

/** Runs the steps `names` that are stale or in `forced`. */
async function runSteps(names, { say = console.log, quiet = false, locked = false, forced = [] }) {
  const run = async () => {
    for (const name of names) {
      const { title, isStale, begin, finish, run: runStep } = steps[name];
      if (!forced.includes(name) && !isStale()) continue;
      say(`set-up: ${title} …`);
      const started = performance.now();
      begin?.();
      await runStep(quiet ? toStderr : toStdout, { locked });
      finish?.();
      say(`set-up: ${title}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
  };
  await alone(run, () => say('set-up: waiting for another set-up of this clone to end'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = readArguments('npm run setup -- [STEP…]', { most: Infinity }).positionals;
  await (names.length > 0 ? build(names) : setUp()).catch(failSetUp);
}
