// The echo benchmark: its scenarios, run on servers that stay up from the first scenario to the last.

import { measure } from './rounds.mjs';
import { summarize } from './summary.mjs';
import { withServers } from './with-servers.mjs';
import { UsageError } from './options.mjs';

const SCENARIOS = [
  { id: '1x64', title: '1 connection × 64 B', connections: 1, size: 64, inFlight: 1 },
  { id: '64x64', title: '64 connections × 64 B', connections: 64, size: 64, inFlight: 1 },
  { id: '1000x64', title: '1,000 connections × 64 B', connections: 1000, size: 64, inFlight: 1 },
  { id: '64x16384', title: '64 connections × 16 KiB', connections: 64, size: 16_384, inFlight: 1 },
  {
    id: '64x64x16',
    title: '64 connections × 64 B, 16 in flight',
    connections: 64,
    size: 64,
    inFlight: 16,
  },
];

/**
 * @typedef {object} Measured
 * @property {string} id
 * @property {string} title
 * @property {string} unit
 * @property {number} connections
 * @property {import('./summary.mjs').ScenarioSummary} summary
 * @property {import('./rounds.mjs').Raw} raw
 */

/** @param {import('./options.mjs').Options} options */
export function selectScenarios({ scenarios: wanted }) {
  for (const id of wanted ?? []) {
    if (!SCENARIOS.some((scenario) => scenario.id === id)) {
      const names = SCENARIOS.map((scenario) => scenario.id).join(', ');
      throw new UsageError(`--scenario: there is no '${id}': ${names}`);
    }
  }
  return SCENARIOS.filter((scenario) => wanted?.includes(scenario.id) ?? true);
}

/** @param {import('./main.mjs').Setup} setup @returns {Promise<Measured[]>} */
export async function echo(setup) {
  const { rounds = 75 } = setup.options;
  const selected = selectScenarios(setup.options);
  return withServers(setup, { collecting: false }, async (running) => {
    const results = [];
    for (const { id, title, connections, size, inFlight } of selected) {
      const context = { ...setup, ...setup.options, rounds, servers: running };
      const raw = await measure(context, title, { mode: 'echo', connections, size, inFlight });
      results.push({ id, title, unit: 'message', connections, summary: summarize(raw), raw });
    }
    return results;
  });
}
