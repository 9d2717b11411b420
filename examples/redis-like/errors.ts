/** Errors in the words of Redis. */
import { ReplyError } from 'edgepoll-resp';

export const syntaxError = (): ReplyError => new ReplyError('ERR syntax error');

const notAnInteger = (): ReplyError =>
  new ReplyError('ERR value is not an integer or out of range');

export const wrongCount = (name: string): ReplyError =>
  new ReplyError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);

export const invalidExpire = (name: string): ReplyError =>
  new ReplyError(`ERR invalid expire time in '${name.toLowerCase()}' command`);

/** An integer of 64 bits. Throws an error reply for anything else. */
export function integerOf(text: string): bigint {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(text)) throw notAnInteger();
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value) throw notAnInteger();
  return value;
}
