/** Lists of addresses, as the options `exemptAddresses` and `blockList` take them, and their checks. */
import { isIP } from 'node:net';

import { rangeError, typeError } from '../internal/validate.js';

/**
 * Addresses and prefixes, such as `'192.0.2.1'`, `'10.0.0.0/8'` and `'2001:db8::/32'`; or a `net.BlockList`, whose rules are read
 * when it is given. An IPv6 address that maps an IPv4 address is the IPv4 address, so `'::/0'` has the IPv4 addresses too.
 */
export type AddressList = readonly string[] | { readonly rules: readonly string[] };

const A_LIST = 'a net.BlockList or an array of addresses';
const AN_ADDRESS = "an address such as '192.0.2.1', or a prefix such as '10.0.0.0/8'";
/** A rule of a `net.BlockList`: `Address: IPv4 192.0.2.1`, `Subnet: IPv4 10.0.0.0/8`, `Range: IPv6 ::1-::9`. */
const RULE = /^(?:Address|Subnet|Range): IPv[46] ([\d.:a-f/-]+)$/i;

/** Checks a list. Returns its addresses, prefixes and ranges as the native side reads them. */
export function addressList(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    for (const [at, entry] of value.entries()) check(`${name}[${at}]`, entry);
    return value as string[];
  }
  if (typeof value !== 'object' || value === null) throw typeError(name, A_LIST, value);
  return rulesOf(name, value);
}

function check(name: string, value: unknown): void {
  if (typeof value !== 'string') throw typeError(name, AN_ADDRESS, value);
  const slash = value.indexOf('/');
  const host = slash < 0 ? value : value.slice(0, slash);
  const family = host.includes('%') ? 0 : isIP(host);
  const most = family === 4 ? 32 : 128;
  const length = slash < 0 ? '0' : value.slice(slash + 1);
  if (family === 0 || !/^\d{1,3}$/.test(length) || Number(length) > most)
    throw rangeError(name, AN_ADDRESS, value);
}

/** The rules of a `net.BlockList`. A runtime whose class does not give them gets an error: the list must not seem to be empty. */
function rulesOf(name: string, list: object): readonly string[] {
  const { rules } = list as { rules?: unknown };
  if (!Array.isArray(rules)) {
    const hint = '; this object has no list of rules: pass an array of strings';
    throw typeError(name, A_LIST, list, hint);
  }
  return rules.map((rule: unknown, at) => {
    const found = typeof rule === 'string' ? RULE.exec(rule)?.[1] : undefined;
    if (found === undefined) throw typeError(`${name}.rules[${at}]`, 'a rule', rule);
    return found;
  });
}
