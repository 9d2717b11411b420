// The benchmark command: prepare, measure, print, write. Called by scripts/bench.mjs. Must never measure by itself.

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { judge, judgeIdle } from './bars.mjs';
import { churn } from './churn.mjs';
import { explainCounters, findCounters } from './count.mjs';
import { echo, selectScenarios } from './echo.mjs';
import { idle } from './idle.mjs';
import { machineFacts } from './machine.mjs';
import { parseOptions, USAGE, UsageError } from './options.mjs';
import { buildPackage, buildPrograms, installRuntimes } from './prepare.mjs';
import { progressEnd } from './progress.mjs';
import { readable, selectServers } from './servers.mjs';
import { barTable, idleTable, scenarioTable } from './table.mjs';

/**
 * @typedef {object} Setup
 * @property {import('./options.mjs').Options} options
 * @property {import('./servers.mjs').ServerSpec[]} servers
 * @property {{ program: string, cpu: number }} load
 * @property {import('./count.mjs').Counters} counters
 */

/** @param {import('./options.mjs').Options} options @returns {Promise<Setup>} */
async function prepare(options) {
  const { server, load } = options.cpus;
  if (Math.max(server, load) >= availableParallelism()) {
    throw new UsageError(`--cpus ${server},${load}: there are ${availableParallelism()} CPUs here`);
  }
  // Names are checked before anything is built.
  selectServers(options, '');
  selectScenarios(options);
  const programs = await buildPrograms();
  const servers = selectServers(options, programs.floor);
  const needs = new Set(servers.flatMap((spec) => spec.needs));
  await installRuntimes(/** @type {const} */ (['bun', 'deno']).filter((name) => needs.has(name)));
  if (needs.has('edgepoll')) await buildPackage();
  return {
    options,
    servers,
    load: { program: programs.load, cpu: load },
    counters: findCounters(),
  };
}

/** @param {string} name @param {Setup} setup */
async function runBenchmark(name, setup) {
  if (name === 'idle') {
    const measured = await idle(setup);
    return { tables: [idleTable(measured)], bars: judgeIdle(measured.servers), result: measured };
  }
  const measured = await (name === 'echo' ? echo : churn)(setup);
  return {
    tables: measured.map(scenarioTable),
    bars: judge(measured),
    result: { scenarios: measured },
  };
}

/** @param {string[]} argv @returns {Promise<number>} exit code */
export async function main(argv) {
  try {
    const options = parseOptions(argv);
    if (options === undefined) {
      process.stdout.write(USAGE);
      return 0;
    }
    await runAll(options);
    return 0;
  } catch (error) {
    progressEnd();
    if (error instanceof UsageError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    console.error(`benchmark failed: ${/** @type {Error} */ (error).message}`);
    return 1;
  }
}

/** @param {import('./options.mjs').Options} options */
async function runAll(options) {
  const setup = await prepare(options);
  const machine = machineFacts();
  const startedAt = new Date().toISOString();
  /** @type {Record<string, any>} */
  const results = {};
  const bars = [];
  for (const name of options.benchmarks) {
    const { tables, bars: judged, result } = await runBenchmark(name, setup);
    progressEnd();
    results[name] = result;
    bars.push(...judged);
    console.log(`${tables.join('\n\n')}\n`);
  }
  if (bars.length > 0 && !options.check) console.log(`${barTable(bars)}\n`);
  const counting = explainCounters(setup.counters);
  if (!options.benchmarks.includes('idle') || options.benchmarks.length > 1)
    console.log(
      `System calls (calls): ${counting.syscalls}.\nInstructions: ${counting.instructions}.`,
    );
  if (options.check)
    console.log(
      'All servers answered every byte correctly. A check is too brief for its numbers to mean anything.',
    );
  if (options.json !== undefined) {
    const { json: _, ...settings } = options;
    const servers = setup.servers.map(({ name, command }) => ({
      name,
      command: readable(command),
    }));
    const document = {
      startedAt,
      finishedAt: new Date().toISOString(),
      machine,
      settings,
      servers,
      counting,
      results,
      bars,
    };
    writeFileSync(options.json, `${JSON.stringify(document, null, 1)}\n`);
  }
}
