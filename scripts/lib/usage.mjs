// The arguments of the scripts. Every script answers `--help` with its usage, and a wrong command line with one line and code 2.

import { parseArgs } from 'node:util';

/** Says in one line what is wrong with a command line. */
export class UsageError extends Error {
  name = 'UsageError';
}

/**
 * This process's arguments, as `{ values, positionals }` of node:util's parseArgs(), whose `options` these are. There must be at least `least`
 * and at most `most` positionals.
 */
export function readArguments(usage, { options = {}, least = 0, most = least } = {}) {
  const { values, positionals } = parse(usage, options);
  if (values.help) showUsage(usage);
  if (positionals.length < least) refuseArguments(`usage: ${usage}`);
  if (positionals.length > most)
    refuseArguments(`unknown argument '${positionals[most]}'. usage: ${usage}`);
  return { values, positionals };
}

/** The arguments of a script that passes all but the first one on to another program. */
export function readPassedOn(usage) {
  const [first, ...others] = process.argv.slice(2);
  if (first === '--help' || first === '-h') showUsage(usage);
  if (first === undefined) refuseArguments(`usage: ${usage}`);
  if (first.startsWith('-')) refuseArguments(`unknown option '${first}'. usage: ${usage}`);
  return { first, others };
}

/** Ends the process over its arguments. */
export function refuseArguments(message) {
  console.error(message);
  process.exit(2);
}

function parse(usage, options) {
  try {
    return parseArgs({
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    if (!error.code?.startsWith('ERR_PARSE_ARGS_')) throw error;
    // What follows tells how to name a file that begins with a dash.
    const [message] = error.message.split('. To specify a positional');
    return refuseArguments(`${message}. usage: ${usage}`);
  }
}

function showUsage(usage) {
  console.log(`usage: ${usage}`);
  process.exit(0);
}
