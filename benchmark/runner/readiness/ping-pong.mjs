// Part one of the readiness benchmark: ping-pong between two descriptors, and batches of ready ones.

import path from 'node:path';
import { BENCHMARK, ROOT } from '../prepare.mjs';
import { progress } from '../progress.mjs';
import { Contender, withContenders } from './contender.mjs';
import { BY_FD, FLOOR, FLOOR_WORK, NODE_WORK, NPM_EPOLL, STYLES } from './names.mjs';
import { countRounds, interleave, window } from './windows.mjs';
import { summarize } from './summary.mjs';

const BATCH = 64;
const ROUNDS = { rounds: 25, seconds: 27 };
/** The warm-up before the first window, in which the JavaScript engines compile. */
const FIRST_WARMUP = 0.7;

/**
 * @typedef {object} Scenario
 * @property {string} id
 * @property {string} title
 * @property {boolean} pinned
 * @property {import('./contender.mjs').Spec[]} contenders
 *
 * @typedef {object} Measured
 * @property {string} id
 * @property {string} title
 * @property {import('./summary.mjs').Summary} summary
 * @property {import('./windows.mjs').Rounds} windows
 */

/** @param {string} file @param {string} style */
const script = (file, style) => [process.execPath, path.join(BENCHMARK, 'contenders', file), style];

/** @param {string} program @param {'eventfd' | 'pipe'} kind @param {boolean} pinned @param {boolean} withNpmEpoll @returns {Scenario} */
function pingPong(program, kind, pinned, withNpmEpoll) {
  const hold = [program, 'hold', '--kind', kind, '--count', '2', '--'];
  const plain = [program, 'ping-pong', '--kind', kind];
  const styles = { ...(withNpmEpoll ? { [NPM_EPOLL]: 'npm-epoll' } : {}), ...STYLES };
  const contenders = [
    { name: FLOOR, command: plain },
    { name: FLOOR_WORK, command: [...plain, '--work-only'] },
    ...Object.entries({ ...styles, [NODE_WORK]: 'work' }).map(([name, style]) => ({
      name,
      command: [...hold, ...script('ping-pong.mjs', style), kind],
    })),
  ];
  const where = pinned ? 'pinned' : 'unpinned';
  const title = `ping-pong through ${kind === 'pipe' ? 'pipes' : 'eventfds'}, ${where}`;
  return { id: `${kind}-${where}`, title, pinned, contenders };
}

/** @param {string} program @param {boolean} withNpmEpoll @returns {Scenario} */
function batches(program, withNpmEpoll) {
  const many = ['--count', String(BATCH)];
  const hold = [program, 'hold', '--kind', 'eventfd', '--initial', '1', ...many, '--'];
  const { 'edgepoll/epoll': _, [BY_FD]: __, ...edgepoll } = STYLES;
  const styles = { ...(withNpmEpoll ? { [NPM_EPOLL]: 'npm-epoll' } : {}), ...edgepoll };
  const contenders = [
    { name: FLOOR, command: [program, 'batch', ...many] },
    ...Object.entries(styles).map(([name, style]) => ({
      name,
      command: [...hold, ...script('batch.mjs', style)],
    })),
  ];
  const title = `batches of ${BATCH} eventfds that are always ready, pinned`;
  return { id: 'batch', title, pinned: true, contenders };
}

/** @param {import('./readiness.mjs').Readiness} setup @returns {Promise<Measured[]>} */
export async function measurePingPong({ program, options, npmEpoll }) {
  const { rounds, seconds, check, cpus } = options;
  const withNpmEpoll = npmEpoll === undefined;
  const scenarios = [
    pingPong(program, 'eventfd', true, withNpmEpoll),
    pingPong(program, 'eventfd', false, withNpmEpoll),
    pingPong(program, 'pipe', true, withNpmEpoll),
    pingPong(program, 'pipe', false, withNpmEpoll),
    batches(program, withNpmEpoll),
  ];
  /** @type {Measured[]} */
  const results = [];
  for (const { id, title, pinned, contenders } of scenarios) {
    const openers = contenders.map(({ name, command }) => () => {
      progress(`${title}: starting ${name}`);
      return Contender.open(name, command, pinned ? cpus.server : undefined, ROOT);
    });
    results.push(
      await withContenders(openers, async (opened) => {
        progress(`${title}: warming`);
        const warmup = check ? 0.05 : FIRST_WARMUP;
        for (const contender of opened) await window(contender, seconds, { warmup });
        progress(`${title}: measuring`);
        const counted = countRounds(rounds, ROUNDS);
        const { windows, closing } = await interleave(opened, counted, seconds);
        return { id, title, summary: summarize(windows, closing), windows };
      }),
    );
  }
  return results;
}
