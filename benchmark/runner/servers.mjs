// The servers that can be measured: their names, how each is started, and what it needs.

import path from 'node:path';
import { BENCHMARK, EXAMPLE, ROOT, runtimePath } from './prepare.mjs';
import { UsageError } from './options.mjs';

export const FLOOR = 'floor';
export const NODE_NET = 'node-net';
export const EDGEPOLL = ['edgepoll-events', 'edgepoll-connection'];

/**
 * @typedef {object} ServerSpec
 * @property {string} name
 * @property {string[]} command
 * @property {string[] | undefined} collecting the command when memory is measured: throws garbage away on SIGUSR2 and says
 *   `collected`; undefined when the program has no garbage or no way to do it
 * @property {string[]} needs what has to be built or installed
 */

/** @param {string} name @param {string[]} args @param {string[]} needs @returns {ServerSpec} */
function onNode(name, args, needs) {
  const preload = path.join(BENCHMARK, 'servers/collect.mjs');
  return {
    name,
    command: [process.execPath, ...args],
    collecting: [process.execPath, '--import', preload, ...args],
    needs,
  };
}

/** @param {string} name @param {string[]} command @param {boolean} collects @param {string[]} needs @returns {ServerSpec} */
function onOther(name, command, collects, needs) {
  return { name, command, collecting: collects ? command : undefined, needs };
}

/** @param {string} file */
const script = (file) => path.join(BENCHMARK, 'servers', file);

/** @param {string} name @param {string[]} options */
const example = (name, ...options) =>
  onNode(
    `edgepoll-${name}`,
    // All clients are on one address, which by default may have half of the connections.
    [EXAMPLE, ...options, '--per-address', '1000000', '--host', '127.0.0.1', '--port', '0'],
    ['edgepoll'],
  );

/** @param {string} floorProgram @returns {ServerSpec[]} */
function known(floorProgram) {
  const deno = [
    runtimePath('deno'),
    'run',
    '--no-prompt',
    '--allow-net',
    '--v8-flags=--expose-gc',
    script('deno.mjs'),
  ];
  return [
    onOther(FLOOR, [floorProgram], false, []),
    example('events', '--style', 'events'),
    example('connection', '--style', 'connection'),
    // The two above borrow their chunks. This one may keep them, which costs more.
    example('owned', '--style', 'events', '--chunks', 'owned'),
    onNode(NODE_NET, [script('node-net.mjs')], []),
    onOther('bun', [runtimePath('bun'), script('bun.mjs')], true, ['bun']),
    onOther('deno', deno, true, ['deno']),
  ];
}

/** @param {import('./options.mjs').Options} options @param {string} floorProgram @returns {ServerSpec[]} */
export function selectServers(options, floorProgram) {
  const all = known(floorProgram);
  for (const { name, command } of options.extraServers) {
    if (all.some((spec) => spec.name === name))
      throw new UsageError(`--server: '${name}' is taken`);
    // The shell understands quotes; `exec` makes the command itself the process that is started.
    all.push(onOther(name, ['sh', '-c', `exec ${command}`], false, []));
  }
  const only = options.only;
  if (only === undefined) return all;
  for (const name of only) {
    if (!all.some((spec) => spec.name === name)) {
      throw new UsageError(
        `--only: no server is named '${name}': ${all.map((spec) => spec.name).join(', ')}`,
      );
    }
  }
  // Servers of --server always run.
  return all.filter(
    (spec) =>
      only.includes(spec.name) || options.extraServers.some((extra) => extra.name === spec.name),
  );
}

/** A command without this machine's paths, for reports. @param {string[]} command */
export function readable(command) {
  return command.map((word) => (path.isAbsolute(word) ? relative(word) : word)).join(' ');
}

/** @param {string} file */
function relative(file) {
  const inside = path.relative(ROOT, file);
  return inside.startsWith('..') ? path.basename(file) : inside;
}
