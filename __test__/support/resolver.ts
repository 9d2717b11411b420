/** The resolver's answers as a test wants them. It must never last longer than the test, which has to be a serial one. */
import type { LookupAddress } from 'node:dns';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

import type { ExecutionContext } from 'ava';

/** Lets the resolver answer with these addresses until the test ends; without any, never. */
export function resolveAs(t: ExecutionContext, addresses: string[]): void {
  const { lookup } = dns;
  const answers: LookupAddress[] = addresses.map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
  }));
  const answer = answers.length > 0 ? Promise.resolve(answers) : new Promise(() => {});
  dns.lookup = (() => answer) as unknown as typeof lookup;
  syncBuiltinESMExports();
  t.teardown(() => {
    dns.lookup = lookup;
    syncBuiltinESMExports();
  });
}
