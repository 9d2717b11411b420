// The RESP benchmark: PING, SET and GET of 50 clients, one command at a time and 16 at a time.

import { progress } from '../progress.mjs';
import { median, spread } from '../statistics.mjs';
import { fixed, range, table, whole } from '../table.mjs';
import { withServers } from '../with-servers.mjs';
import { judge } from './bars.mjs';
import { check, load } from './load.mjs';
import { REDIS, requireRedis, respServers } from './servers.mjs';

const TESTS = ['ping_mbulk', 'set', 'get'];

/** How many commands one client sends before it reads the replies, and how many commands a window has. */
const PIPELINES = [
  { pipeline: 1, commands: 50_000 },
  { pipeline: 16, commands: 400_000 },
];
/** A check sends this share of them. */
const CHECK = 1 / 50;

/** @typedef {import('./load.mjs').Window} Window */
/** @typedef {Record<string, Record<string, Window[]>>} Windows by server and test */
/** @typedef {{ pipeline: number, windows: Windows }} Measured */

/** @param {import('../main.mjs').Setup} setup @returns {Promise<import('../main.mjs').Outcome>} */
export async function resp(setup) {
  requireRedis();
  const specs = await respServers(setup.options.only);
  const measure = async (/** @type {import('../server-process.mjs').Server[]} */ servers) => {
    for (const server of servers) await check(server);
    /** @type {Measured[]} */
    const measured = [];
    for (const { pipeline, commands } of PIPELINES) {
      const count = setup.options.check ? Math.ceil(commands * CHECK) : commands;
      const windows = await measureRounds(setup, servers, { pipeline, commands: count });
      measured.push({ pipeline, windows });
    }
    return measured;
  };
  const measured = await withServers(setup, { collecting: false }, measure, specs);
  return { tables: measured.map(show), bars: judge(measured, ratio), result: { measured } };
}

/**
 * @param {import('../main.mjs').Setup} setup
 * @param {import('../server-process.mjs').Server[]} servers
 * @param {{ pipeline: number, commands: number }} settings
 * @returns {Promise<Windows>}
 */
async function measureRounds({ options }, servers, { pipeline, commands }) {
  const { rounds = 7, cpus } = options;
  /** @type {Windows} */
  const windows = Object.fromEntries(
    servers.map(({ name }) => [name, Object.fromEntries(TESTS.map((test) => [test, []]))]),
  );
  // The first round does not count.
  for (let round = 0; round <= rounds; round += 1) {
    for (const test of TESTS) {
      for (let turn = 0; turn < servers.length; turn += 1) {
        const server = servers[(round + turn) % servers.length];
        progress(`P=${pipeline}, ${test}: round ${round} of ${rounds}, ${server.name}`);
        const window = await load(server, { cpu: cpus.load, test, pipeline, commands });
        if (round > 0) windows[server.name][test].push(window);
      }
    }
  }
  return windows;
}

/** CPU time per command, as a ratio to redis-server's in the same round. @param {Windows} windows @param {string} name @param {string} test */
function ratio(windows, name, test) {
  const redis = windows[REDIS][test];
  return spread(windows[name][test].map(({ cpu }, round) => cpu / redis[round].cpu));
}

/** @param {Measured} measured */
function show({ pipeline, windows }) {
  const head = ['', ...TESTS.flatMap((test) => [`${test} µs`, '× redis', 'per s'])];
  const rows = Object.entries(windows).map(([name, tests]) => {
    const cells = TESTS.flatMap((test) => [
      fixed(median(tests[test].map(({ cpu }) => cpu)), 2),
      range(ratio(windows, name, test)),
      whole(median(tests[test].map(({ rate }) => rate))),
    ]);
    return [name].concat(cells);
  });
  return `50 clients, ${pipeline} at a time (CPU per command)\n${table(head, rows)}`;
}
