// The command `npm run attack`: prepare, attack each server, print, write.

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { machineFacts } from '../machine.mjs';
import { UsageError } from '../options.mjs';
import { BENCHMARK, buildPackage, buildPrograms, installPackages } from '../prepare.mjs';
import { progressEnd } from '../progress.mjs';
import { attack } from './attack.mjs';
import { hasPriority } from './clients.mjs';
import { parseOptions, USAGE } from './options.mjs';
import { attacked } from './servers.mjs';
import { attackTable, hostileTable } from './table.mjs';

/**
 * @typedef {object} Setup
 * @property {import('./options.mjs').Options} options
 * @property {import('../prepare.mjs').Programs} programs
 */

/** @param {import('./options.mjs').Options} options */
async function prepare(options) {
  const { server, load } = options.cpus;
  if (Math.max(server, load) >= availableParallelism())
    throw new UsageError(`--cpus ${server},${load}: there are ${availableParallelism()} CPUs here`);
  const programs = await buildPrograms();
  const servers = options.only.map((name) => attacked(name, programs));
  const needs = new Set(servers.flatMap((spec) => spec.needs));
  if (needs.has('bun')) await installPackages(['bun']);
  if (needs.has('edgepoll')) await buildPackage();
  return { programs, servers };
}

/** @param {import('./options.mjs').Options} options */
async function run(options) {
  const { programs, servers } = await prepare(options);
  const machine = machineFacts();
  const startedAt = new Date().toISOString();
  if (!hasPriority())
    console.error(
      'The well-behaved clients have no real-time priority here, and wait for their CPU.',
    );
  const attacks = options.each ? options.kinds.map((kind) => [kind]) : [options.kinds];
  const results = [];
  for (const kinds of attacks) {
    const all = [];
    for (const spec of servers) all.push(await attack(spec, { options, programs }, kinds));
    progressEnd();
    results.push(...all);
    const what = kinds.length > 1 ? 'clients of mixed kinds' : `clients of the kind ${kinds[0]}`;
    const title = `${options.clients.toLocaleString('en-US')} ${what} for ${options.seconds} s`;
    console.log(`${attackTable(title, all)}\n`);
    console.log(`${all.map(hostileTable).join('\n')}\n`);
  }
  const file = options.json ?? path.join(BENCHMARK, 'results/attack.json');
  const { json: _, ...settings } = options;
  const document = { startedAt, finishedAt: new Date().toISOString(), machine, settings, results };
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify(document, null, 1)}\n`);
  console.log(`Written: ${file}`);
}

/** @param {string[]} argv @returns {Promise<number>} exit code */
async function main(argv) {
  try {
    const options = parseOptions(argv);
    if (options === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    await run(options);
    return 0;
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
