/** The commands that read and write keys. */
import { OK, ReplyError, simple } from 'edgepoll-resp';
import type { Reply } from 'edgepoll-resp';

import { integerOf, invalidExpire, syntaxError, wrongCount } from './errors.js';
import { globToRegExp } from './glob.js';
import type { Keys } from './keys.js';

type Args = readonly string[];

const MOST = 2n ** 63n - 1n;
const STRING = simple('string');
const NONE = simple('none');

export const get = (keys: Keys, [key = '']: Args): Reply => keys.get(key) ?? null;

export const mget = (keys: Keys, names: Args): Reply => names.map((name) => keys.get(name) ?? null);

export function mset(keys: Keys, pairs: Args): Reply {
  if (pairs.length % 2 === 1) throw wrongCount('mset');
  for (let at = 0; at < pairs.length; at += 2) keys.set(pairs[at] ?? '', pairs[at + 1] ?? '');
  return OK;
}

/** SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL] */
export function set(keys: Keys, [key = '', value = '', ...options]: Args): Reply {
  if (options.length === 0) {
    keys.set(key, value);
    return OK;
  }
  const { condition, end, gives, keeps } = parseSet(options);
  const old = keys.get(key);
  const isWanted = condition === undefined || (condition === 'XX') === (old !== undefined);
  if (isWanted) {
    if (keeps) keys.change(key, value);
    else keys.set(key, value);
    if (end !== undefined) keys.expireAt(key, end);
  }
  if (gives) return old ?? null;
  return isWanted ? OK : null;
}

interface SetOptions {
  condition?: 'NX' | 'XX';
  end?: number;
  gives: boolean;
  keeps: boolean;
}

function parseSet(words: Args): SetOptions {
  const options: SetOptions = { gives: false, keeps: false };
  for (let at = 0; at < words.length; at += 1) {
    const word = (words[at] ?? '').toUpperCase();
    switch (word) {
      case 'NX':
      case 'XX':
        if ((options.condition ?? word) !== word) throw syntaxError();
        options.condition = word;
        break;
      case 'GET':
        options.gives = true;
        break;
      case 'KEEPTTL':
        if (options.end !== undefined) throw syntaxError();
        options.keeps = true;
        break;
      case 'EX':
      case 'PX':
      case 'EXAT':
      case 'PXAT':
        at += 1;
        if (options.keeps || options.end !== undefined || at === words.length) throw syntaxError();
        options.end = endOf('set', words[at] ?? '', word, { mustBePositive: true });
        break;
      default:
        throw syntaxError();
    }
  }
  return options;
}

/** When something expires, in milliseconds since 1970. The unit is named as SET's option for it. */
function endOf(
  command: string,
  text: string,
  unit: 'EX' | 'PX' | 'EXAT' | 'PXAT',
  { mustBePositive = false } = {},
): number {
  let time = integerOf(text);
  if (mustBePositive && time <= 0n) throw invalidExpire(command);
  if (unit.startsWith('EX')) time *= 1000n;
  if (time < -MOST) throw invalidExpire(command);
  if (!unit.endsWith('AT')) time += BigInt(Date.now());
  if (time > MOST) throw invalidExpire(command);
  return Number(time);
}

/** SETEX and PSETEX. */
export const setWithEnd =
  (command: string, unit: 'EX' | 'PX') =>
  (keys: Keys, [key = '', time = '', value = '']: Args): Reply => {
    const end = endOf(command, time, unit, { mustBePositive: true });
    keys.set(key, value);
    keys.expireAt(key, end);
    return OK;
  };

export function setnx(keys: Keys, [key = '', value = '']: Args): Reply {
  if (keys.has(key)) return 0;
  keys.set(key, value);
  return 1;
}

export const del = (keys: Keys, names: Args): Reply =>
  names.filter((name) => keys.delete(name)).length;

export const exists = (keys: Keys, names: Args): Reply =>
  names.filter((name) => keys.has(name)).length;

export function append(keys: Keys, [key = '', tail = '']: Args): Reply {
  const text = (keys.get(key) ?? '') + tail;
  keys.change(key, text);
  return Buffer.byteLength(text);
}

export const strlen = (keys: Keys, [key = '']: Args): Reply =>
  Buffer.byteLength(keys.get(key) ?? '');

/** INCR, DECR: adds 1 or −1. */
export const step =
  (by: bigint) =>
  (keys: Keys, [key = '']: Args): Reply =>
    add(keys, key, by);

/** INCRBY, DECRBY. */
export const stepBy =
  (sign: bigint) =>
  (keys: Keys, [key = '', by = '']: Args): Reply =>
    add(keys, key, integerOf(by) * sign);

function add(keys: Keys, key: string, by: bigint): Reply {
  const sum = integerOf(keys.get(key) ?? '0') + by;
  if (BigInt.asIntN(64, sum) !== sum) {
    throw new ReplyError('ERR increment or decrement would overflow');
  }
  keys.change(key, String(sum));
  return sum;
}

/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, with NX, XX, GT or LT. */
export const expire =
  (command: string, unit: 'EX' | 'PX' | 'EXAT' | 'PXAT') =>
  (keys: Keys, [key = '', time = '', ...options]: Args): Reply => {
    const end = endOf(command, time, unit);
    const isWanted = conditionOf(options)(keys.endOf(key), end);
    if (!keys.has(key) || !isWanted) return 0;
    keys.expireAt(key, end);
    return 1;
  };

type Condition = (old: number | undefined, end: number) => boolean;

const conditions: Record<string, Condition> = {
  NX: (old) => old === undefined,
  XX: (old) => old !== undefined,
  // A key that does not expire counts as one that expires after all others.
  GT: (old, end) => old !== undefined && end > old,
  LT: (old, end) => old === undefined || end < old,
};

function conditionOf(options: Args): Condition {
  const words = options.map((word) => word.toUpperCase());
  const unknown = words.findIndex((word) => conditions[word] === undefined);
  if (unknown >= 0) throw new ReplyError(`ERR Unsupported option ${options[unknown]}`);
  const refuse = (which: string): never => {
    throw new ReplyError(`ERR ${which} options at the same time are not compatible`);
  };
  if (words.includes('NX') && words.length > 1) refuse('NX and XX, GT or LT');
  if (words.includes('GT') && words.includes('LT')) refuse('GT and LT');
  return (old, end) => words.every((word) => conditions[word]?.(old, end));
}

/** TTL (a unit of 1000 ms) and PTTL (1 ms). */
export const timeLeft =
  (unit: number) =>
  (keys: Keys, [key = '']: Args): Reply => {
    if (!keys.has(key)) return -2;
    const end = keys.endOf(key);
    return end === undefined ? -1 : Math.round((end - Date.now()) / unit);
  };

export const persist = (keys: Keys, [key = '']: Args): Reply => (keys.persist(key) ? 1 : 0);

export const type = (keys: Keys, [key = '']: Args): Reply => (keys.has(key) ? STRING : NONE);

export function find(keys: Keys, [pattern = '']: Args): Reply {
  const expression = globToRegExp(pattern);
  return [...keys.names()].filter((name) => expression.test(name));
}
