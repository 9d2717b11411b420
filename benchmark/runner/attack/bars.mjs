// What edgepoll has to show under attack, and whether it did.

import { EDGEPOLL, RUST } from './servers.mjs';

/** Latencies as a ratio to the plain Rust server's, in the same run. */
const TO_RUST = 3;
/** Memory after the attack as a ratio to that before it. */
const MEMORY = 1.1;
/** CPU time after the attack, in points of a CPU above that before it. */
const CPU_POINTS = 5;

/** The counter of `server.stats()` that names a kind. Kinds that are served as they ask for it have none. @type {Record<string, string>} */
const NAMED_BY = {
  'byte-a-second': 'messageTimeouts',
  mute: 'firstByteTimeouts',
  'never-reads': 'sendTimeouts',
  sips: 'sendTimeouts',
  'flood-blind': 'sendTimeouts',
  reset: 'resets',
  close: 'resets',
  'endless-line': 'overMaxFrame',
};

/** @param {import('./attack.mjs').Attacked} attacked @param {'cut' | 'fresh_failed'} what */
export const total = ({ phases }, what) =>
  Object.values(phases).reduce((sum, phase) => sum + phase[what], 0);

/** @param {import('./attack.mjs').Attacked[]} all one attack @returns {import('../bars.mjs').Bar[]} */
export function judge(all) {
  const rust = all.find(({ server }) => server === RUST);
  return all
    .filter(({ server }) => EDGEPOLL.includes(server))
    .flatMap((attacked) => judgeServer(attacked, rust));
}

/**
 * @param {import('./attack.mjs').Attacked} attacked
 * @param {import('./attack.mjs').Attacked | undefined} rust
 */
function judgeServer(attacked, rust) {
  const { server, kinds, phases, usage, descriptors, stats } = attacked;
  const scenario = kinds.length === 1 ? kinds[0] : 'mixed';
  /** @type {import('../bars.mjs').Bar[]} */
  const bars = [];
  const bar = (/** @type {string} */ what, /** @type {number} */ value, limit = 0) =>
    bars.push({ server, scenario, what, value, limit, pass: value <= limit });
  const ratio = (/** @type {'lines' | 'fresh'} */ what) =>
    rust ? phases.attack[what].p99 / rust.phases.attack[what].p99 : NaN;
  bar('well-behaved clients that were cut', total(attacked, 'cut'));
  bar('fresh connects that failed', total(attacked, 'fresh_failed'));
  bar('p99, × rust', ratio('lines'), TO_RUST);
  bar('fresh p99, × rust', ratio('fresh'), TO_RUST);
  bar('memory after, × before', usage.last.rss / usage.calm.rss, MEMORY);
  bar('descriptors left behind', descriptors.after - descriptors.before);
  bar('CPU after, points above', (usage.after.cpu - usage.calm.cpu) * 100, CPU_POINTS);
  const counter = NAMED_BY[scenario];
  if (counter !== undefined) {
    const value = Number(stats[counter] ?? 0);
    const what = `counted as ${counter}`;
    bars.push({ server, scenario, what, value, limit: 1, pass: value >= 1, least: true });
  }
  return bars;
}
