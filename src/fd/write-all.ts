/**
 * Writes all bytes to a descriptor that may take only a part of them at a time.
 *
 * The bytes of two calls are not mixed, and the event loop runs between long series of writes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

import { EdgepollError } from '../internal/errors.js';
import { optionsObject } from '../internal/option-names.js';
import { abortReason, lengthOf, optionalSignal, throwIfAborted } from '../internal/validate.js';
import type { OwnedFd } from './owned.js';
import type { WaitOptions } from './ready.js';
import { WAIT_OPTIONS } from './ready.js';

/** After this many writes in a row the event loop runs. */
const MAX_IN_A_ROW = 32;

/** For each descriptor a promise that settles when all calls so far have settled. */
const queues = new WeakMap<OwnedFd, Promise<unknown>>();

/** See {@link OwnedFd.writeAll}. */
export function writeAll(owner: OwnedFd, bytes: Uint8Array, options: WaitOptions): Promise<void> {
  optionsObject('options', options, WAIT_OPTIONS);
  const signal = optionalSignal('signal', options.signal);
  const before = queues.get(owner);
  const written = write(owner, bytes, options, before && unlessAborted(before, signal));
  // The next call waits for the earlier ones even if this call is aborted and settles before them.
  const queue = Promise.allSettled([before, written]);
  queues.set(owner, queue);
  void queue.finally(() => {
    if (queues.get(owner) === queue) queues.delete(owner);
  });
  return written;
}

/** Resolves when `before` resolves, which does not reject. Rejects with the signal's reason if it aborts first. */
function unlessAborted(
  before: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (signal === undefined) return before;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortReason(signal));
    throwIfAborted(signal);
    signal.addEventListener('abort', abort, { once: true });
    void before.finally(() => {
      signal.removeEventListener('abort', abort);
      resolve(undefined);
    });
  });
}

async function write(
  owner: OwnedFd,
  bytes: Uint8Array,
  options: WaitOptions,
  before: Promise<unknown> | undefined,
): Promise<void> {
  const length = lengthOf(bytes);
  let done = 0;
  try {
    if (before !== undefined) await before;
    // An empty array is written, too: on a datagram socket that sends an empty datagram.
    for (let calls = 1; ; calls += 1) {
      throwIfAborted(options.signal);
      const count = owner.write(bytes.subarray(done));
      if (count !== null) {
        done += count;
        if (done >= length) return;
      }
      if (count === null) await owner.writable(options);
      else if (calls % MAX_IN_A_ROW === 0) await nextTurn();
    }
  } catch (error) {
    if (error instanceof EdgepollError && error !== options.signal?.reason)
      Object.assign(error, { bytesWritten: done });
    throw error;
  }
}
