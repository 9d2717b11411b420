/** The commands about a client's own connection, and about the server. */
import { OK, ReplyError, setVersion, simple } from 'edgepoll-resp';
import type { Reply } from 'edgepoll-resp';

import type { Client } from './channels.js';
import { integerOf, syntaxError, wrongCount } from './errors.js';

type Args = readonly string[];

/** The version of Redis whose commands these are. Client libraries ask for it. */
const VERSION = '7.0.15';
const PONG = simple('PONG');

const names = new WeakMap<Client, string>();
const versions = new WeakMap<Client, 2 | 3>();
const numbers = new WeakMap<Client, number>();
let lastNumber = 0;

export const versionOf = (caller: Client): 2 | 3 => versions.get(caller) ?? 2;

function numberOf(caller: Client): number {
  let number = numbers.get(caller);
  if (number === undefined) {
    lastNumber += 1;
    number = lastNumber;
    numbers.set(caller, number);
  }
  return number;
}

/** HELLO [version [AUTH name password] [SETNAME name]] */
export function hello(caller: Client, [version, ...options]: Args): Reply {
  let wanted = versionOf(caller);
  if (version !== undefined) {
    if (!/^-?\d{1,18}$/.test(version)) {
      throw new ReplyError('ERR Protocol version is not an integer or out of range');
    }
    if (version !== '2' && version !== '3') {
      throw new ReplyError('NOPROTO unsupported protocol version');
    }
    wanted = version === '3' ? 3 : 2;
  }
  let name: string | undefined;
  for (let at = 0; at < options.length; at += 1) {
    const option = (options[at] ?? '').toUpperCase();
    if (option === 'AUTH' && at + 2 < options.length) at += 2;
    else if (option === 'SETNAME' && at + 1 < options.length) {
      at += 1;
      name = checkedName(options[at] ?? '');
    } else throw new ReplyError(`ERR Syntax error in HELLO option '${options[at]}'`);
  }
  if (name !== undefined) names.set(caller, name);
  versions.set(caller, wanted);
  // The reply to HELLO is the first one in the new version.
  setVersion(caller, wanted);
  return new Map<Reply, Reply>([
    ['server', 'redis'],
    ['version', VERSION],
    ['proto', wanted],
    ['id', numberOf(caller)],
    ['mode', 'standalone'],
    ['role', 'master'],
    ['modules', []],
  ]);
}

function checkedName(name: string): string {
  if (/^[!-~]*$/.test(name)) return name;
  const message = 'Client names cannot contain spaces, newlines or special characters.';
  throw new ReplyError(`ERR ${message}`);
}

/** CLIENT subcommand [arguments] */
export function client(caller: Client, [subcommand = '', ...args]: Args): Reply {
  switch (subcommand.toUpperCase()) {
    case 'ID':
      return numberOf(caller);
    case 'GETNAME':
      return names.get(caller) ?? null;
    case 'SETNAME':
      if (args.length !== 1) throw wrongCount('client|setname');
      names.set(caller, checkedName(args[0] ?? ''));
      return OK;
    case 'SETINFO':
    case 'NO-EVICT':
    case 'NO-TOUCH':
      return OK;
    case 'INFO':
    case 'LIST':
      return `id=${numberOf(caller)} name=${names.get(caller) ?? ''} resp=${versionOf(caller)}\n`;
    default:
      throw unknownSubcommand('CLIENT', subcommand);
  }
}

/** PING [message] */
export function ping(caller: Client, [message]: Args, isSubscribed: boolean): Reply {
  if (isSubscribed && versionOf(caller) === 2) return ['pong', message ?? ''];
  return message ?? PONG;
}

/** RESET */
export function reset(caller: Client): Reply {
  names.delete(caller);
  versions.delete(caller);
  setVersion(caller, 2);
  return simple('RESET');
}

/** SELECT index: there is one database. */
export function select([index = '']: Args): Reply {
  if (integerOf(index) !== 0n) throw new ReplyError('ERR DB index is out of range');
  return OK;
}

/** COMMAND [COUNT | DOCS | LIST | INFO]: the names alone. */
export function command(known: readonly string[], [subcommand]: Args): Reply {
  switch (subcommand?.toUpperCase()) {
    case 'COUNT':
      return known.length;
    case 'DOCS':
      return new Map();
    case 'LIST':
      return known.map((name) => name.toLowerCase());
    case undefined:
    case 'INFO':
      return [];
    default:
      throw unknownSubcommand('COMMAND', subcommand ?? '');
  }
}

/** CONFIG GET pattern | SET name value: there is nothing to configure. */
export function config([subcommand = '']: Args): Reply {
  switch (subcommand.toUpperCase()) {
    case 'GET':
      return new Map();
    case 'SET':
    case 'RESETSTAT':
      return OK;
    default:
      throw unknownSubcommand('CONFIG', subcommand);
  }
}

/** FUNCTION FLUSH: there are no functions. */
export function functions([subcommand = '']: Args): Reply {
  if (subcommand.toUpperCase() === 'FLUSH') return OK;
  throw unknownSubcommand('FUNCTION', subcommand);
}

/** INFO */
export function info(keys: number): Reply {
  return [
    '# Server',
    `redis_version:${VERSION}`,
    'redis_mode:standalone',
    `process_id:${process.pid}`,
    `uptime_in_seconds:${Math.floor(process.uptime())}`,
    '',
    '# Memory',
    `used_memory:${process.memoryUsage().heapUsed}`,
    '',
    '# Persistence',
    'loading:0',
    '',
    '# Replication',
    'role:master',
    '',
    '# Keyspace',
    ...(keys > 0 ? [`db0:keys=${keys},expires=0,avg_ttl=0`] : []),
    '',
  ].join('\r\n');
}

/** FLUSHALL and FLUSHDB [ASYNC | SYNC] */
export function checkFlush([mode]: Args): void {
  if (mode !== undefined && !/^(?:a?sync)$/i.test(mode)) throw syntaxError();
}

export function unknownSubcommand(name: string, subcommand: string): ReplyError {
  return new ReplyError(`ERR unknown subcommand '${subcommand}'. Try ${name} HELP.`);
}
