/**
 * The waits for a poller's events, and their end by a timeout or a signal.
 *
 * A wait settles once, and leaves neither a timer nor a listener behind.
 */
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';

import { abortReason } from '../internal/validate.js';
import type { ReadinessEvent } from './readiness-event.js';

/** The longest delay of a Node.js timer, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** One pending `next()` or `poll()`. */
export interface Waiter<T> {
  /** Whether this is a `poll()`, which takes a batch. */
  isBatch: boolean;
  /** Settles a `next()`. */
  one: (result: IteratorResult<ReadinessEvent<T>, undefined> | Promise<never>) => void;
  /** Settles a `poll()`. */
  batch: (events: ReadinessEvent<T>[] | Promise<never>) => void;
  /** The timer of a `poll()` with a timeout. It keeps the process alive if the poller does. */
  timer?: NodeJS.Timeout;
}

export const nothing = (): void => {};

/** The functions of a poller that a `poll()` needs. */
export interface WaiterQueue<T> {
  /** Whether the poller keeps the process alive. */
  readonly isRefed: boolean;
  /** Adds `waiter` to those that get events. */
  join(waiter: Waiter<T>): void;
  /** Removes `waiter` from those that get events. */
  leave(waiter: Waiter<T>): void;
  /** The timeout of `waiter` is over: gives it the events that are ready now, or an empty batch. */
  expire(waiter: Waiter<T>): void;
}

/** Waits in `queue` for a batch, for at most `timeout` milliseconds. Rejects with the reason of `signal`. */
export function waitForBatch<T>(
  queue: WaiterQueue<T>,
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadinessEvent<T>[]> {
  const deadline = timeout === undefined ? Infinity : performance.now() + timeout;
  return new Promise((resolve) => {
    const settle: Waiter<T>['batch'] = (events) => {
      clearTimeout(waiter.timer);
      signal?.removeEventListener('abort', abort);
      resolve(events);
    };
    const waiter: Waiter<T> = { isBatch: true, one: nothing, batch: settle };
    const abort = (): void => {
      queue.leave(waiter);
      settle(Promise.reject(abortReason(signal)));
    };
    // A timer may fire up to a millisecond early, and its delay is limited to 24 days. So the clock decides whether the time is over.
    const wait = (): void => {
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) {
        queue.expire(waiter);
        return;
      }
      waiter.timer = setTimeout(wait, Math.min(left, LONGEST_TIMER));
      if (!queue.isRefed) waiter.timer.unref();
    };
    queue.join(waiter);
    signal?.addEventListener('abort', abort, { once: true });
    if (timeout !== undefined) wait();
  });
}
