// The command line of the benchmarks: parsing, bounds, help.

import { parseArgs } from 'node:util';

const BENCHMARKS = ['echo', 'idle', 'churn', 'readiness', 'resp', 'websocket', 'buffers'];
/** Without `buffers`, which needs root. */
const CHECKED = BENCHMARKS.slice(0, -1);
const NAMES = 'echo, idle, churn, readiness, resp, websocket or buffers';
/** These have servers of their own. */
export const OWN_SERVERS = ['readiness', 'resp', 'websocket', 'buffers'];
const PARTS = /** @type {const} */ (['pingpong', 'idle', 'transfer']);
/** @typedef {(typeof PARTS)[number]} Part of the readiness benchmark */

export const USAGE = `npm run bench -- echo|idle|churn|readiness|resp|websocket|buffers [options]

  --seconds S            length of a timed window (default 0.1)
  --rounds R             rounds; in each, every server has one window (default 75; idle and resp: 7; websocket: 25;
                         readiness: by part)
  --only a,b             only these servers (floor, edgepoll-events, edgepoll-connection, edgepoll-owned, node-net, bun, deno);
                         readiness: only these parts (pingpong, idle, transfer)
                         resp: only these and redis-server (edgepoll-batches, edgepoll-connection, edgepoll-rust, node-net)
                         websocket: only these (edgepoll-events, edgepoll-connection, ws, bun)
  --server NAME=COMMAND  measure another server as well; it prints "listening on HOST:PORT pid PID"; may be repeated
  --scenario a,b         echo only: 1x64, 64x64, 1000x64, 64x16384, 64x64x16
  --cpus S,L             CPU of the servers and CPU of the load (default 0,1)
  --json FILE            write everything that was measured; readiness puts its charts (SVG) beside it, and writes to
                         benchmark/results without this option
  --check                a brief run that shows that all servers answer correctly; without a benchmark's
                         name, of all benchmarks
`;

/** A mistake in the command line, shown without a stack trace. */
export class UsageError extends Error {}

/**
 * @typedef {object} Options
 * @property {string[]} benchmarks
 * @property {Part[]} parts of readiness
 * @property {boolean} check
 * @property {number} seconds
 * @property {number | undefined} rounds
 * @property {number} idleConnections
 * @property {string[] | undefined} only
 * @property {string[] | undefined} scenarios
 * @property {{ name: string, command: string }[]} extraServers
 * @property {{ server: number, load: number }} cpus
 * @property {string | undefined} json
 */

/** @param {string[]} argv @returns {Options | undefined} undefined when help was asked for */
export function parseOptions(argv) {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const check = values.check === true;
  const benchmarks = positionals.length === 0 && check ? CHECKED : positionals;
  if (benchmarks.length === 0 || (benchmarks.length > 1 && positionals.length > 0)) {
    throw new UsageError(`name one benchmark: ${NAMES}`);
  }
  for (const name of benchmarks) {
    if (!BENCHMARKS.includes(name))
      throw new UsageError(`no benchmark is named '${name}': ${NAMES}`);
  }
  const onlyReadiness = benchmarks.every((name) => name === 'readiness');
  const isOwn = benchmarks.every((name) => OWN_SERVERS.includes(name));
  if (isOwn && (values.server !== undefined || values.scenario !== undefined))
    throw new UsageError(`--server and --scenario mean nothing to ${benchmarks.join()}`);
  return {
    benchmarks,
    parts: onlyReadiness ? parts(list(values.only)) : [...PARTS],
    check,
    seconds: number('--seconds', values.seconds, 0.02, 600) ?? 0.1,
    rounds: integer('--rounds', values.rounds, 1, 1000) ?? (check ? 2 : undefined),
    idleConnections: check ? 500 : 10_000,
    only: onlyReadiness ? undefined : list(values.only),
    scenarios: list(values.scenario),
    extraServers: (values.server ?? []).map(extraServer),
    cpus: cpus(values.cpus ?? '0,1'),
    json: values.json,
  };
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        only: { type: 'string' },
        server: { type: 'string', multiple: true },
        scenario: { type: 'string' },
        cpus: { type: 'string' },
        json: { type: 'string' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string} name @param {string | undefined} text @param {number} least @param {number} most */
function number(name, text, least, most) {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= least && value <= most)) {
    throw new UsageError(`${name} must be a number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

/** @param {string} name @param {string | undefined} text @param {number} least @param {number} most */
function integer(name, text, least, most) {
  const value = number(name, text, least, most);
  if (value !== undefined && !Number.isInteger(value))
    throw new UsageError(`${name} must be a whole number, not '${text}'`);
  return value;
}

/** @param {string | undefined} text */
function list(text) {
  return text
    ?.split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** @param {string[] | undefined} names @returns {Part[]} in their own order */
function parts(names) {
  for (const name of names ?? []) {
    if (!PARTS.some((part) => part === name))
      throw new UsageError(`--only: readiness has no part '${name}': ${PARTS.join(', ')}`);
  }
  return PARTS.filter((part) => names?.includes(part) ?? true);
}

/** @param {string} text */
function extraServer(text) {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new UsageError(`--server must be NAME=COMMAND, not '${text}'`);
  return { name: text.slice(0, at), command: text.slice(at + 1) };
}

/** @param {string} text */
function cpus(text) {
  const [server, load, ...more] = text.split(',').map((part) => integer('--cpus', part, 0, 4095));
  if (server === undefined || load === undefined || more.length > 0) {
    throw new UsageError(`--cpus must be two numbers with a comma, not '${text}'`);
  }
  return { server, load };
}
