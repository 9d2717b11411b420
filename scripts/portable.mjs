// Runs the specs of the readiness layer and of protocols where ava cannot run: node scripts/portable.mjs RUNTIME|TARGET [--quick |
// FILE…]. The runtime is bun or deno, or node to see what the stand-in for ava does. A target is tried with its own addon and Node.js.
// `--quick` leaves out the specs that take longest where the processor is emulated.
// Stages edgepoll and the protocols as their users get them, puts the compiled specs and the probe beside them, with
// __test__/portable in ava's place, and runs each file as a process of its own. The last line is `N passed, N failed`.

import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { packagesWithAddons } from './lib/addons.mjs';
import { inProject } from './lib/root.mjs';
import { plainCounts } from './lib/counts.mjs';
import { run, testSilence } from './lib/run.mjs';
import { probeFile } from './lib/protocols.mjs';
import { commandFor, plainEnv, stagePackage } from './lib/runtimes.mjs';
import { failSetUp } from './lib/toolchain.mjs';
import { readArguments, refuseArguments } from './lib/usage.mjs';
import { protocolProbeFile } from './targets/build.mjs';
import { leftOutOf } from './targets/limits.mjs';
import { targets } from './targets/list.mjs';

/** The specs, as paths in __test__ without `.spec`; a star stands for any file of the folder. */
const chosenSpecs = [
  'epoll/*',
  'fd/*',
  'kernel/*',
  'readiness/*',
  'process/descriptors',
  'process/pollers-in-workers',
  'process/stdio',
  'protocols/*',
];
/** The spec among these that builds packages with cargo and npm. */
const inClonesOnly = 'protocols/template';
/** Specs among these that replace timers of Node.js or need its event loop. */
const onNodeOnly = new Set(['readiness/every-second', 'readiness/failed-waits']);
/** The specs that take longest under qemu, most of them because they start many processes, and one with no test that runs there. */
const slow = new Set([
  'epoll/process',
  'fd/broken-pipe',
  'fd/created',
  'fd/error-queue-beside-messages',
  'fd/error-queue-idle',
  'fd/owned',
  'fd/shared-flags',
  'fd/signals',
  'process/descriptors',
  'process/pollers-in-workers',
  'process/stdio',
  'protocols/names',
  'protocols/workers',
  'readiness/batches',
  'readiness/identity',
  'readiness/late-consumer',
  'readiness/lifetime',
  'readiness/poll-timeout',
  'readiness/refused',
  'readiness/register-arguments',
  'readiness/replaced-immediate',
  'readiness/scale',
  'readiness/semantics',
  'readiness/wake-up',
]);

const atOnce = 2;
/** An emulated processor is slower by so much, and the time limits of tests are longer. */
const patience = 8;
/** So many tests of a file run at once there. A test's time counts from its start, and tests that start processes slow each other. */
const testsAtOnce = 4;
const options = { quick: { type: 'boolean', default: false } };
const usage = 'node scripts/portable.mjs node|bun|deno|TARGET [--quick | FILE…]';
const { values, positionals } = readArguments(usage, { options, least: 1, most: Infinity });
const [name, ...asked] = positionals;
if (values.quick && asked.length > 0)
  refuseArguments(`--quick chooses the files itself: name none. usage: ${usage}`);
const target = targets.find((one) => one.name === name);
const isEmulated = target?.qemu !== undefined;
const stage = inProject(`build/portable/${name}`);
const specs = 'build/__test__';

const start = await commandFor(name).catch(failSetUp);
const packages = packagesWithAddons.map((one) => one.name);
await stagePackage(stage, { ava: '0.0.0' }, name, packages).catch(failSetUp);
stageSpecs();

const files = asked.length > 0 ? asked : chosen();
const totals = { passed: 0, failed: 0, skipped: 0 };
const waiting = [...files];
await Promise.all(Array.from({ length: atOnce }, worker));
console.log(`\nportable: ${files.length} files under ${name}, ${totals.skipped} skipped`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

/** Copies the specs to the same place below the staged project: they find other files by relative paths. */
function stageSpecs() {
  cpSync(inProject(specs), `${stage}/${specs}`, { recursive: true });
  const probe = target === undefined ? probeFile : protocolProbeFile(target);
  cpSync(inProject(probe), `${stage}/${probeFile}`);
  // Programs in Python that specs start.
  const support = '__test__/support';
  for (const file of readdirSync(inProject(support)).filter((found) => found.endsWith('.py')))
    cpSync(inProject(`${support}/${file}`), `${stage}/${support}/${file}`);
  const ava = `${stage}/node_modules/ava`;
  mkdirSync(ava);
  const description = { name: 'ava', version: '0.0.0', type: 'module', exports: './index.js' };
  writeFileSync(`${ava}/package.json`, JSON.stringify(description));
  writeFileSync(`${ava}/index.js`, `export { default } from '../../${specs}/portable/ava.js';\n`);
}

function chosen() {
  const patterns = chosenSpecs.map(
    (glob) => new RegExp(`^${glob.replace('*', '[^/]*')}\\.spec\\.js$`),
  );
  return readdirSync(inProject(specs), { recursive: true })
    .filter((file) => patterns.some((pattern) => pattern.test(file)))
    .filter((file) => file !== `${inClonesOnly}.spec.js`)
    .filter((file) => !onNodeOnly.has(file.replace('.spec.js', '')))
    .filter((file) => !values.quick || !slow.has(file.replace('.spec.js', '')))
    .toSorted();
}

/** The environment of a spec file where qemu emulates the processor: other limits, and the tests that are left out. */
function emulation(file) {
  const leftOut = leftOutOf(file.replace('.spec.js', ''), name);
  return {
    EDGEPOLL_PATIENCE: patience,
    EDGEPOLL_TESTS_AT_ONCE: testsAtOnce,
    EDGEPOLL_LEFT_OUT: JSON.stringify(leftOut),
  };
}

async function worker() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runFile(file);
}

async function runFile(file) {
  const [command, ...args] = start;
  // Tests of lifetimes call gc().
  args.push(name === 'deno' ? '--v8-flags=--expose-gc' : '--expose-gc');
  const began = performance.now();
  const env = { ...plainEnv(stage), ...(isEmulated ? emulation(file) : {}) };
  const silence = isEmulated ? testSilence * patience : testSilence;
  const { code, text, hung } = await run(
    command,
    [...args, `${specs}/portable/run.js`, `${specs}/${file}`],
    { cwd: stage, env, output: 'keep', silence },
  );
  const counts = plainCounts(text);
  const skipped = Number(/^(\d+) skipped$/m.exec(text)?.[1] ?? 0);
  // An error without a failed test is one failure, and so is a file without tests.
  const isRed = code !== 0 || counts.passed + skipped === 0;
  const failed = Math.max(counts.failed, isRed ? 1 : 0);
  totals.passed += counts.passed;
  totals.failed += failed;
  totals.skipped += skipped;
  const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
  const ended = hung ? `, no output for ${silence} s` : `, code ${code}`;
  const lines = text.split('\n');
  const shown = failed > 0 ? lines : lines.filter((line) => line.startsWith('  - '));
  if (shown.length > 0) console.log(shown.join('\n'));
  console.log(
    `portable: ${file}: ${counts.passed} passed, ${failed} failed, ${skipped} skipped, ${took}${failed > 0 ? ended : ''}`,
  );
}
