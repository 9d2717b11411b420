/**
 * Child processes of a program that reads signals from a descriptor.
 *
 * A child begins with the signal mask of the thread that started it (execve(2)). Node.js gives each child an empty one,
 * Bun and Deno do not, so there a child would never see a signal that a SignalFd reads. It must never lose a signal that
 * comes while a child is being started.
 */
import { ChildProcess } from 'node:child_process';

import { fd as native } from '../binding.js';
import { isNode } from '../driver.js';
import { typeError } from '../validate.js';

/**
 * Calls `start` and gives its result. Meanwhile this thread does not block the signals that open {@link SignalFd}s read, so
 * a process that `start` starts does not begin with them blocked. A signal that comes meanwhile is read from the
 * descriptor after the call.
 *
 * Bun and Deno need it for what starts processes other than `spawn()`, `exec()`, `execFile()` and `fork()` of
 * `node:child_process`: the `…Sync()` functions, `Bun.spawn()`, `Deno.Command`. Node.js needs it for addons alone.
 *
 * `start` is synchronous: what it does after its first `await` is not meant. Throws `TypeError` when it is no function, and
 * what it throws.
 *
 * @example
 * const child = withUnblockedSignals(() => Bun.spawn(['sleep', '60']));
 */
export function withUnblockedSignals<T>(start: () => T): T {
  if (typeof start !== 'function') throw typeError('start', 'a function', start);
  // False inside another such call: that one ends it.
  const isLifted = native.liftSignals();
  try {
    return start();
  } finally {
    if (isLifted) native.putBackSignals();
  }
}

let isFollowed = isNode;

/** From the first SignalFd on, in Bun and Deno: children of `node:child_process` start as Node.js starts them. */
export function followChildren(): void {
  if (isFollowed) return;
  isFollowed = true;
  // Declared by no types, and there in both: spawn(), exec(), execFile() and fork() go by it.
  const prototype = ChildProcess.prototype as unknown as { spawn: (options: unknown) => unknown };
  const { spawn } = prototype;
  if (typeof spawn !== 'function') return;
  prototype.spawn = function (this: unknown, ...options): unknown {
    return withUnblockedSignals(() => spawn.apply(this, options));
  };
}
