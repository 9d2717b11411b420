// The churn benchmark: connect, one message, one reply, close; 32 at a time.

import { measure } from './rounds.mjs';
import { summarize } from './summary.mjs';
import { withServers } from './with-servers.mjs';

const AT_A_TIME = 32;

/** @param {import('./main.mjs').Setup} setup @returns {Promise<import('./echo.mjs').Measured[]>} */
export async function churn(setup) {
  const { rounds = 75 } = setup.options;
  const title = `accept, echo 64 B, close; ${AT_A_TIME} at a time`;
  return withServers(setup, { collecting: false }, async (running) => {
    const settings = /** @type {const} */ ({ mode: 'churn', connections: AT_A_TIME, size: 64 });
    const raw = await measure(
      { ...setup, ...setup.options, rounds, servers: running },
      title,
      settings,
    );
    return [
      { id: 'churn', title, unit: 'cycle', connections: AT_A_TIME, summary: summarize(raw), raw },
    ];
  });
}
