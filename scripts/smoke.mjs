// Runs the smoke test on the package as it is published: node scripts/smoke.mjs node|bun|deno|TARGET.
// Packs it, unpacks it beside the addon, and runs __test__/smoke there.

import { cpSync } from 'node:fs';
import { inProject } from './lib/root.mjs';
import { run, testSilence } from './lib/run.mjs';
import { commandFor, plainEnv, stagePackage } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';

const usage = 'node scripts/smoke.mjs node|bun|deno|TARGET';
const [name] = readArguments(usage, { least: 1 }).positionals;
const stage = inProject(`build/smoke/${name}`);
const [command, ...args] = await commandFor(name).catch(failSetUp);
await stagePackage(stage, {}, name).catch(failSetUp);
cpSync(inProject('__test__/smoke'), `${stage}/smoke`, { recursive: true });
const options = { cwd: stage, env: plainEnv(stage), output: 'tee', silence: testSilence };
const { code, text, hung } = await run(command, [...args, 'smoke/smoke.mjs'], options);
const isOk = code === 0 && /^smoke ok$/m.test(text);
const end = hung ? `no output for ${testSilence} s` : `code ${code}`;
console.log(`smoke: ${name} ${isOk ? 'ok' : `FAILED: ${end}`}`);
process.exitCode = isOk ? 0 : 1;
