// Timed rounds of one scenario. In every round the floor comes first, then each other server once, in a rotating order;
// the next round's floor closes the round. Windows are short and follow each other closely: a shared machine may
// run twice as fast from one second to the next, and only measurements of the same moment can be compared.

import { countPerMessage } from './count.mjs';
import { Load } from './load-process.mjs';
import { progress } from './progress.mjs';
import { mediansOf } from './statistics.mjs';
import { FLOOR } from './servers.mjs';

/**
 * @typedef {object} Window one window of one server
 * @property {number} cpu_us CPU time of the server per message
 * @property {number} rate messages per second
 * @property {number} p50_us
 * @property {number} p99_us
 * @property {number} max_us
 * @property {number} busy share of the window that the server was on its CPU
 * @property {number} waited share of the window that it was ready and something else had its CPU
 * @property {number} load_busy
 * @property {number} load_waited
 * @property {number} user_ticks since the process started
 * @property {number} system_ticks since the process started
 * @property {number} rss_bytes
 *
 * @typedef {object} Raw
 * @property {Record<string, Window[]>} windows by server, one a round
 * @property {Window[]} closing the floor's windows that follow each round; empty without the floor
 * @property {Record<string, Window>} first the window before the first round, by server
 * @property {Record<string, number>} growth of resident memory per connection when the connections first came
 * @property {Record<string, Record<string, number>>} counts per message
 *
 * @typedef {object} Context
 * @property {import('./server-process.mjs').Server[]} servers
 * @property {import('./load-process.mjs').LoadProgram} load
 * @property {import('./count.mjs').Counters} counters
 * @property {number} rounds
 * @property {number} seconds
 * @property {boolean} check
 */

/** The time between the first message and the begin of a window. */
const WARMUP = 0.02;
/** Windows of counting for every server. Several, because the number of messages in a batch varies. */
const COUNTED_ROUNDS = 5;
/** The warm-up before the first window, in which the JavaScript engines compile. */
const FIRST_WARMUP = 1;

/** @param {import('./load-process.mjs').LoadReport} report @returns {Window} */
function derive({ count, seconds, rate, p50_ns, p99_ns, max_ns, server, load }) {
  const ns = seconds * 1e9;
  return {
    cpu_us: server.cpu_ns / count / 1e3,
    rate,
    p50_us: p50_ns / 1e3,
    p99_us: p99_ns / 1e3,
    max_us: max_ns / 1e3,
    busy: server.cpu_ns / ns,
    waited: server.waited_ns / ns,
    load_busy: load.cpu_ns / ns,
    load_waited: load.waited_ns / ns,
    user_ticks: server.user_ticks,
    system_ticks: server.system_ticks,
    rss_bytes: server.rss_bytes,
  };
}

/**
 * @param {Context} context
 * @param {string} title
 * @param {import('./load-process.mjs').LoadSettings} settings
 * @returns {Promise<Raw>}
 */
export async function measure(context, title, settings) {
  const { servers, rounds, seconds, check, counters } = context;
  /** @type {Map<string, Load>} */
  const loads = new Map();
  /** @type {Raw} */
  const raw = { windows: {}, closing: [], first: {}, growth: {}, counts: {} };
  /** @param {string} name @param {number} warmup */
  const run = async (name, warmup) => {
    const report = await loads.get(name)?.window(seconds, warmup);
    // Some servers starve connections. A window without a message has no cost per message.
    if (!report?.count) throw new Error(`${name} answered nothing within a window of ${seconds} s`);
    return report;
  };

  for (const server of servers) {
    progress(`${title}: warming ${server.name}`);
    loads.set(server.name, await Load.open(context.load, server, settings));
    const report = await run(server.name, check ? 0.1 : FIRST_WARMUP);
    raw.first[server.name] = derive(report);
    raw.growth[server.name] =
      (report.server.rss_bytes - report.server_rss_before) / settings.connections;
    raw.windows[server.name] = [];
  }

  const others = servers.map((server) => server.name).filter((name) => name !== FLOOR);
  const floor = others.length < servers.length;
  for (let round = 0; round < rounds; round += 1) {
    if (round % 10 === 0) progress(`${title}: round ${round + 1} of ${rounds}`);
    if (floor) raw.windows[FLOOR].push(raw.closing.at(-1) ?? derive(await run(FLOOR, WARMUP)));
    for (let turn = 0; turn < others.length; turn += 1) {
      const name = others[(turn + round) % others.length];
      raw.windows[name].push(derive(await run(name, WARMUP)));
    }
    if (floor) raw.closing.push(derive(await run(FLOOR, WARMUP)));
  }

  progress(`${title}: counting calls`);
  /** @type {Record<string, Record<string, number>[]>} */
  const counted = {};
  for (let round = 0; round < (check ? 1 : COUNTED_ROUNDS); round += 1) {
    for (const { name, pid } of servers) {
      const load = loads.get(name);
      if (load) (counted[name] ??= []).push(await countPerMessage(counters, load, pid));
    }
  }
  for (const [name, counts] of Object.entries(counted)) raw.counts[name] = mediansOf(counts);
  for (const load of loads.values()) await load.close();
  return raw;
}
