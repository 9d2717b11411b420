// Is the project ready for a release? npm run release:check [-- --targets NAME,…] [--skip-e2e]
// Builds the addon of every target that this machine can build, packs all packages, checks the files and the packages,
// runs the portable suite on every target, by qemu where the processor is another, and then the end-to-end test. Prints a
// row per target, and one verdict.

import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { plainCounts } from './lib/counts.mjs';
import { packInto } from './lib/pack.mjs';
import { inProject } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { explain, failSetUp, SetupError } from './lib/toolchain.mjs';
import { everything, setUp } from './setup.mjs';
import { buildTarget, probeFile } from './targets/build.mjs';
import { addonFile, targetsNamed } from './targets/list.mjs';

const usage = 'usage: npm run release:check -- [--targets NAME,NAME] [--skip-e2e]';
/** The most that an installation may have on the disk: the root package and one addon, unpacked. */
const mostInstalledBytes = 2_500_000;
const tarballs = inProject('build/release');

const { chosen, skipE2e } = readOptions();
const rows = chosen.map((target) => ({ target, size: '', floor: '', how: '', result: '' }));
const failures = [];

await setUp(everything).catch(failSetUp);
await buildAll();
const built = rows.filter(({ result }) => result === '');
if (built.length > 0) await checkPackages();
for (const [index, row] of built.entries()) await runSuite(row, `[${index + 1}/${built.length}]`);
if (!skipE2e) await check('the end-to-end test', process.execPath, ['scripts/e2e.mjs']);
report();

function readOptions() {
  try {
    const options = { targets: { type: 'string' }, 'skip-e2e': { type: 'boolean' } };
    const { values } = parseArgs({ options });
    return {
      chosen: targetsNamed(values.targets?.split(',') ?? ['all']),
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

async function buildAll() {
  for (const [index, row] of rows.entries()) {
    const { name } = row.target;
    say(`[${index + 1}/${rows.length}] ${name}: build …`);
    try {
      const { size, floor } = await buildTarget(row.target);
      Object.assign(row, { size: megabytes(size), floor });
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      row.result = 'not built';
      fail(`${name}: ${explain(error).trim().split('\n').at(-1)}`);
    }
  }
}

async function checkPackages() {
  say('pack …');
  rmSync(tarballs, { recursive: true, force: true });
  const names = built.map(({ target }) => target.name);
  const packed = await packInto(tarballs, names, (name) => inProject(addonFile({ name }))).catch(
    failSetUp,
  );
  const root = packed.at(-1);
  for (const { name, unpacked, tarball } of packed) {
    await check(`publint of ${name}`, bin('publint'), [tarball, '--strict']);
    const installed = root.unpacked + unpacked;
    if (name !== root.name && installed > mostInstalledBytes) {
      fail(`${name} and ${root.name} have ${installed} bytes, more than ${mostInstalledBytes}`);
    }
  }
  const attw = [root.tarball, '--ignore-rules', 'cjs-resolves-to-esm'];
  await check(`attw of ${root.name}`, bin('attw'), attw);
  say(
    `largest installation: ${megabytes(root.unpacked + Math.max(...packed.slice(0, -1).map(({ unpacked }) => unpacked)))}`,
  );
}

function bin(name) {
  return inProject(`node_modules/.bin/${name}`);
}

/** Runs a program that has to succeed. Returns its output. */
async function check(title, command, args, options = {}) {
  say(`${title} …`);
  const { code, text } = await run(command, args, { output: 'tee', ...options });
  if (code !== 0) fail(`${title} ended with code ${code}`);
  return text;
}

/** Runs the addon of one target: the portable suite, and the probe of its unwinding. */
async function runSuite(row, place) {
  const { name } = row.target;
  row.how = howItRuns(row.target);
  const probe = ['scripts/targets/run.mjs', name, '-e', `require('./${probeFile(row.target)}')`];
  await check(`${place} ${name}: panics are caught`, process.execPath, probe);
  const title = `${place} ${name}: the portable suite`;
  const text = await check(title, process.execPath, ['scripts/portable.mjs', name]);
  const { passed, failed } = plainCounts(text);
  row.result = `${passed} passed, ${failed} failed`;
}

function howItRuns({ node, qemu }) {
  const runtime = node === 'installed' ? `Node.js ${process.versions.node}` : `Node.js of ${node}`;
  return qemu === undefined ? runtime : `${runtime}, qemu-${qemu}`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** The rows of the table, in columns. */
function table(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join(' | ')
        .trimEnd(),
    )
    .join('\n');
}

function report() {
  const cells = rows.map(({ target, size, floor, how, result }) => [
    target.name,
    size,
    floor,
    how,
    result,
  ]);
  console.log(`\n${table([['target', 'size', 'floor', 'how it was run', 'result'], ...cells])}\n`);
  if (failures.length > 0) {
    for (const failure of failures) console.log(`FAILED: ${failure}`);
    console.log('release:check: NOT ready');
    process.exitCode = 1;
    return;
  }
  const left = skipE2e ? ', without the end-to-end test' : '';
  console.log(`release:check: ready, ${rows.length} targets checked${left}`);
}
