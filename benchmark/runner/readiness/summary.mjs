// Turns the rounds of a ping-pong scenario into medians and ratios.

import { median, spread } from '../statistics.mjs';
import { isSteady } from '../steady.mjs';
import { BY_FD, FLOOR, FLOOR_WORK, NODE_WORK, NPM_EPOLL } from './names.mjs';

/** @typedef {import('../statistics.mjs').Spread} Spread */
/** @typedef {import('./windows.mjs').Window} Window */

/**
 * @typedef {object} ContenderSummary times are CPU time per event
 * @property {number} cpu_us
 * @property {number} user_us
 * @property {number} system_us
 * @property {number} rate events per second
 * @property {Spread} to_floor ratio
 * @property {Spread} excess_us difference to the floor
 * @property {Spread | undefined} to_npm_epoll ratio
 * @property {number | undefined} net_us without the reads and writes, which are measured alone in the same round
 * @property {Spread | undefined} net_excess_us difference to the floor, reads and writes taken out of both
 *
 * @typedef {object} Summary
 * @property {Record<string, ContenderSummary>} contenders
 * @property {number} rounds
 * @property {number} steady rounds that the numbers are made of; 0 if all rounds are, because none was steady
 */

/**
 * @param {import('./windows.mjs').Rounds} windows
 * @param {Window[]} closing the floor's window that follows each round
 * @returns {Summary}
 */
export function summarize(windows, closing) {
  const all = closing.map((_, round) => round);
  const before = windows[FLOOR];
  const calm = all.filter((round) => isSteady(before[round].cpu_us, closing[round].cpu_us));
  const chosen = calm.length > 0 ? calm : all;
  /** @param {string} name */
  const costs = (name) => windows[name] && chosen.map((round) => windows[name][round].cpu_us);
  const floor = chosen.map((round) => (before[round].cpu_us + closing[round].cpu_us) / 2);
  const npmEpoll = costs(NPM_EPOLL);
  const floorNet = minus(floor, costs(FLOOR_WORK));
  const contenders = Object.entries(windows).map(([name, rounds]) => {
    const cpu = costs(name);
    // No net cost: the two work contenders are what is subtracted, and the reads and writes of edgepoll/fd cost something else.
    const isOther = name === NODE_WORK || name === FLOOR_WORK || name === BY_FD;
    const net = isOther ? undefined : minus(cpu, costs(name === FLOOR ? FLOOR_WORK : NODE_WORK));
    const excess = net && floorNet && spread(minus(net, floorNet) ?? []);
    const total = median(cpu);
    const user = sum(rounds.map((window) => window.user_us));
    const system = sum(rounds.map((window) => window.system_us));
    return [
      name,
      {
        cpu_us: total,
        user_us: (total * user) / (user + system),
        system_us: (total * system) / (user + system),
        rate: 1e6 / median(chosen.map((round) => rounds[round].wall_us)),
        to_floor: spread(cpu.map((value, index) => value / floor[index])),
        excess_us: spread(minus(cpu, floor) ?? []),
        to_npm_epoll: npmEpoll && spread(cpu.map((value, index) => value / npmEpoll[index])),
        net_us: net && median(net),
        net_excess_us: excess,
      },
    ];
  });
  return {
    contenders: Object.fromEntries(contenders),
    rounds: all.length,
    steady: calm.length,
  };
}

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);
/** @param {number[]} values @param {number[] | undefined} less @returns {number[] | undefined} */
const minus = (values, less) => less && values.map((value, index) => value - less[index]);
