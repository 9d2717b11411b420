// The churn benchmark: connect, one message, one reply, close or reset; 32 at a time.

import { measure } from './rounds.mjs';
import { summarize } from './summary.mjs';
import { withServers } from './with-servers.mjs';

const AT_A_TIME = 32;

/** How a cycle ends: with FIN, or with a reset. */
const ENDS = [
  { id: 'churn', end: 'close', reset: false },
  { id: 'churn-reset', end: 'reset', reset: true },
];

/** @param {import('./main.mjs').Setup} setup @returns {Promise<import('./echo.mjs').Measured[]>} */
export async function churn(setup) {
  const { rounds = 75 } = setup.options;
  return withServers(setup, { collecting: false }, async (running) => {
    const measured = [];
    for (const { id, end, reset } of ENDS) {
      const title = `accept, echo 64 B, ${end}; ${AT_A_TIME} at a time`;
      const settings = /** @type {const} */ ({
        mode: 'churn',
        connections: AT_A_TIME,
        size: 64,
        reset,
      });
      const raw = await measure(
        { ...setup, ...setup.options, rounds, servers: running },
        title,
        settings,
      );
      measured.push({
        id,
        title,
        unit: 'cycle',
        connections: AT_A_TIME,
        summary: summarize(raw),
        raw,
      });
    }
    return measured;
  });
}
