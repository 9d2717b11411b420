// Builds the named steps, stale or not, and lets cargo complete Cargo.lock: for those who change the project.

import { alone } from './lib/lock.mjs';
import { steps } from './lib/steps.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { runStep } from './setup.mjs';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(steps, name));
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: node scripts/build.mjs STEP…   steps: ${Object.keys(steps).join(' ')}`);
  process.exit(2);
}

const build = async () => {
  if (steps.install.isStale()) await runStep('install');
  for (const name of names) await runStep(name);
};
await alone(build, () => console.log('build: waiting for another set-up to end')).catch(failSetUp);
