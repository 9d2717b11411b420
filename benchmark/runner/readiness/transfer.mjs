// Part three of the readiness benchmark: transfers over 10,000 connections that all stay open, some busy at a time, received
// by poll, level-triggered and edge-triggered epoll in Rust.

import { ROOT } from '../prepare.mjs';
import { progress } from '../progress.mjs';
import { Server } from '../server-process.mjs';
import { median, spread } from '../statistics.mjs';
import { Contender, withContenders } from './contender.mjs';
import { AT_A_TIME } from './names.mjs';
import { countRounds } from './windows.mjs';

const ROUNDS = { rounds: 7, seconds: 60 };
const CONNECTIONS = 10_000;
const SIZES = [1024, 10 * 1024, 100 * 1024];
const ENGINES = /** @type {const} */ ([
  { engine: 'poll', plain: 'poll' },
  { engine: 'epoll level', plain: 'epoll-level' },
  { engine: 'epoll edge', plain: 'epoll-edge' },
]);
const BASE = 'epoll level';

/**
 * @typedef {object} Report what the load says about one pass over all connections
 * @property {number} connections
 * @property {number} bytes
 * @property {number} seconds
 * @property {{ cpu_ns: number }} server
 * @property {{ cpu_ns: number }} load
 *
 * @typedef {object} Cell
 * @property {string} engine
 * @property {number} size bytes
 * @property {number} seconds of one pass
 * @property {number} cpu_us CPU time of the server per connection
 * @property {number} cpu_us_per_mib
 * @property {import('../statistics.mjs').Spread} to_base CPU time as a ratio to level-triggered epoll in the same round
 * @property {Report[]} rounds
 */

/** @param {import('./readiness.mjs').Readiness} setup @returns {Promise<{ connections: number, cells: Cell[] }>} */
export async function measureTransfer(setup) {
  const { rounds: asked, check, cpus } = setup.options;
  const connections = check ? 200 : CONNECTIONS;
  const { program } = setup;
  const many = ['--connections', String(connections)];
  /** @type {Server[]} */
  const servers = [];
  try {
    const openers = ENGINES.map(({ engine, plain }) => async () => {
      progress(`${connections} connections by ${engine}`);
      const command = [program, 'serve', '--engine', plain, ...many];
      const spec = { name: engine, command, collecting: undefined, needs: [] };
      const server = await Server.start(spec, cpus.server, { collecting: false });
      servers.push(server);
      const load = [program, 'load', '--address', server.address, ...many];
      load.push('--at-a-time', String(AT_A_TIME), '--server-pid', String(server.pid));
      return Contender.open(engine, load, cpus.load, ROOT);
    });
    const cells = await withContenders(openers, (loads) => passes(loads, asked));
    return { connections, cells };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** @param {Contender[]} loads one for each engine @param {number | undefined} asked rounds */
async function passes(loads, asked) {
  const cells = SIZES.flatMap((size) =>
    loads.map((load) => ({
      load,
      size,
      /** @type {Report[]} */
      rounds: [],
    })),
  );
  // The first pass is not counted: the kernel's buffers grow in it.
  for (const { load, size } of cells) await load.ask(`transfer ${size}`, 0);
  for (const round of countRounds(asked, ROUNDS)) {
    progress(`transfer: round ${round + 1}`);
    for (let turn = 0; turn < cells.length; turn += 1) {
      const { load, size, rounds } = cells[(turn + round) % cells.length];
      rounds.push(/** @type {Report} */ (await load.ask(`transfer ${size}`, 0)));
    }
  }
  return cells.map(({ load, size, rounds }) => {
    const base = cells.find((cell) => cell.size === size && cell.load.name === BASE);
    return summarize(load.name, size, rounds, base?.rounds ?? []);
  });
}

/** @param {string} engine @param {number} size @param {Report[]} rounds @param {Report[]} base @returns {Cell} */
function summarize(engine, size, rounds, base) {
  const cpu = rounds.map(({ server, connections }) => server.cpu_ns / 1e3 / connections);
  const perMib = rounds.map(({ server, bytes }) => server.cpu_ns / 1e3 / (bytes / 2 ** 20));
  return {
    engine,
    size,
    seconds: median(rounds.map(({ seconds }) => seconds)),
    cpu_us: median(cpu),
    cpu_us_per_mib: median(perMib),
    to_base: spread(rounds.map(({ server }, index) => server.cpu_ns / base[index].server.cpu_ns)),
    rounds,
  };
}
