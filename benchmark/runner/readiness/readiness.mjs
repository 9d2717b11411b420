// The readiness benchmark: runs its parts and lays out what they found. Called by main.mjs.

import { judgeIdle, judgePingPong } from './bars.mjs';
import { idleCharts, pingPongChart, transferChart } from './charts.mjs';
import { measureIdle } from './idle.mjs';
import { measurePingPong } from './ping-pong.mjs';
import { idleTables, pingPongTable, transferTable } from './tables.mjs';
import { measureTransfer } from './transfer.mjs';

/**
 * @typedef {object} Readiness
 * @property {import('../options.mjs').Options} options
 * @property {string} program the plain Rust side
 * @property {string | undefined} npmEpoll why npm's epoll cannot be measured here; undefined when it can
 *
 * @typedef {object} Outcome
 * @property {string[]} tables
 * @property {import('../bars.mjs').Bar[]} bars
 * @property {unknown} result
 * @property {import('./svg.mjs').Chart[]} charts
 */

/** @type {Record<import('../options.mjs').Part, (setup: Readiness) => Promise<Outcome>>} */
const parts = {
  async pingpong(setup) {
    const measured = await measurePingPong(setup);
    const tables = measured.map(pingPongTable);
    if (setup.npmEpoll !== undefined) tables.push(setup.npmEpoll);
    const charts = [pingPongChart(measured)];
    return { tables, bars: judgePingPong(measured), result: measured, charts };
  },
  async idle(setup) {
    const measured = await measureIdle(setup);
    const tables = idleTables(measured);
    return { tables, bars: judgeIdle(measured), result: measured, charts: idleCharts(measured) };
  },
  async transfer(setup) {
    const measured = await measureTransfer(setup);
    const charts = [transferChart(measured)];
    return { tables: [transferTable(measured)], bars: [], result: measured, charts };
  },
};

/** @param {Readiness} setup @returns {Promise<Outcome>} */
export async function readiness(setup) {
  /** @type {Outcome} */
  const all = { tables: [], bars: [], result: {}, charts: [] };
  /** @type {Record<string, unknown>} */
  const results = {};
  for (const part of setup.options.parts) {
    const { tables, bars, result, charts } = await parts[part](setup);
    all.tables.push(...tables);
    all.bars.push(...bars);
    all.charts.push(...charts);
    results[part] = result;
  }
  return { ...all, result: results };
}
