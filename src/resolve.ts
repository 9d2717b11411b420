/** Names to addresses, by the host's own resolver. It must never open a socket. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

/** Every address of a host, in the resolver's order; an address is its own only one. */
export async function resolve(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
