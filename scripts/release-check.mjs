// Is the project ready for a release? npm run release:check [-- --targets NAME,…] [--skip-e2e]
// Builds the addon of every target, inspects it and runs it, by qemu where the processor is another; packs all packages and
// checks them; then installs and runs them by the end-to-end test. Prints a row per target, and one verdict.

import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { packInto } from './lib/pack.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { explain, failSetUp } from './lib/toolchain.mjs';
import { everything, setUp } from './setup.mjs';
import { addonFile, targetsNamed } from './targets/list.mjs';
import { table, tryTarget } from './targets/try.mjs';

const usage = 'usage: npm run release:check -- [--targets NAME,NAME] [--skip-e2e]';
/** The most that an installation may have on the disk: the root package and one addon, unpacked. */
const mostInstalledBytes = 2_500_000;
const tarballs = inProject('build/release');
const failures = [];

const { targets, skipE2e } = readOptions();
await setUp(everything).catch(failSetUp);
const rows = [];
for (const [index, target] of targets.entries()) {
  say(`[${index + 1}/${targets.length}] ${target.name} …`);
  const row = await tryTarget(target, { say });
  rows.push(row);
  if (row.failed > 0) fail(`${row.name}: ${row.result}`);
}
await checkPackages(rows.filter(({ size }) => size !== '').map(({ name }) => name));
if (!skipE2e) await check('the end-to-end test', process.execPath, ['scripts/e2e.mjs']);
report();

function readOptions() {
  try {
    const options = { targets: { type: 'string' }, 'skip-e2e': { type: 'boolean' } };
    const { values } = parseArgs({ options });
    return {
      targets: targetsNamed(values.targets?.split(',') ?? ['all']),
      skipE2e: values['skip-e2e'] ?? false,
    };
  } catch (error) {
    console.error(`release:check: ${error.message}. ${usage}`);
    return process.exit(2);
  }
}

function say(text) {
  console.log(`release:check: ${text}`);
}

function fail(text) {
  failures.push(text);
  say(`FAILED: ${text}`);
}

/** Packs the platform packages of these targets, and the root package, and checks what npm would get. */
async function checkPackages(names) {
  if (names.length === 0) return;
  rmSync(tarballs, { recursive: true, force: true });
  say('the packages …');
  let packed;
  try {
    packed = await packInto(tarballs, names, (name) => inProject(addonFile({ name })));
  } catch (error) {
    fail(`the packages: ${explain(error)}`);
    return;
  }
  const root = packed.at(-1);
  for (const { name, tarball, unpacked } of packed) {
    await check(`publint of ${name}`, bin('publint'), [tarball, '--strict']);
    const installed = root.unpacked + unpacked;
    if (name !== root.name && installed > mostInstalledBytes) {
      fail(`${root.name} and ${name} have ${installed} bytes, more than ${mostInstalledBytes}`);
    }
  }
  const attw = [root.tarball, '--ignore-rules', 'cjs-resolves-to-esm'];
  await check(`attw of ${root.name}`, bin('attw'), attw);
}

function bin(name) {
  return inProject(`node_modules/.bin/${name}`);
}

/** Runs a program that has to succeed. */
async function check(title, command, args) {
  say(`${title} …`);
  const { code } = await run(command, args);
  if (code !== 0) fail(`${title} ended with code ${code}`);
}

function report() {
  console.log(`\n${table(rows)}\n`);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  const left = skipE2e ? ', without the end-to-end test' : '';
  console.log(
    failures.length > 0
      ? 'release:check: NOT ready'
      : `release:check: ready, ${rows.length} targets checked${left}`,
  );
  process.exitCode = failures.length > 0 ? 1 : 0;
}
