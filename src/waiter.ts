/**
 * The waits for a poller's events, and their end by time or signal.
 *
 * It must never settle a wait twice, nor leave a timer or a listener behind. Used by poller.ts.
 */
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';

import type { ReadinessEvent } from './readiness-event.js';
import { abortReason } from './validate.js';

/** The longest that a timer of the host's takes. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface Waiter<T> {
  /** A batch is wanted; else one event. */
  isBatch: boolean;
  one: (result: IteratorResult<ReadinessEvent<T>, undefined> | Promise<never>) => void;
  batch: (events: ReadinessEvent<T>[] | Promise<never>) => void;
  /** Of a wait with an end: it keeps the process alive or not, as the poller does. */
  timer?: NodeJS.Timeout;
}

export const nothing = (): void => {};

/** The poller that is waited for. */
export interface Waited<T> {
  /** Whether it keeps the process alive. */
  isRefed(): boolean;
  /** From here on `waiter` is served. */
  join(waiter: Waiter<T>): void;
  /** It is not served any more. */
  leave(waiter: Waiter<T>): void;
  /** Its time is over: it is served now, with nothing if need be. */
  giveUp(waiter: Waiter<T>): void;
}

/** A batch of `poller`, or what a `timeout` in milliseconds or `signal` makes of the wait. */
export function waitForBatch<T>(
  poller: Waited<T>,
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
      poller.leave(waiter);
      settle(Promise.reject(abortReason(signal)));
    };
    // A timer may come early, by less than a millisecond, and takes 24 days at most: the clock is asked again.
    const wait = (): void => {
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) {
        poller.giveUp(waiter);
        return;
      }
      waiter.timer = setTimeout(wait, Math.min(left, LONGEST_TIMER));
      if (!poller.isRefed()) waiter.timer.unref();
    };
    poller.join(waiter);
    signal?.addEventListener('abort', abort, { once: true });
    if (timeout !== undefined) wait();
  });
}
