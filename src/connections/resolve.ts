/** Resolves a host name to its addresses, by the runtime's own resolver. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import type { Caller } from '../internal/caller.js';
import { showCaller } from '../internal/caller.js';
import { abortReason } from '../internal/validate.js';

/**
 * The addresses of a host, in the resolver's order. An address resolves to itself alone. Rejects with the signal's reason as
 * soon as it aborts; the resolver cannot be interrupted, so its answer is then ignored. The stack of the resolver's error shows
 * the caller.
 */
export async function resolve(
  host: string,
  signal: AbortSignal | undefined,
  caller: Caller,
): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const looking = lookup(host, { all: true, verbatim: true }).catch((error: Error) => {
    throw showCaller(error, caller);
  });
  const found = await (signal === undefined ? looking : unlessAborted(looking, signal));
  return found.map(({ address }) => address);
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort!: () => void;
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(abortReason(signal));
  });
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
