// The benchmark command: prepare, measure, print, write.

import { availableParallelism } from 'node:os';
import path from 'node:path';
import { judge, judgeIdle } from './bars.mjs';
import { buffers } from './buffers.mjs';
import { churn } from './churn.mjs';
import { explainCounters, findCounters } from './count.mjs';
import { echo, selectScenarios } from './echo.mjs';
import { idle } from './idle.mjs';
import { machineFacts } from './machine.mjs';
import { OWN_SERVERS, parseOptions, USAGE, UsageError } from './options.mjs';
import {
  BENCHMARK,
  buildNpmEpoll,
  buildPackage,
  buildPrograms,
  buildStore,
  installPackages,
} from './prepare.mjs';
import { progressEnd } from './progress.mjs';
import { readiness } from './readiness/readiness.mjs';
import { resp } from './resp/resp.mjs';
import { requireRedis, respServers } from './resp/servers.mjs';
import { readable, selectServers } from './servers.mjs';
import { barTable, idleTable, scenarioTable } from './table.mjs';
import { write } from './write.mjs';
import { websocketServers } from './websocket/servers.mjs';
import { websocket } from './websocket/websocket.mjs';

/**
 * @typedef {object} Setup
 * @property {import('./options.mjs').Options} options
 * @property {import('./servers.mjs').ServerSpec[]} servers
 * @property {{ program: string, cpu: number }} load
 * @property {import('./count.mjs').Counters} counters
 * @property {string} program the plain Rust side of readiness
 * @property {string} buffers the program that makes a path with a delay
 * @property {string | undefined} npmEpoll the reason why npm's epoll cannot be measured; undefined when it can
 *
 * @typedef {object} Outcome
 * @property {string[]} tables
 * @property {import('./bars.mjs').Bar[]} bars
 * @property {unknown} result
 * @property {import('./readiness/svg.mjs').Chart[]} [charts]
 */

/** @param {import('./options.mjs').Options} options @returns {Promise<Setup>} */
async function prepare(options) {
  const { server, load } = options.cpus;
  if (Math.max(server, load) >= availableParallelism()) {
    throw new UsageError(`--cpus ${server},${load}: there are ${availableParallelism()} CPUs here`);
  }
  // Names are checked before anything is built.
  const withResp = options.benchmarks.includes('resp');
  if (withResp) {
    requireRedis();
    await respServers(options.only);
  }
  const withWebSocket = options.benchmarks.includes('websocket');
  const ownServers = withWebSocket ? websocketServers(options.only) : [];
  const withServers = options.benchmarks.some((name) => !OWN_SERVERS.includes(name));
  if (withServers) selectServers(options, '');
  selectScenarios(options);
  const programs = await buildPrograms(
    /** @type {const} */ (['buffers', 'floor', 'load', 'readiness']),
  );
  const withReadiness = options.benchmarks.includes('readiness');
  const servers = withServers ? selectServers(options, programs.floor) : [];
  const needs = new Set([...servers, ...ownServers].flatMap((spec) => spec.needs));
  /** @type {import('./prepare.mjs').Pinned[]} */
  const packages = ['bun', 'deno', 'epoll', 'echarts', 'ws'];
  if (withReadiness) needs.add('epoll').add('echarts');
  await installPackages(packages.filter((name) => needs.has(name)));
  const withBuffers = options.benchmarks.includes('buffers');
  if (needs.has('edgepoll') || withReadiness || withResp || withBuffers) await buildPackage();
  if (withResp) await buildStore();
  const npmEpoll = options.parts.includes('pingpong') && withReadiness;
  return {
    options,
    servers,
    load: { program: programs.load, cpu: load },
    counters: findCounters(),
    program: programs.readiness,
    buffers: programs.buffers,
    npmEpoll: npmEpoll ? await buildNpmEpoll() : undefined,
  };
}

/** @param {string} name @param {Setup} setup @returns {Promise<Outcome>} */
async function runBenchmark(name, setup) {
  if (name === 'readiness') return readiness(setup);
  if (name === 'resp') return resp(setup);
  if (name === 'websocket') return websocket(setup);
  if (name === 'buffers') return buffers(setup);
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
async function main(argv) {
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
  /** @type {import('./bars.mjs').Bar[]} */
  const bars = [];
  /** @type {import('./readiness/svg.mjs').Chart[]} */
  const charts = [];
  for (const name of options.benchmarks) {
    const { tables, bars: judged, result, charts: drawn = [] } = await runBenchmark(name, setup);
    progressEnd();
    charts.push(...drawn);
    results[name] = result;
    bars.push(...judged);
    console.log(`${tables.join('\n\n')}\n`);
  }
  if (bars.length > 0 && !options.check) console.log(`${barTable(bars)}\n`);
  const counting = explainCounters(setup.counters);
  if (options.benchmarks.some((name) => name === 'echo' || name === 'churn'))
    console.log(
      `System calls (calls): ${counting.syscalls}.\nInstructions: ${counting.instructions}.`,
    );
  if (options.check)
    console.log(
      'Everything answered correctly. A check is too brief for its numbers to mean anything.',
    );
  const json = options.json ?? (charts.length > 0 && !options.check ? RESULT : undefined);
  if (json === undefined) return;
  const { json: _, ...settings } = options;
  const servers = setup.servers.map(({ name, command }) => ({ name, command: readable(command) }));
  const finishedAt = new Date().toISOString();
  const document = { startedAt, finishedAt, machine, settings, servers, counting, results, bars };
  await write(json, document, charts);
}

/** The file of a result with charts without `--json`. Not committed. */
const RESULT = path.join(BENCHMARK, 'results/readiness.json');

// Ends at once, even if an error left something open; children.mjs then ends the processes that were started.
process.exit(await main(process.argv.slice(2)));
