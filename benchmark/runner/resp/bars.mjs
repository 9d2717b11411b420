// The limits for the RESP benchmark: CPU time per command as a ratio to redis-server's.

import { BATCHES, CONNECTION, RUST } from './servers.mjs';

/** For PING, SET and GET. @type {Record<number, Record<string, number[]>>} */
const LIMITS = {
  1: { [BATCHES]: [1.15, 1.15, 1.15], [CONNECTION]: [1.15, 1.15, 1.15] },
  16: { [BATCHES]: [1, 1, 1.2], [CONNECTION]: [1.25, 1.25, 1.25], [RUST]: [0.9, 0.9, 0.9] },
};

/**
 * @param {import('./resp.mjs').Measured[]} measured
 * @param {(windows: import('./resp.mjs').Windows, name: string, test: string) => import('../statistics.mjs').Spread} ratio
 * @returns {import('../bars.mjs').Bar[]}
 */
export function judge(measured, ratio) {
  return measured.flatMap(({ pipeline, windows }) =>
    Object.entries(LIMITS[pipeline] ?? {})
      .filter(([name]) => windows[name])
      .flatMap(([name, limits]) =>
        Object.keys(windows[name]).map((test, index) => {
          const value = ratio(windows, name, test).median;
          const limit = limits[index];
          const scenario = `P=${pipeline} ${test}`;
          const what = 'CPU, × redis';
          return { server: name, scenario, what, value, limit, pass: value <= limit };
        }),
      ),
  );
}
