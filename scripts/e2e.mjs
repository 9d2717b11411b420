// Installs the package as its users do, and runs it: node scripts/e2e.mjs [--only NAME,NAME] [--list]. Packs it, publishes it
// to a registry on loopback, and then every case of __test__/packages starts from an empty folder. The last line is
// `N passed, N failed`. A case that this machine cannot run is "not run", with the reason.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { broken } from '../__test__/packages/broken.mjs';
import { deno } from '../__test__/packages/deno.mjs';
import { first } from '../__test__/packages/first-minute.mjs';
import { managers } from '../__test__/packages/managers.mjs';
import { mounts } from '../__test__/packages/mounts.mjs';
import { musl } from '../__test__/packages/musl.mjs';
import { nodes } from '../__test__/packages/node-versions.mjs';
import { compilePrograms } from '../__test__/packages/programs.mjs';
import { publishAll, startRegistry } from '../__test__/packages/registry.mjs';
import { packAll } from '../__test__/packages/tarballs.mjs';
import { missingTools, requireTools } from '../__test__/packages/tools.mjs';
import { User } from '../__test__/packages/user.mjs';
import { failSetUp, SetupError } from './lib/toolchain.mjs';

const atOnce = 2;
const usage = 'usage: node scripts/e2e.mjs [--only NAME,NAME] [--list]';
const cases = Object.entries({
  ...first,
  ...managers,
  ...deno,
  ...nodes,
  ...broken,
  ...mounts,
  ...musl,
});

const { values } = readOptions();
const chosen = choose();
if (values.list) {
  for (const [name] of chosen) console.log(name);
  process.exit(0);
}

const totals = { passed: 0, failed: 0, notRun: 0 };
const folder = mkdtempSync(`${tmpdir()}/edgepoll-packages-`);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const registry = await setUp().catch(failSetUp);
const waiting = [...chosen];
await Promise.all(Array.from({ length: atOnce }, worker));
await registry.stop();
console.log(`\n${totals.notRun} not run\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

function readOptions() {
  try {
    return parseArgs({ options: { only: { type: 'string' }, list: { type: 'boolean' } } });
  } catch (error) {
    return stopWith(`${error.message}. ${usage}`);
  }
}

function choose() {
  const names = values.only?.split(',') ?? cases.map(([name]) => name);
  const unknown = names.filter((name) => !cases.some(([known]) => known === name));
  if (unknown.length > 0) {
    stopWith(`There is no case '${unknown.join(', ')}': node scripts/e2e.mjs --list names them.`);
  }
  return cases.filter(([name]) => names.includes(name));
}

function stopWith(message) {
  console.error(message);
  process.exit(2);
}

async function setUp() {
  const begun = performance.now();
  const reason = missingTools();
  if (reason !== undefined) throw new SetupError(`the end-to-end test cannot run: ${reason}`);
  await requireTools();
  const preparations = new Set(chosen.map(([, body]) => body.prepare));
  for (const prepare of preparations) await prepare?.();
  await compilePrograms();
  const started = await startRegistry(`${folder}/registry`);
  const tarballs = await packAll(`${folder}/tarballs`);
  await publishAll(`${folder}/publisher`, started, tarballs);
  console.log(`packages: published ${tarballs.length} packages, ready in ${since(begun)}`);
  return started;
}

async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await runCase(next);
}

async function runCase([name, body]) {
  const { run, missing } = typeof body === 'function' ? { run: body } : body;
  const reason = missing?.();
  if (reason !== undefined) {
    totals.notRun += 1;
    console.log(`packages: ${name}: not run, ${reason}`);
    return;
  }
  const begun = performance.now();
  const user = new User(`${folder}/${name}`, { registry: registry.url });
  try {
    const found = await run(user);
    totals.passed += 1;
    console.log(
      `packages: ${name}: ok in ${since(begun)}${found === undefined ? '' : `, ${found}`}`,
    );
  } catch (error) {
    totals.failed += 1;
    console.log(`FAIL packages: ${name}, after ${since(begun)}: ${error.stack}`);
  }
}

function since(moment) {
  return `${((performance.now() - moment) / 1000).toFixed(1)} s`;
}
