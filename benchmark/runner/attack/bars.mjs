// What edgepoll has to show under attack, and whether it did.

import { EDGEPOLL, RUST } from './servers.mjs';

/** Latencies as a ratio to the plain Rust server's, in the same run. */
const TO_RUST = 3;
/** Memory after the attack as a ratio to that before it. */
const MEMORY = 1.1;
/** CPU time after the attack, in points of a CPU above that before it. */
const CPU_POINTS = 5;

/** @param {import('./attack.mjs').Attacked} attacked @param {'cut' | 'fresh_failed'} what */
export const total = ({ phases }, what) =>
  Object.values(phases).reduce((sum, phase) => sum + phase[what], 0);

/** @param {import('./attack.mjs').Attacked[]} all one attack @returns {import('../bars.mjs').Bar[]} */
export function judge(all) {
  const rust = all.find(({ server }) => server === RUST);
  return all
    .filter(({ server }) => EDGEPOLL.includes(server))
    .flatMap((attacked) => {
      const { server, kinds, phases, usage, descriptors } = attacked;
      const scenario = kinds.length === 1 ? kinds[0] : 'mixed';
      const bar = (/** @type {string} */ what, /** @type {number} */ value, limit = 0) => ({
        server,
        scenario,
        what,
        value,
        limit,
        pass: value <= limit,
      });
      const ratio = (/** @type {'lines' | 'fresh'} */ what) =>
        rust ? phases.attack[what].p99 / rust.phases.attack[what].p99 : NaN;
      return [
        bar('well-behaved clients that were cut', total(attacked, 'cut')),
        bar('fresh connects that failed', total(attacked, 'fresh_failed')),
        bar('p99, × rust', ratio('lines'), TO_RUST),
        bar('fresh p99, × rust', ratio('fresh'), TO_RUST),
        bar('memory after, × before', usage.last.rss / usage.calm.rss, MEMORY),
        bar('descriptors left behind', descriptors.after - descriptors.before),
        bar('CPU after, points above', (usage.after.cpu - usage.calm.cpu) * 100, CPU_POINTS),
      ];
    });
}
