// Tries the package with bundlers, single executables and test runners: node scripts/hosts.mjs [--only NAME,NAME] [--list]. NAME is a case,
// or a tool for all of its cases. Packs the package, makes a user's project with it, and each case of __test__/hosts builds and runs
// a program there. docs/packaging.md has what the cases show. The last line is `N passed, N failed`.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { bun } from '../__test__/hosts/bun.mjs';
import { nodeCluster } from '../__test__/hosts/cluster.mjs';
import { electron } from '../__test__/hosts/electron.mjs';
import { esbuild } from '../__test__/hosts/esbuild.mjs';
import { Case, NotRun, requireTools, stageProject } from '../__test__/hosts/project.mjs';
import { rolldown, rollup, vite } from '../__test__/hosts/rollup.mjs';
import { jest, nodeTest, vitest } from '../__test__/hosts/runners.mjs';
import { sea } from '../__test__/hosts/sea.mjs';
import { stripTypes, tsNode, tsx } from '../__test__/hosts/typescript.mjs';
import { ncc, nft } from '../__test__/hosts/vercel.mjs';
import { webpack } from '../__test__/hosts/webpack.mjs';
import { failSetUp } from './lib/toolchain.mjs';

const atOnce = 2;
const usage = 'usage: node scripts/hosts.mjs [--only NAME,NAME] [--list]';
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
const cases = Object.entries(hosts).flatMap(([tool, ofTool]) =>
  Object.entries(ofTool).map(([name, body]) => ({ tool, name: `${tool}-${name}`, body })),
);

const { values } = readOptions();
const chosen = choose();
if (values.list) {
  for (const { name } of chosen) console.log(name);
  process.exit(0);
}

const totals = { passed: 0, failed: 0, notRun: 0 };
// Not in the clone, whose node_modules and settings the tools would find.
const project = mkdtempSync(`${realpathSync(tmpdir())}/edgepoll-hosts-`);
process.on('exit', () => rmSync(project, { recursive: true, force: true }));
await setUp().catch(failSetUp);
const waiting = [...chosen];
await Promise.all(Array.from({ length: atOnce }, worker));
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
  const asked = values.only?.split(',') ?? Object.keys(hosts);
  const isAsked = (word) => (each) => each.tool === word || each.name === word;
  const unknown = asked.filter((word) => !cases.some(isAsked(word)));
  if (unknown.length > 0) {
    stopWith(`There is no case '${unknown.join(', ')}': node scripts/hosts.mjs --list names them.`);
  }
  return cases.filter((each) => asked.some((word) => isAsked(word)(each)));
}

function stopWith(message) {
  console.error(message);
  process.exit(2);
}

async function setUp() {
  const begun = performance.now();
  await requireTools();
  await stageProject(project);
  console.log(`hosts: made the project in ${since(begun)}`);
}

async function worker() {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await runCase(next);
}

async function runCase({ name, body }) {
  const begun = performance.now();
  const tried = new Case(name, project);
  try {
    await body(tried);
    totals.passed += 1;
    console.log(`hosts: ${name}: ok in ${since(begun)}`);
  } catch (error) {
    if (error instanceof NotRun) {
      totals.notRun += 1;
      console.log(`hosts: ${name}: not run, ${error.message}`);
    } else {
      totals.failed += 1;
      console.log(`FAIL hosts: ${name}, after ${since(begun)}: ${error.stack}`);
    }
  } finally {
    tried.clear();
  }
}

function since(moment) {
  return `${((performance.now() - moment) / 1000).toFixed(1)} s`;
}
