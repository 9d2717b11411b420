/**
 * The reads of a connection that wait for its next chunk. Nearly always one waits, and there is no array then, because each idle connection
 * has such a read.
 */
import type { Waiter } from '../internal/iterator.js';

export type Waiters<T> = Waiter<T> | Waiter<T>[] | undefined;

/** The reads with one more behind them. */
export function withWaiter<T>(waiters: Waiters<T>, waiter: Waiter<T>): Waiters<T> {
  if (waiters === undefined) return waiter;
  if (typeof waiters === 'function') return [waiters, waiter];
  waiters.push(waiter);
  return waiters;
}

/** The read that has waited longest. */
export function firstWaiter<T>(waiters: Waiters<T>): Waiter<T> | undefined {
  return typeof waiters === 'function' ? waiters : waiters?.[0];
}

/** The reads without the first. */
export function otherWaiters<T>(waiters: Waiters<T>): Waiters<T> {
  if (waiters === undefined || typeof waiters === 'function') return undefined;
  waiters.shift();
  return waiters.length === 0 ? undefined : waiters;
}
