// The command `npm run attack`: prepare, attack each server, print, write.

import path from 'node:path';
import { machineFacts } from '../machine.mjs';
import { UsageError } from '../options.mjs';
import { BENCHMARK, buildPackage, buildPrograms, installPackages } from '../prepare.mjs';
import { progressEnd } from '../progress.mjs';
import { barTable } from '../table.mjs';
import { write } from '../write.mjs';
import { attack } from './attack.mjs';
import { judge } from './bars.mjs';
import { kindChart, timeChart } from './charts.mjs';
import { faultOf } from './check.mjs';
import { hasPriority } from './clients.mjs';
import { parseOptions, USAGE } from './options.mjs';
import { attacked, RUST } from './servers.mjs';
import { attackTable, hostileTable } from './table.mjs';

/**
 * @typedef {object} Setup
 * @property {import('./options.mjs').Options} options
 * @property {{ hostile: string, well_behaved: string, guarded?: string }} programs
 */

/** @param {import('./options.mjs').Options} options */
async function prepare(options) {
  const withRust = options.only.includes(RUST);
  const clients = /** @type {const} */ (['hostile', 'well_behaved']);
  const programs = await buildPrograms(withRust ? [...clients, 'guarded'] : clients);
  const servers = options.only.map((name) => attacked(name, programs, options.deadlines));
  const needs = new Set(servers.flatMap((spec) => spec.needs));
  /** @type {import('../prepare.mjs').Pinned[]} */
  const packages = options.check ? [] : ['echarts'];
  if (needs.has('bun')) packages.push('bun');
  await installPackages(packages);
  if (needs.has('edgepoll')) await buildPackage();
  return { programs, servers };
}

/** @param {import('./options.mjs').Options} options @returns {Promise<boolean>} whether all is well; only a check finds that it is not */
async function run(options) {
  const { programs, servers } = await prepare(options);
  const machine = machineFacts();
  const startedAt = new Date().toISOString();
  if (!hasPriority())
    console.error(
      'The well-behaved clients have no real-time priority here, and wait for their CPU.',
    );
  const count = options.clients.toLocaleString('en-US');
  const attacks = options.each ? options.kinds.map((kind) => [kind]) : [options.kinds];
  const results = [];
  const bars = [];
  for (const kinds of attacks) {
    const all = [];
    for (const spec of servers) all.push(await attack(spec, { options, programs }, kinds));
    progressEnd();
    results.push(...all);
    bars.push(...judge(all));
    const what = kinds.length > 1 ? 'clients of mixed kinds' : `clients of the kind ${kinds[0]}`;
    console.log(`${attackTable(`${count} ${what} for ${options.seconds} s`, all)}\n`);
    if (!options.check) console.log(`${all.map(hostileTable).join('\n')}\n`);
  }
  if (options.check) return check(results);
  console.log(`${barTable(bars)}\n`);
  const chart = options.each
    ? kindChart(`${count} hostile clients of one kind`, results)
    : timeChart('attack', `${count} hostile clients for ${options.seconds} s`, results);
  const { json, ...settings } = options;
  const finishedAt = new Date().toISOString();
  const document = { startedAt, finishedAt, machine, settings, results, bars };
  await write(json ?? path.join(BENCHMARK, 'results/attack.json'), document, [chart]);
  return true;
}

/** Prints what a short attack has found. @param {import('./attack.mjs').Attacked[]} results */
function check(results) {
  const faults = results.map(faultOf).filter((fault) => fault !== undefined);
  for (const fault of faults) console.error(`attack: ${fault}`);
  console.log(`${results.length - faults.length} passed, ${faults.length} failed`);
  return faults.length === 0;
}

/** @param {string[]} argv @returns {Promise<number>} exit code */
async function main(argv) {
  try {
    const options = parseOptions(argv);
    if (options === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    return (await run(options)) ? 0 : 1;
  } catch (error) {
    progressEnd();
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    console.error(`attack failed: ${/** @type {Error} */ (error).message}`);
    return 1;
  }
}

// Ends at once, even if an error left something open; children.mjs then ends the processes that were started.
process.exit(await main(process.argv.slice(2)));
