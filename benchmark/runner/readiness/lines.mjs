// The lines of the idle charts: time per wake-up over the number of idle descriptors.

import { fitLine } from './fit.mjs';

export const ACTIVE = [1, 10];
export const ENGINES = /** @type {const} */ ([
  { engine: 'select', plain: 'select', options: ['select', 'level'] },
  { engine: 'poll', plain: 'poll', options: ['poll', 'level'] },
  { engine: 'epoll level', plain: 'epoll-level', options: ['epoll', 'level'] },
  { engine: 'epoll edge', plain: 'epoll-edge', options: ['epoll', 'edge'] },
]);
export const LANGUAGES = /** @type {const} */ (['Rust', 'JavaScript']);

/**
 * @typedef {(typeof ENGINES)[number]['engine']} Engine
 * @typedef {(typeof LANGUAGES)[number]} Language
 *
 * @typedef {object} Point
 * @property {Language} language
 * @property {Engine} engine
 * @property {number} idle
 * @property {number} active
 * @property {number} cpu_us CPU time per wake-up
 * @property {number} wall_us
 * @property {import('./windows.mjs').Window[]} windows
 *
 * @typedef {object} Line
 * @property {Language} language
 * @property {Engine} engine
 * @property {number} active
 * @property {Point[]} points by idle
 * @property {import('./fit.mjs').Fit | undefined} fit CPU µs over thousands of idle descriptors
 * @property {number} growth CPU time with the most idle descriptors over that with the fewest
 */

/** @param {Point[]} points @returns {Line[]} */
export function lines(points) {
  return ACTIVE.flatMap((active) =>
    LANGUAGES.flatMap((language) =>
      ENGINES.map(({ engine }) => {
        const own = points.filter(
          (point) =>
            point.active === active && point.language === language && point.engine === engine,
        );
        const fit = fitLine(own.map(({ idle, cpu_us: y }) => ({ x: idle / 1000, y })));
        const growth = (own.at(-1)?.cpu_us ?? NaN) / (own[0]?.cpu_us ?? NaN);
        return { language, engine, active, points: own, fit, growth };
      }),
    ),
  );
}
