// Runs the smoke tests on the packages as they are published: node scripts/smoke.mjs node|bun|deno|TARGET.
// Packs them, unpacks them beside their addons, and runs __test__/smoke there.

import { cpSync } from 'node:fs';
import { packagesWithAddons } from './lib/addons.mjs';
import { inProject } from './lib/root.mjs';
import { run, testSilence } from './lib/run.mjs';
import { commandFor, plainEnv, stagePackage } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';

const usage = 'node scripts/smoke.mjs node|bun|deno|TARGET';
const [name] = readArguments(usage, { least: 1 }).positionals;
const stage = inProject(`build/smoke/${name}`);
const [command, ...args] = await commandFor(name).catch(failSetUp);
const packages = packagesWithAddons.map((one) => one.name);
await stagePackage(stage, {}, name, packages).catch(failSetUp);
cpSync(inProject('__test__/smoke'), `${stage}/smoke`, { recursive: true });
const options = { cwd: stage, env: plainEnv(stage), output: 'tee', silence: testSilence };
let failed = '';
for (const program of ['smoke', 'protocols']) {
  const { code, text, hung } = await run(command, [...args, `smoke/${program}.mjs`], options);
  const isOk = code === 0 && text.split('\n').includes(`${program} ok`);
  const end = hung ? `no output for ${testSilence} s` : `code ${code}`;
  if (!isOk) failed += ` ${program}.mjs: ${end}`;
}
console.log(`smoke: ${name} ${failed === '' ? 'ok' : `FAILED:${failed}`}`);
process.exitCode = failed === '' ? 0 : 1;
