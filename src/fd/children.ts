/**
 * Starts child processes with the right signal mask while SignalFds are open.
 *
 * A child starts with the signal mask of the thread that starts it (execve(2)). Node.js gives each child an empty mask. Bun and Deno do
 * not, so a child would start there with the signals blocked that SignalFds read. A signal that arrives while a child is being started
 * is not lost.
 */
import { ChildProcess } from 'node:child_process';

import { fd as native } from '../internal/binding.js';
import { isNode } from '../internal/driver.js';
import { typeError } from '../internal/validate.js';

/**
 * Calls `start` and returns its result. During the call this thread does not block the signals that open {@link SignalFd}s read, so a
 * process that `start` starts does not begin with them blocked. A signal that arrives during the call is read from the descriptor
 * after it.
 *
 * Bun and Deno need this function for every way to start a process except `spawn()`, `exec()`, `execFile()` and `fork()` of
 * `node:child_process`: for its `…Sync()` functions, `Bun.spawn()` and `Deno.Command`. Node.js needs it only for addons that start
 * processes.
 *
 * `start` has to be synchronous: after its first `await` the signals are blocked again. Throws a `TypeError` if `start` is not a
 * function, and any error that it throws.
 *
 * @example
 * const child = withUnblockedSignals(() => Bun.spawn(['sleep', '60']));
 */
export function withUnblockedSignals<T>(start: () => T): T {
  if (typeof start !== 'function') throw typeError('start', 'a function', start);
  // False in a nested call: the outer call will block the signals again.
  const isLifted = native.liftSignals();
  try {
    return start();
  } finally {
    if (isLifted) native.putBackSignals();
  }
}

let isWrapped = isNode;

/**
 * Wraps the `spawn()` of `node:child_process` in Bun and Deno, so that its children do not start with the signals of SignalFds blocked.
 * A second call does nothing.
 */
export function wrapSpawn(): void {
  if (isWrapped) return;
  isWrapped = true;
  // The types do not declare this method, but both runtimes have it. spawn(), exec(), execFile() and fork() call it.
  const prototype = ChildProcess.prototype as unknown as { spawn: (options: unknown) => unknown };
  const { spawn } = prototype;
  if (typeof spawn !== 'function') return;
  prototype.spawn = function (this: unknown, ...options): unknown {
    return withUnblockedSignals(() => spawn.apply(this, options));
  };
}
