// Runs the smoke test on the package as it is published: node scripts/smoke.mjs RUNTIME… (node, bun, deno).
// Packs it, unpacks it beside the addon, and runs __test__/smoke there.

import { cpSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { plainEnv, requireRuntimes, runtimes, stagePackage } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const stage = inProject('build/smoke');
/** Seconds without output after which it hangs. */
const silence = 120;

const names = process.argv.slice(2);
if (names.length === 0 || names.some((name) => !Object.hasOwn(runtimes, name))) {
  console.error(
    `usage: node scripts/smoke.mjs RUNTIME…   runtimes: ${Object.keys(runtimes).join(' ')}`,
  );
  process.exit(2);
}

await requireRuntimes(names).catch(failSetUp);
await stagePackage(stage).catch(failSetUp);
cpSync(inProject('__test__/smoke'), `${stage}/smoke`, { recursive: true });
for (const name of names) await smoke(name);

async function smoke(name) {
  const [command, ...args] = runtimes[name]();
  const options = { cwd: stage, env: plainEnv(stage), output: 'tee', silence };
  const result = await run(command, [...args, 'smoke/smoke.mjs'], options);
  if (result.hung) fail(`${name} printed nothing for ${silence} s`);
  if (result.code !== 0) fail(`${name} ended with code ${result.code}`);
  if (!/^smoke ok$/m.test(result.text)) fail(`${name} ended without saying 'smoke ok'`);
  console.log(`smoke: ${name} ok`);
}

function fail(message) {
  console.error(`smoke: ${message}`);
  process.exit(1);
}
