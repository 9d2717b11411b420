/**
 * Whether a write to a pipe without a reader could end the process by SIGPIPE.
 *
 * Node.js starts with SIGPIPE ignored. When a program removes its last listener of the signal, the default action comes back: it
 * ends the process. From then on the native write protects the process from the signal. That costs system calls, so it starts
 * only when it is needed. The disposition of SIGPIPE itself is not changed, because a program may send itself the signal on purpose.
 */
import { isMainThread } from 'node:worker_threads';

import { fd as native } from '../internal/binding.js';
import { isNode } from '../internal/driver.js';
import { WRITE_SURVIVE, WRITE_WITHOUT_HANDLER } from '../internal/layout.js';

/** The bits for the native write, or 0. They change when a listener of SIGPIPE is removed. */
export const survival: { bits: number } = { bits: 0 };

let isFollowed = false;

/** Sets {@link survival} from here on. Needed before the first write to a descriptor; further calls do nothing. */
export function followBrokenPipes(): void {
  if (isFollowed) return;
  isFollowed = true;
  if (!isNode) {
    // Other runtimes do not all report the removal of a listener. Deno keeps a handler of its own after the last listener is
    // removed, and that handler ends the process, so it must not run either.
    survival.bits = WRITE_SURVIVE | WRITE_WITHOUT_HANDLER;
    return;
  }
  // Listeners belong to the main thread, and a worker does not learn of their removal.
  if (!isMainThread || native.brokenPipeEndsProcess()) survival.bits = WRITE_SURVIVE;
  if (!isMainThread) return;
  process.on('removeListener', (name) => {
    if (name === 'SIGPIPE') survival.bits = WRITE_SURVIVE;
  });
}
