/**
 * The waits for a poller's events, and their end by time or signal.
 *
 * It must never settle a wait twice, nor leave a timer or a listener behind. Used by poller.ts.
 */
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';

import type { ReadinessEvent } from './readiness-event.js';
import { abortReason } from '../internal/validate.js';

/** The longest time of a host's timer, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface Waiter<T> {
  /** Whether the wait is for a batch, and not for one event. */
  isBatch: boolean;
  one: (result: IteratorResult<ReadinessEvent<T>, undefined> | Promise<never>) => void;
  batch: (events: ReadinessEvent<T>[] | Promise<never>) => void;
  /** The timer of a wait with a timeout. It keeps the process alive if the poller does. */
  timer?: NodeJS.Timeout;
}

export const nothing = (): void => {};

/** What a wait needs of its poller. */
export interface Waited<T> {
  /** Whether the poller keeps the process alive. */
  isRefed(): boolean;
  /** Adds `waiter` to those that get events. */
  join(waiter: Waiter<T>): void;
  /** Removes `waiter` from those that get events. */
  leave(waiter: Waiter<T>): void;
  /** The time of `waiter` is over: gives it the events that are there, or an empty batch. */
  giveUp(waiter: Waiter<T>): void;
}

/** Waits for a batch of `poller`, for at most `timeout` milliseconds. Rejects with the reason of `signal`. */
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
    // A timer may fire up to a millisecond early, and lasts 24 days at most. So the clock decides whether the wait is over.
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
