/**
 * Child processes of a program that reads signals from a descriptor.
 *
 * A child begins with the signal mask of the thread that started it (execve(2)). Node.js gives each child an empty one,
 * Bun and Deno do not, so a child would start there with the signals of this process's SignalFds blocked. It must never lose
 * a signal that comes while a child is being started.
 */
import { ChildProcess } from 'node:child_process';

import { fd as native } from '../internal/binding.js';
import { isNode } from '../internal/driver.js';
import { typeError } from '../internal/validate.js';

/**
 * Calls `start` and gives its result. Meanwhile this thread does not block the signals that open {@link SignalFd}s read, so
 * a process that `start` starts does not begin with them blocked. A signal that comes meanwhile is read from the
 * descriptor after the call.
 *
 * Bun and Deno need it for what starts processes other than `spawn()`, `exec()`, `execFile()` and `fork()` of
 * `node:child_process`: the `…Sync()` functions, `Bun.spawn()`, `Deno.Command`. Node.js needs it for addons alone.
 *
 * `start` has to be synchronous: after its first `await` the signals are blocked again. Throws a `TypeError` if it is not a
 * function, and any error that it throws.
 *
 * @example
 * const child = withUnblockedSignals(() => Bun.spawn(['sleep', '60']));
 */
export function withUnblockedSignals<T>(start: () => T): T {
  if (typeof start !== 'function') throw typeError('start', 'a function', start);
  // False in a nested call: then the outer call blocks the signals again.
  const isLifted = native.liftSignals();
  try {
    return start();
  } finally {
    if (isLifted) native.putBackSignals();
  }
}

let isFollowed = isNode;

/** In Bun and Deno, from the first SignalFd on: children of `node:child_process` start with an empty signal mask, as in Node.js. */
export function followChildren(): void {
  if (isFollowed) return;
  isFollowed = true;
  // No types declare this method, but both runtimes have it: spawn(), exec(), execFile() and fork() call it.
  const prototype = ChildProcess.prototype as unknown as { spawn: (options: unknown) => unknown };
  const { spawn } = prototype;
  if (typeof spawn !== 'function') return;
  prototype.spawn = function (this: unknown, ...options): unknown {
    return withUnblockedSignals(() => spawn.apply(this, options));
  };
}
