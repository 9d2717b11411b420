// Is the project ready for a release? npm run release:check [-- --targets NAME,…] [--skip-portable] [--skip-e2e]
// Builds the addon of every target, inspects it and runs it, by qemu where the processor is another; packs all packages and
// checks them; then installs and runs them by the end-to-end test, and tries them with bundlers and other hosts. Prints a row per
// target, and one verdict. If this machine cannot build or run one target, the others are checked all the same, and the verdict is
// "NOT ready". It is "ready" only if nothing was left out.

import { rmSync } from 'node:fs';
import { since } from './lib/cases.mjs';
import { targetAddon } from './lib/addons.mjs';
import { packInto } from './lib/pack.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { explain, failSetUp } from './lib/toolchain.mjs';
import { readArguments } from './lib/usage.mjs';
import { everything, setUp } from './setup.mjs';
import { targets as allTargets, targetsNamed } from './targets/list.mjs';
import { table, tryTarget } from './targets/try.mjs';

const usage = 'npm run release:check -- [--targets NAME,NAME] [--skip-portable] [--skip-e2e]';
/** The most that an installation of a package may have on the disk: the package and its addon for one platform, unpacked. */
const mostInstalledBytes = 2_500_000;
const tarballs = inProject('build/release');
const failures = [];
/** What the verdict does not cover. */
const leftOut = [];

const begun = performance.now();
const { targets, skipPortable, skipE2e } = readOptions();
await setUp(everything).catch(failSetUp);
const rows = [];
for (const [index, target] of targets.entries()) {
  say(`[${index + 1}/${targets.length}] ${target.name} …`);
  const row = await tryTarget(target, { portable: skipPortable ? 'none' : 'all', say });
  rows.push(row);
  if (row.failed > 0) fail(`${row.name}: ${row.result}`);
}
if (targets.length < allTargets.length) leftOut.push('the other targets');
if (skipPortable) leftOut.push('the portable suite');
await checkPackages(rows.filter(({ size }) => size !== '').map(({ name }) => name));
if (skipE2e) leftOut.push('the end-to-end test', 'the bundlers and hosts');
else {
  await checkCases('the end-to-end test', 'scripts/e2e.mjs');
  await checkCases('the bundlers and hosts', 'scripts/hosts.mjs');
}
report();

function readOptions() {
  const options = {
    targets: { type: 'string' },
    'skip-portable': { type: 'boolean' },
    'skip-e2e': { type: 'boolean' },
  };
  const { values } = readArguments(usage, { options });
  try {
    return {
      targets: targetsNamed(values.targets?.split(',') ?? ['all']),
      skipPortable: values['skip-portable'] ?? false,
      skipE2e: values['skip-e2e'] ?? false,
    };
  } catch (error) {
    return failSetUp(error);
  }
}

function say(text) {
  console.log(`release:check: ${text}`);
}

function fail(text) {
  failures.push(text);
  say(`FAILED: ${text}`);
}

/** Packs all packages, with the platform packages of these targets, and checks what npm would get. */
async function checkPackages(targetNames) {
  rmSync(tarballs, { recursive: true, force: true });
  say('the packages …');
  let packed;
  try {
    const addonFile = (target, one) => inProject(targetAddon(target, one));
    packed = await packInto(tarballs, targetNames, { addonFile });
  } catch (error) {
    fail(`the packages: ${explain(error)}`);
    return;
  }
  const sizes = new Map(packed.map(({ name, unpacked }) => [name, unpacked]));
  for (const { name, tarball, unpacked } of packed) {
    await check(`publint of ${name}`, bin('publint'), [tarball, '--strict']);
    const target = targetNames.find((each) => name.endsWith(`-${each}`));
    if (target === undefined) continue;
    const whole = name.slice(0, -target.length - 1);
    const installed = sizes.get(whole) + unpacked;
    say(`${whole} and ${name} have ${installed} bytes on the disk`);
    if (installed > mostInstalledBytes) {
      fail(`${whole} and ${name} have ${installed} bytes, more than ${mostInstalledBytes}`);
    }
  }
  for (const { name, tarball } of packed.filter(isImported)) {
    await check(`attw of ${name}`, bin('attw'), [tarball, '--ignore-rules', 'cjs-resolves-to-esm']);
  }
}

/** Whether programs import a package: it has types. */
function isImported({ files }) {
  return files.some((file) => file.endsWith('.d.ts'));
}

function bin(name) {
  return inProject(`node_modules/.bin/${name}`);
}

/** Runs a script with cases, of which this machine may not run all. */
async function checkCases(title, script) {
  const { text } = await check(title, process.execPath, [script], 'tee');
  const notRun = Number(/^(\d+) not run$/m.exec(text)?.[1] ?? 0);
  if (notRun > 0) leftOut.push(`cases of ${title} (${notRun}, see above)`);
}

/** Runs a program that has to succeed. `output` is that of run(). */
async function check(title, command, args, output) {
  say(`${title} …`);
  const ended = await run(command, args, { output });
  if (ended.code !== 0) fail(`${title} ended with code ${ended.code}`);
  return ended;
}

function report() {
  console.log(`\n${table(rows)}\n`);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  const left = leftOut.length > 0 ? `, without ${leftOut.join(', ')}` : '';
  const checked = `${rows.length} of ${allTargets.length} targets checked in ${since(begun)}${left}`;
  const passed = leftOut.length > 0 ? 'nothing failed' : 'ready';
  say(`${failures.length > 0 ? 'NOT ready' : passed}, ${checked}`);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
