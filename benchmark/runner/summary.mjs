// Turns the raw rounds of a scenario into medians and ratios.

import { FLOOR, NODE_NET } from './servers.mjs';
import { median, spread } from './statistics.mjs';
import { isSteady } from './steady.mjs';

/** The machine had two speeds if its fastest and its slowest steady round differ by at least this factor. */
const TWO_SPEEDS = 1.5;

/** @typedef {import('./rounds.mjs').Window} Window */
/** @typedef {import('./statistics.mjs').Spread} Spread */
/** @typedef {'cpu_us' | 'rate' | 'p50_us' | 'p99_us' | 'busy' | 'waited' | 'load_busy' | 'load_waited'} Column */

/**
 * @typedef {object} Summary
 * @property {number} cpu_us
 * @property {number} user_us
 * @property {number} system_us
 * @property {number} rate
 * @property {number} p50_us
 * @property {number} p99_us
 * @property {number} busy
 * @property {Ratios | undefined} to_floor
 * @property {Ratios | undefined} to_node_net
 * @property {Record<string, number>} per_message
 * @property {number} memory_per_connection
 *
 * @typedef {{ cpu: Spread, cpu_excess_us: Spread, rate: Spread, p50: Spread, p99: Spread }} Ratios
 *
 * @typedef {object} Speed
 * @property {number} floor_us
 * @property {number} rounds
 * @property {Record<string, number>} cpu median ratio to the floor by server
 *
 * @typedef {object} ScenarioSummary
 * @property {Record<string, Summary>} servers
 * @property {number} rounds
 * @property {number} steady rounds that the ratios are made of
 * @property {Speed[]} speeds empty when the machine kept one speed
 * @property {number} disturbed share of windows in which the load had to wait for its CPU
 */

/** @param {import('./rounds.mjs').Raw} raw @returns {ScenarioSummary} */
export function summarize(raw) {
  const names = Object.keys(raw.windows);
  const rounds = raw.windows[names[0]].length;
  const all = Array.from({ length: rounds }, (_, round) => round);
  const calm = all.filter((round) => isSteadyRound(raw, round));
  // Without the floor, or without a steady round, all rounds count.
  const chosen = calm.length > 0 ? calm : all;
  const floor = raw.closing.length > 0 ? chosen.map((round) => floorAround(raw, round)) : undefined;
  const nodeNet = raw.windows[NODE_NET] && chosen.map((round) => raw.windows[NODE_NET][round]);
  const servers = Object.fromEntries(
    names.map((name) => {
      const windows = chosen.map((round) => raw.windows[name][round]);
      return [name, summarizeServer(raw, name, windows, floor, nodeNet)];
    }),
  );
  const windows = Object.values(raw.windows).flat();
  return {
    servers,
    rounds,
    steady: calm.length,
    speeds: floor ? speeds(raw, chosen, floor) : [],
    disturbed: windows.filter((window) => window.load_waited > 0.1).length / windows.length,
  };
}

/** @param {import('./rounds.mjs').Raw} raw @param {number} round */
function isSteadyRound(raw, round) {
  if (raw.closing.length === 0) return false;
  return isSteady(raw.windows[FLOOR][round].cpu_us, raw.closing[round].cpu_us);
}

/** The floor of a round: the mean of the windows that enclose it. @param {import('./rounds.mjs').Raw} raw @param {number} round */
function floorAround(raw, round) {
  const before = raw.windows[FLOOR][round];
  const after = raw.closing[round];
  const mean = (/** @type {Column} */ column) => (before[column] + after[column]) / 2;
  return {
    cpu_us: mean('cpu_us'),
    rate: mean('rate'),
    p50_us: mean('p50_us'),
    p99_us: mean('p99_us'),
  };
}

/** @typedef {Pick<Window, 'cpu_us' | 'rate' | 'p50_us' | 'p99_us'>} Base */

/** @param {Base[]} windows @param {Base[]} base the same rounds @returns {Ratios} */
function compare(windows, base) {
  const ratio = (/** @type {keyof Base} */ column) =>
    spread(windows.map((window, index) => window[column] / base[index][column]));
  return {
    cpu: ratio('cpu_us'),
    cpu_excess_us: spread(windows.map((window, index) => window.cpu_us - base[index].cpu_us)),
    rate: ratio('rate'),
    p50: ratio('p50_us'),
    p99: ratio('p99_us'),
  };
}

/**
 * @param {import('./rounds.mjs').Raw} raw
 * @param {string} name
 * @param {Window[]} windows
 * @param {Base[] | undefined} floor
 * @param {Base[] | undefined} nodeNet
 * @returns {Summary}
 */
function summarizeServer(raw, name, windows, floor, nodeNet) {
  const of = (/** @type {Column} */ column) => median(windows.map((window) => window[column]));
  const first = raw.first[name];
  const last = raw.windows[name].at(-1) ?? first;
  // The kernel samples whether time is user or system time, so the proportion is taken over all rounds together.
  const user = last.user_ticks - first.user_ticks;
  const system = last.system_ticks - first.system_ticks;
  const cpu = of('cpu_us');
  return {
    cpu_us: cpu,
    user_us: (cpu * user) / (user + system),
    system_us: (cpu * system) / (user + system),
    rate: of('rate'),
    p50_us: of('p50_us'),
    p99_us: of('p99_us'),
    busy: of('busy'),
    to_floor: floor && compare(windows, floor),
    to_node_net: nodeNet && compare(windows, nodeNet),
    per_message: raw.counts[name],
    memory_per_connection: raw.growth[name],
  };
}

/**
 * A virtual machine may have two speeds, and ratios differ between them, because the kernel's part slows down more than
 * JavaScript's. Then the summary has the ratios at each.
 * @param {import('./rounds.mjs').Raw} raw
 * @param {number[]} chosen
 * @param {Base[]} floor
 * @returns {Speed[]}
 */
function speeds(raw, chosen, floor) {
  const times = floor.map((base) => base.cpu_us);
  const fastest = Math.min(...times);
  const slowest = Math.max(...times);
  if (slowest / fastest < TWO_SPEEDS) return [];
  const border = Math.sqrt(fastest * slowest);
  return [
    (/** @type {number} */ time) => time < border,
    (/** @type {number} */ time) => time >= border,
  ].map((belongs) => {
    const indices = times.flatMap((time, index) => (belongs(time) ? [index] : []));
    const ratio = (/** @type {string} */ name) =>
      median(indices.map((index) => raw.windows[name][chosen[index]].cpu_us / times[index]));
    return {
      floor_us: median(indices.map((index) => times[index])),
      rounds: indices.length,
      cpu: Object.fromEntries(Object.keys(raw.windows).map((name) => [name, ratio(name)])),
    };
  });
}
