// Builds the named steps, stale or not, and lets cargo complete Cargo.lock: for people who change
// the project. Called by the `build…` commands of package.json: node scripts/build.mjs STEP…

import { alone } from './lib/lock.mjs';
import { steps } from './lib/steps.mjs';
import { requireNode } from './lib/toolchain.mjs';
import { failSetUp, runStep } from './setup.mjs';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(steps, name));
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: node scripts/build.mjs STEP…   steps: ${Object.keys(steps).join(' ')}`);
  process.exit(2);
}

const build = async () => {
  requireNode();
  if (steps.install.isStale()) await runStep('install');
  for (const name of names) await runStep(name);
};
await alone(build, (pid) => console.log(`build: waiting for process ${pid}`)).catch(failSetUp);
