// Installs the packages as their users do, and runs them: node scripts/e2e.mjs [--only NAME,NAME] [--list]. Packs them, publishes them
// to a registry on loopback, and then every case of __test__/packages starts from an empty folder. The last line is
// `N passed, N failed`. A case that this machine cannot run is "not run", with the reason.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { broken } from '../__test__/packages/broken.mjs';
import { deno } from '../__test__/packages/deno.mjs';
import { first } from '../__test__/packages/first-minute.mjs';
import { managers } from '../__test__/packages/managers.mjs';
import { mounts } from '../__test__/packages/mounts.mjs';
import { musl } from '../__test__/packages/musl.mjs';
import { nodes } from '../__test__/packages/node-versions.mjs';
import { plugins, published } from '../__test__/packages/plugins.mjs';
import { compilePrograms } from '../__test__/packages/programs.mjs';
import { publishAll, startRegistry } from '../__test__/packages/registry.mjs';
import { packAll } from '../__test__/packages/tarballs.mjs';
import { missingTools, requireTools } from '../__test__/packages/tools.mjs';
import { User } from '../__test__/packages/user.mjs';
import { chosenCases, NotRun, reportTotals, runCases, since } from './lib/cases.mjs';
import { failSetUp, SetupError } from './lib/toolchain.mjs';

const cases = {
  ...first,
  ...managers,
  ...deno,
  ...nodes,
  ...broken,
  ...mounts,
  ...musl,
  ...plugins,
};

const chosen = chosenCases(
  'scripts/e2e.mjs',
  Object.entries(cases).map(([name, body]) => ({ name, body })),
);
const folder = mkdtempSync(`${tmpdir()}/edgepoll-packages-`);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const registry = await setUp().catch(failSetUp);
const totals = await runCases('packages', chosen, runCase);
await registry.stop();
reportTotals(totals);

async function setUp() {
  const begun = performance.now();
  console.log('packages: looking for the tools, which npm installs if they are missing …');
  const reason = missingTools();
  if (reason !== undefined) throw new SetupError(`the end-to-end test cannot run: ${reason}`);
  await requireTools();
  const preparations = new Set(chosen.map(({ body }) => body.prepare));
  for (const prepare of preparations) await prepare?.();
  await compilePrograms();
  const started = await startRegistry(`${folder}/registry`);
  const tarballs = await packAll(`${folder}/tarballs`);
  await publishAll(`${folder}/publisher`, started, [...tarballs, ...published]);
  console.log(`packages: published ${tarballs.length} packages, ready in ${since(begun)}`);
  return started;
}

async function runCase({ name, body }) {
  const { run, missing } = typeof body === 'function' ? { run: body } : body;
  const reason = missing?.();
  if (reason !== undefined) throw new NotRun(reason);
  return await run(new User(`${folder}/${name}`, { registry: registry.url }));
}
