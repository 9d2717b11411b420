// Timed windows of contenders in rounds: in every round the first one (the floor), then each other once in a rotating order;
// the next round's floor closes the round. So what is compared was measured in the same moments.

/**
 * @typedef {object} Report what a contender says about a window
 * @property {number} count
 * @property {number} seconds
 * @property {number} user_us
 * @property {number} system_us
 *
 * @typedef {object} Window
 * @property {number} count events
 * @property {number} cpu_us CPU time of the whole process per event
 * @property {number} wall_us
 * @property {number} user_us of the whole window, as the kernel's tick divides it
 * @property {number} system_us of the whole window
 *
 * @typedef {Record<string, Window[]>} Rounds by contender, one a round
 */

/** The time between the first event and the begin of a window. */
const WARMUP = 0.01;

/** With fewer rounds, a median means nothing. */
const LEAST_ROUNDS = 3;

/**
 * Counts the rounds of `--rounds`. Without that option, at most `otherwise.rounds`, and after `otherwise.seconds` only the
 * first three, so that the benchmark does not take long on a slow machine.
 * @param {number | undefined} asked
 * @param {{ rounds: number, seconds: number }} otherwise
 */
export function* countRounds(asked, otherwise) {
  const end = performance.now() + otherwise.seconds * 1000;
  const rounds = asked ?? otherwise.rounds;
  for (let round = 0; round < rounds; round += 1) {
    if (asked === undefined && round >= LEAST_ROUNDS && performance.now() > end) return;
    yield round;
  }
}

/** @param {unknown} answer @param {string} name @returns {Window} */
function derive(answer, name) {
  const report = /** @type {Report} */ (answer);
  if (!report.count) throw new Error(`${name} had no event within a window`);
  return {
    count: report.count,
    cpu_us: (report.user_us + report.system_us) / report.count,
    wall_us: (report.seconds * 1e6) / report.count,
    user_us: report.user_us,
    system_us: report.system_us,
  };
}

/**
 * @param {import('./contender.mjs').Contender} contender
 * @param {number} seconds
 * @param {{ warmup?: number, active?: number }} [options]
 */
export async function window(contender, seconds, { warmup = WARMUP, active = 0 } = {}) {
  const answer = await contender.ask(`window ${seconds} ${warmup} ${active}`, seconds + warmup);
  return derive(answer, contender.name);
}

/**
 * @param {import('./contender.mjs').Contender[]} contenders the floor first
 * @param {Iterable<number>} rounds
 * @param {number} seconds
 * @returns {Promise<{ windows: Rounds, closing: Window[] }>}
 */
export async function interleave([floor, ...others], rounds, seconds) {
  /** @type {Rounds} */
  const windows = Object.fromEntries([floor, ...others].map(({ name }) => [name, []]));
  /** @type {Window[]} */
  const closing = [];
  for (const round of rounds) {
    windows[floor.name].push(closing.at(-1) ?? (await window(floor, seconds)));
    for (let turn = 0; turn < others.length; turn += 1) {
      const contender = others[(turn + round) % others.length];
      windows[contender.name].push(await window(contender, seconds));
    }
    closing.push(await window(floor, seconds));
  }
  return { windows, closing };
}
