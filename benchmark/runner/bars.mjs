// The limits for the costs of edgepoll, and whether a run met them.

import { EDGEPOLL, FLOOR } from './servers.mjs';

/** @typedef {{ server: string, scenario: string, what: string, value: number, limit: number, pass: boolean, least?: boolean }} Bar `least`: the value must not be below the limit */

const [EVENTS, CONNECTION] = EDGEPOLL;
/** CPU time per message as a ratio to the floor. @type {Record<string, Record<string, number>>} */
const CPU_TO_FLOOR = {
  '64x64': { [EVENTS]: 1.1, [CONNECTION]: 1.2 },
  '1000x64': { [EVENTS]: 1.1, [CONNECTION]: 1.2 },
  '64x16384': { [EVENTS]: 1.15, [CONNECTION]: 1.15 },
  churn: { [EVENTS]: 1.35, [CONNECTION]: 1.35 },
  'churn-reset': { [EVENTS]: 1.25, [CONNECTION]: 1.25 },
};
const CPU_TO_NODE_NET = 0.8;
/** Compared twice: as measured, and scaled to the machine for which the limit was set, on which the floor takes `floor` µs. */
const USER_US = { scenarios: ['64x64', '1000x64'], limit: 1.0, floor: 0.15 };
const P50_TO_NODE_NET = { scenarios: ['1x64'], limit: 1.0 };
const SYSCALLS = { scenarios: ['64x64'], limit: 2.1 };
/** @type {Record<string, number>} */
const IDLE_BYTES = { [EVENTS]: 700, [CONNECTION]: 2000 };

/** @param {import('./echo.mjs').Measured[]} scenarios echo or churn @returns {Bar[]} */
export function judge(scenarios) {
  /** @type {Bar[]} */
  const bars = [];
  for (const {
    id,
    summary: { servers },
  } of scenarios) {
    for (const name of EDGEPOLL) {
      const server = servers[name];
      if (!server) continue;
      /** @param {string} what @param {number | undefined} value @param {number | undefined} limit */
      const bar = (what, value, limit) => {
        if (value !== undefined && limit !== undefined)
          bars.push({ server: name, scenario: id, what, value, limit, pass: value <= limit });
      };
      bar('CPU, × floor', server.to_floor?.cpu.median, CPU_TO_FLOOR[id]?.[name]);
      bar('CPU, × node-net', server.to_node_net?.cpu.median, CPU_TO_NODE_NET);
      if (USER_US.scenarios.includes(id)) bar('user CPU, µs', server.user_us, USER_US.limit);
      if (USER_US.scenarios.includes(id) && servers[FLOOR]) {
        const here = USER_US.floor / servers[FLOOR].user_us;
        bar(`user CPU, µs, floor ${USER_US.floor}`, server.user_us * here, USER_US.limit);
      }
      if (P50_TO_NODE_NET.scenarios.includes(id))
        bar('p50, × node-net', server.to_node_net?.p50.median, P50_TO_NODE_NET.limit);
      if (SYSCALLS.scenarios.includes(id))
        bar('system calls', server.per_message.syscalls, SYSCALLS.limit);
    }
  }
  return bars;
}

/** @param {Record<string, import('./idle.mjs').IdleSummary>} servers @returns {Bar[]} */
export function judgeIdle(servers) {
  return EDGEPOLL.filter((name) => servers[name]).map((name) => {
    // Without pages of program files, which are loaded once and not for every connection.
    const value = servers[name].anonymous.median;
    return {
      server: name,
      scenario: 'idle',
      what: 'memory, B',
      value,
      limit: IDLE_BYTES[name],
      pass: value <= IDLE_BYTES[name],
    };
  });
}
