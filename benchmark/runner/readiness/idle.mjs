// Part two of the readiness benchmark: a few active descriptors among many idle ones, by select, poll, level- and
// edge-triggered epoll, in Rust and through edgepoll.

import path from 'node:path';
import { BENCHMARK, ROOT } from '../prepare.mjs';
import { progress } from '../progress.mjs';
import { median } from '../statistics.mjs';
import { Contender, withContenders } from './contender.mjs';
import { ACTIVE, ENGINES, LANGUAGES, lines } from './lines.mjs';
import { countRounds, window } from './windows.mjs';

const IDLE = [100, 1000, 3000, 5000, 10_000];
const MOST_ACTIVE = Math.max(...ACTIVE);
const ROUNDS = { rounds: 7, seconds: 45 };
const WINDOW_SHARE = 0.5;
/** The warm-up in which the JavaScript engine compiles. The slowest engine has few cycles in it. */
const FIRST_WARMUP = 0.2;
/** select takes descriptors below 1,024, and Node has some of its own. @type {Record<import('./lines.mjs').Language, number[]>} */
const SELECT_IDLE = { Rust: [100, 900, 1000], JavaScript: [100, 900] };
/** A check is brief. */
const CHECK_IDLE = [100, 900];

/** @param {import('./readiness.mjs').Readiness} setup @returns {Promise<import('./lines.mjs').Line[]>} */
export async function measureIdle({ program, options }) {
  const { rounds, seconds, check, cpus } = options;
  const cells = ENGINES.flatMap((how) =>
    LANGUAGES.flatMap((language) =>
      (check ? CHECK_IDLE : how.engine === 'select' ? SELECT_IDLE[language] : IDLE).map((idle) => ({
        idle,
        how,
        language,
      })),
    ),
  );
  const script = [process.execPath, path.join(BENCHMARK, 'contenders/idle.mjs')];
  const openers = cells.map(({ idle, how, language }) => () => {
    const name = `${how.engine} in ${language} among ${idle}`;
    progress(`starting ${name}`);
    const count = ['--count', String(idle + MOST_ACTIVE)];
    const command =
      language === 'Rust'
        ? [program, 'idle', '--engine', how.plain, ...count]
        : [program, 'hold', '--kind', 'eventfd', ...count, '--', ...script, ...how.options];
    return Contender.open(name, command, cpus.server, ROOT);
  });
  // All are open at the same time, so that the points of a line are measured in the same moments.
  return withContenders(openers, async (contenders) => {
    const points = cells.flatMap(({ idle, how: { engine }, language }, index) =>
      ACTIVE.map((active) => {
        /** @type {import('./windows.mjs').Window[]} */
        const windows = [];
        return { language, engine, idle, active, contender: contenders[index], windows };
      }),
    );
    const length = seconds * WINDOW_SHARE;
    for (const { contender, active } of points) {
      const warmup = check ? 0.02 : FIRST_WARMUP;
      await window(contender, length, { warmup, active });
    }
    for (const round of countRounds(rounds, ROUNDS)) {
      progress(`idle descriptors: round ${round + 1}`);
      for (let turn = 0; turn < points.length; turn += 1) {
        const { contender, active, windows } = points[(turn + round) % points.length];
        windows.push(await window(contender, length, { active }));
      }
    }
    return lines(
      points.map(({ language, engine, idle, active, windows }) => {
        const cpu = median(windows.map((each) => each.cpu_us));
        const wall = median(windows.map((each) => each.wall_us));
        return { language, engine, idle, active, cpu_us: cpu, wall_us: wall, windows };
      }),
    );
  });
}
