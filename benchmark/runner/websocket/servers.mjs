// The servers of the WebSocket benchmark, and how each is started.

import path from 'node:path';
import { UsageError } from '../options.mjs';
import { BENCHMARK, runtimePath } from '../prepare.mjs';

export const EDGEPOLL = ['edgepoll-events', 'edgepoll-connection'];
export const WS = 'ws';
export const BUN = 'bun';

/** @param {string} file */
const script = (file) => path.join(BENCHMARK, 'servers', file);

/** @type {Record<string, { command: string[], needs: string[] }>} */
const servers = {
  ...Object.fromEntries(
    EDGEPOLL.map((name) => {
      const style = name.slice('edgepoll-'.length);
      const command = [process.execPath, script('websocket.mjs'), style];
      return [name, { command, needs: ['edgepoll'] }];
    }),
  ),
  [WS]: { command: [process.execPath, script('ws.mjs')], needs: ['ws'] },
  [BUN]: { command: [runtimePath('bun'), script('bun-websocket.mjs')], needs: ['bun'] },
};

/** @param {string[] | undefined} only @returns {import('../servers.mjs').ServerSpec[]} */
export function websocketServers(only) {
  const names = Object.keys(servers);
  for (const name of only ?? []) {
    if (!names.includes(name))
      throw new UsageError(`--only: websocket has no server named '${name}': ${names.join(', ')}`);
  }
  return names
    .filter((name) => only?.includes(name) ?? true)
    .map((name) => {
      const { command, needs } = servers[name];
      return { name, command, collecting: undefined, needs };
    });
}
