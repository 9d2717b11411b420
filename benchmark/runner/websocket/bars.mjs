// The limits for the WebSocket benchmark: CPU time per message as a ratio to that of the others.

import { BUN, EDGEPOLL, WS } from './servers.mjs';

/** @type {Record<string, number>} */
const LIMITS = { [WS]: 0.5, [BUN]: 1 };

/**
 * @param {import('./websocket.mjs').Measured[]} measured
 * @param {(raw: import('../rounds.mjs').Raw, name: string, other: string) => import('../statistics.mjs').Spread | undefined} ratio
 * @returns {import('../bars.mjs').Bar[]}
 */
export function judge(measured, ratio) {
  return measured.flatMap(({ id, raw }) =>
    EDGEPOLL.flatMap((server) =>
      Object.entries(LIMITS).flatMap(([other, limit]) => {
        const value = ratio(raw, server, other)?.median;
        if (value === undefined) return [];
        const what = `CPU, × ${other}`;
        return [{ server, scenario: id, what, value, limit, pass: value <= limit }];
      }),
    ),
  );
}
