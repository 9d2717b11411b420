// Tries the package with bundlers, single executables and test runners: node scripts/hosts.mjs [--only NAME,NAME] [--list]. NAME is a case,
// or a tool for all of its cases. Packs the package, makes a user's project with it, and each case of __test__/hosts builds and runs
// a program there. docs/packaging.md has what the cases show. The last line is `N passed, N failed`.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { bun } from '../__test__/hosts/bun.mjs';
import { nodeCluster } from '../__test__/hosts/cluster.mjs';
import { electron } from '../__test__/hosts/electron.mjs';
import { esbuild } from '../__test__/hosts/esbuild.mjs';
import { Case, requireTools, stageProject } from '../__test__/hosts/project.mjs';
import { rolldown, rollup, vite } from '../__test__/hosts/rollup.mjs';
import { jest, nodeTest, vitest } from '../__test__/hosts/runners.mjs';
import { sea } from '../__test__/hosts/sea.mjs';
import { stripTypes, tsNode, tsx } from '../__test__/hosts/typescript.mjs';
import { ncc, nft } from '../__test__/hosts/vercel.mjs';
import { webpack } from '../__test__/hosts/webpack.mjs';
import { chosenCases, reportTotals, runCases, since } from './lib/cases.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const bundlers = { esbuild, webpack, rollup, rolldown, vite, ncc, nft, bun, sea };
const hosts = {
  ...bundlers,
  tsx,
  'ts-node': tsNode,
  'strip-types': stripTypes,
  jest,
  vitest,
  'node-test': nodeTest,
  'node-cluster': nodeCluster,
  electron,
};
const cases = Object.entries(hosts).flatMap(([group, ofTool]) =>
  Object.entries(ofTool).map(([name, body]) => ({ group, name: `${group}-${name}`, body })),
);

const chosen = chosenCases('scripts/hosts.mjs', cases);
// Not in the clone, whose node_modules and settings the tools would find.
const project = mkdtempSync(`${realpathSync(tmpdir())}/edgepoll-hosts-`);
process.on('exit', () => rmSync(project, { recursive: true, force: true }));
await setUp().catch(failSetUp);
reportTotals(await runCases('hosts', chosen, runCase));

async function setUp() {
  const begun = performance.now();
  await requireTools();
  await stageProject(project);
  console.log(`hosts: made the project in ${since(begun)}`);
}

async function runCase({ name, body }) {
  const tried = new Case(name, project);
  try {
    await body(tried);
  } finally {
    tried.clear();
  }
}
