// The limits for the costs of the readiness layer, and whether a run met them.

import { BY_FD, EDGEPOLL, NPM_EPOLL } from './names.mjs';

/** @typedef {import('../bars.mjs').Bar} Bar */

const CPU_TO_NPM_EPOLL = 0.5;
const EXCESS_US = 3;
const BATCH_USER_US = 0.5;
/** A straight line explains at least this share of the variance, and rises at least by this factor over the range. */
const POLL_R2 = 0.98;
const POLL_GROWTH = 10;
/** A flat line rises at most by this factor from 100 to 10,000 idle descriptors. */
const EPOLL_GROWTH = 1.5;

/** @param {string} server @param {string} scenario @param {string} what @param {number | undefined} value @param {number} limit @returns {Bar} */
const most = (server, scenario, what, value = NaN, limit) => ({
  server,
  scenario,
  what,
  value,
  limit,
  pass: value <= limit,
});
/** @param {string} server @param {string} scenario @param {string} what @param {number | undefined} value @param {number} limit @returns {Bar} */
const least = (server, scenario, what, value = NaN, limit) => ({
  server,
  scenario,
  what,
  value,
  limit,
  least: true,
  pass: value >= limit,
});

/** A limit whose contender is missing counts as not met. @param {import('./ping-pong.mjs').Measured[]} scenarios @returns {Bar[]} */
export function judgePingPong(scenarios) {
  return scenarios.flatMap(({ id, summary: { contenders } }) =>
    EDGEPOLL.flatMap((name) => {
      const contender = contenders[name];
      if (id === 'batch')
        return contender ? [most(name, id, 'user CPU, µs', contender.user_us, BATCH_USER_US)] : [];
      const ratio = contender?.to_npm_epoll?.median;
      const net = contender?.net_excess_us?.median;
      const bars = [
        most(name, id, `CPU, × ${NPM_EPOLL}`, ratio, CPU_TO_NPM_EPOLL),
        most(name, id, 'CPU, + µs to floor', contender?.excess_us.median, EXCESS_US),
      ];
      if (name !== BY_FD)
        bars.push(most(name, id, 'the same without read and write', net, EXCESS_US));
      return bars;
    }),
  );
}

/** @param {import('./lines.mjs').Line[]} lines @returns {Bar[]} */
export function judgeIdle(lines) {
  return lines.flatMap(({ language, engine, active, fit, growth }) => {
    const name = `${engine}, ${language}`;
    const scenario = `${active} active`;
    if (engine === 'select') return [];
    if (engine !== 'poll')
      return [most(name, scenario, 'time, 10,000 idle : 100', growth, EPOLL_GROWTH)];
    return [
      least(name, scenario, 'straight line, R²', fit?.r2, POLL_R2),
      least(name, scenario, 'time, 10,000 idle : 100', growth, POLL_GROWTH),
    ];
  });
}
