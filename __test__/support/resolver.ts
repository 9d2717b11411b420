/** Replaces the resolver's answers until the test ends. Only for serial tests, because the replacement is process-wide. */
import type { LookupAddress } from 'node:dns';
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

import type { ExecutionContext } from 'ava';

/** The resolver answers with these addresses until the test ends; with an empty list it never answers. */
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
