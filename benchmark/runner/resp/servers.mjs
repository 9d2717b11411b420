// The servers of the RESP benchmark, and how each is started.

import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { UsageError } from '../options.mjs';
import { BENCHMARK, ROOT } from '../prepare.mjs';

export const REDIS = 'redis-server';
export const BATCHES = 'edgepoll-batches';
export const CONNECTION = 'edgepoll-connection';
export const RUST = 'edgepoll-rust';
const NODE_NET = 'node-net';

const NAMES = [REDIS, BATCHES, CONNECTION, RUST, NODE_NET];

const EXAMPLE = path.join(ROOT, 'build/examples/redis-like.js');
/** @param {string} file */
const script = (file) => path.join(BENCHMARK, 'servers', file);

/** @param {string[] | undefined} only @returns {Promise<import('../servers.mjs').ServerSpec[]>} */
export async function respServers(only) {
  for (const name of only ?? []) {
    if (!NAMES.includes(name))
      throw new UsageError(`--only: resp has no server named '${name}': ${NAMES.join(', ')}`);
  }
  const node = (/** @type {string[]} */ ...args) => [process.execPath, ...args];
  const example = (/** @type {string} */ style) =>
    node(EXAMPLE, '--host', '127.0.0.1', '--port', '0', '--style', style);
  /** @type {Record<string, string[]>} */
  const commands = {
    [REDIS]: redisCommand(await freePort()),
    [BATCHES]: example('batches'),
    [CONNECTION]: example('connection'),
    [RUST]: node(script('resp-rust.mjs')),
    [NODE_NET]: node(script('resp-node-net.mjs')),
  };
  // Ratios are to redis-server.
  return NAMES.filter((name) => name === REDIS || (only?.includes(name) ?? true)).map((name) => ({
    name,
    command: commands[name],
    collecting: undefined,
    needs: ['edgepoll'],
  }));
}

/** Redis does not say where it listens. @param {number} port */
function redisCommand(port) {
  const options =
    '--bind 127.0.0.1 --save "" --appendonly no --loglevel warning --logfile /dev/null';
  const announce = `echo "listening on 127.0.0.1:${port} pid $$"`;
  return ['sh', '-c', `${announce}; exec redis-server --port ${port} ${options}`];
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** Fails if Redis's programs are not there. */
export function requireRedis() {
  for (const program of ['redis-server', 'redis-benchmark']) {
    if (spawnSync(program, ['--version']).status !== 0)
      throw new Error(`there is no ${program}: install Debian's redis-server and redis-tools`);
  }
}
