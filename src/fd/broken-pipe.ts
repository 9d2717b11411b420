/**
 * Whether a write to a pipe that nobody reads could end the process.
 *
 * Node.js starts with SIGPIPE ignored. The last listener of it that goes leaves the default action behind, which is to
 * end the process: from then on writes are made so that they survive it. That costs them system calls, so it must never
 * begin before. What SIGPIPE does stays as it is: a program may want to end by one that it sends to itself.
 */
import { isMainThread } from 'node:worker_threads';

import { fd as native } from '../internal/binding.js';
import { isNode } from '../internal/driver.js';

/** The bit that tells the native write so. */
const MUST_SURVIVE = 2;

/** With it: no handler is told either. Deno keeps one of its own when the last listener has gone, and ends the process in it. */
const UNHEARD = 4;

/** The bits for the native write, or 0. They change when SIGPIPE's last listener is removed. */
export const survival: { bits: number } = { bits: 0 };

let isFollowed = false;

/** From the first descriptor on that one can write to. */
export function followBrokenPipes(): void {
  if (isFollowed) return;
  isFollowed = true;
  if (!isNode) {
    // Not every runtime tells of listeners that go.
    survival.bits = MUST_SURVIVE | UNHEARD;
    return;
  }
  // A worker is not told of listeners, which are the main thread's.
  if (!isMainThread || native.brokenPipeEndsProcess()) survival.bits = MUST_SURVIVE;
  if (!isMainThread) return;
  process.on('removeListener', (name) => {
    if (name === 'SIGPIPE') survival.bits = MUST_SURVIVE;
  });
}
