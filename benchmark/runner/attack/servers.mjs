// The servers that are attacked, and how each is started.

import path from 'node:path';
import { BENCHMARK, runtimePath } from '../prepare.mjs';

/** The yardstick: a plain Rust epoll server with the same limits. */
export const RUST = 'rust';
/** Those that the bars are for. */
export const EDGEPOLL = ['edgepoll-events', 'edgepoll-connection'];
export const SERVERS = [RUST, ...EDGEPOLL, 'node-net', 'bun'];

/** @param {string} file */
const script = (file) => path.join(BENCHMARK, 'servers', file);

/**
 * @param {string} name
 * @param {{ guarded?: string }} programs
 * @param {number | undefined} deadlines milliseconds; `undefined` for the defaults
 * @returns {import('../servers.mjs').ServerSpec}
 */
export function attacked(name, { guarded = '' }, deadlines) {
  const node = process.execPath;
  const own = (/** @type {string} */ style) => [node, script('lines.mjs'), style];
  const times = deadlines === undefined ? [] : [String(deadlines)];
  const names = ['first-byte', 'message', 'send'];
  const options = names.flatMap((what) => times.flatMap((time) => [`--${what}-timeout`, time]));
  /** @type {Record<string, { command: string[], needs: string[] }>} */
  const commands = {
    [RUST]: { command: [guarded, ...options], needs: ['guarded'] },
    'edgepoll-events': { command: [...own('events'), ...times], needs: ['edgepoll'] },
    'edgepoll-connection': { command: [...own('connection'), ...times], needs: ['edgepoll'] },
    'node-net': { command: [node, script('lines-node-net.mjs')], needs: [] },
    bun: { command: [runtimePath('bun'), script('lines-bun.mjs')], needs: ['bun'] },
  };
  return { name, collecting: undefined, ...commands[name] };
}
