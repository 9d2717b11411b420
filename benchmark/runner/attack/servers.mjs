// The servers that are attacked, and how each is started.

import path from 'node:path';
import { BENCHMARK, runtimePath } from '../prepare.mjs';

/** The yardstick: a plain Rust epoll server with the same limits. */
const RUST = 'rust';
export const SERVERS = [RUST, 'edgepoll-events', 'edgepoll-connection', 'node-net', 'bun'];

/** @param {string} file */
const script = (file) => path.join(BENCHMARK, 'servers', file);

/**
 * @param {string} name
 * @param {import('../prepare.mjs').Programs} programs
 * @returns {import('../servers.mjs').ServerSpec}
 */
export function attacked(name, programs) {
  const node = process.execPath;
  /** @type {Record<string, { command: string[], needs: string[] }>} */
  const commands = {
    [RUST]: { command: [programs.guarded], needs: [] },
    'edgepoll-events': { command: [node, script('lines.mjs'), 'events'], needs: ['edgepoll'] },
    'edgepoll-connection': {
      command: [node, script('lines.mjs'), 'connection'],
      needs: ['edgepoll'],
    },
    'node-net': { command: [node, script('lines-node-net.mjs')], needs: [] },
    bun: { command: [runtimePath('bun'), script('lines-bun.mjs')], needs: ['bun'] },
  };
  return { name, collecting: undefined, ...commands[name] };
}
