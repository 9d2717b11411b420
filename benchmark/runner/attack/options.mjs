// The command line of `npm run attack`: parsing, bounds, help.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UsageError } from '../options.mjs';
import { SERVERS } from './servers.mjs';

/** The kinds of hostile clients, as the program `hostile` names them. */
const KINDS = [
  'byte-a-second',
  'mute',
  'never-reads',
  'sips',
  'flood',
  'flood-blind',
  'empty-lines',
  'reset',
  'close',
  'scan',
  'fin',
  'urgent',
  'endless-line',
];

export const USAGE = `npm run attack -- [options]

  --clients N      hostile clients (default 10000; with --each 2000), at most 18000
  --seconds S      length of the attack (default 60; with --each 20)
  --kind a,b       only these kinds (default all, which is also called mixed):
                   ${KINDS.slice(0, 7).join(', ')},
                   ${KINDS.slice(7).join(', ')}
  --each           each of the kinds alone, one after the other
  --deadlines MS   the servers' deadlines for the first byte, a message and sending (default their own; with --each 5000)
  --only a,b       only these servers (${SERVERS.join(', ')})
  --cpus S,L       CPU of the servers and CPU of all clients (default the first two)
  --json FILE      write everything that was measured (default benchmark/results/attack.json), and charts beside it
  --check          a brief run that fails if a well-behaved client suffers or something is not given back
`;

/**
 * @typedef {object} Options
 * @property {number} clients
 * @property {number} seconds
 * @property {number} calm seconds before the attack
 * @property {number} after seconds after it
 * @property {string[]} kinds
 * @property {boolean} each
 * @property {string[]} only
 * @property {number | undefined} deadlines milliseconds
 * @property {{ server: number, load: number }} cpus
 * @property {string | undefined} json
 * @property {boolean} check
 */

/** @param {string[]} argv @returns {Options | undefined} undefined when help was asked for */
export function parseOptions(argv) {
  const values = parse(argv);
  if (values.help) return undefined;
  const each = values.each === true;
  const check = values.check === true;
  const kinds = list('--kind', values.kind, KINDS, 'mixed');
  const only = list('--only', values.only, SERVERS);
  return {
    clients:
      integer('--clients', values.clients, 1, 18_000) ?? (check ? 300 : each ? 2000 : 10_000),
    seconds: integer('--seconds', values.seconds, 1, 600) ?? (check ? 4 : each ? 20 : 60),
    calm: check ? 1 : each ? 3 : 5,
    after: check ? 2 : 10,
    kinds,
    each,
    deadlines: integer('--deadlines', values.deadlines, 100, 600_000) ?? (each ? 5000 : undefined),
    only:
      check && values.only === undefined
        ? SERVERS.filter((name) => name.startsWith('edgepoll'))
        : only,
    cpus: values.cpus === undefined ? firstCpus() : cpus(values.cpus),
    json: values.json,
    check,
  };
}

/** @param {string[]} argv */
function parse(argv) {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        clients: { type: 'string' },
        seconds: { type: 'string' },
        kind: { type: 'string' },
        each: { type: 'boolean' },
        deadlines: { type: 'string' },
        only: { type: 'string' },
        cpus: { type: 'string' },
        json: { type: 'string' },
        check: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string} name @param {string | undefined} text @param {number} least @param {number} most */
function integer(name, text, least, most) {
  if (text === undefined) return undefined;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new UsageError(`${name} must be a whole number from ${least} to ${most}, not '${text}'`);
  return value;
}

/** @param {string} name @param {string | undefined} text @param {string[]} known @param {string} [all] @returns {string[]} in the order of `known` */
function list(name, text, known, all) {
  if (text === undefined || text === all) return known;
  const wanted = text.split(',').map((part) => part.trim());
  const stranger = wanted.find((part) => !known.includes(part));
  if (stranger !== undefined)
    throw new UsageError(`${name}: there is no '${stranger}': ${known.join(', ')}`);
  return known.filter((part) => wanted.includes(part));
}

/** The first two CPUs that this process may use, or twice the only one. */
function firstCpus() {
  const status = readFileSync('/proc/self/status', 'utf8');
  const ranges = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
  const allowed = ranges.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const [server, load = server] = allowed;
  return { server, load };
}

/** @param {string} text */
function cpus(text) {
  const [server, load, ...more] = text.split(',').map((part) => integer('--cpus', part, 0, 4095));
  if (server === undefined || load === undefined || more.length > 0)
    throw new UsageError(`--cpus must be two numbers with a comma, not '${text}'`);
  return { server, load };
}
