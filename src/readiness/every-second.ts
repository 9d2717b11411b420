/**
 * One timer per thread for all checks that run once a second, so that a sleeping event loop wakes once for all of them.
 *
 * The timer does not keep the process alive, and runs only while there are checks.
 */
import { clearInterval, setInterval } from 'node:timers';

const SECOND = 1000;

/** A check returns whether it is still needed. */
const checks = new Set<() => boolean>();
let timer: NodeJS.Timeout | undefined;

function runAll(): void {
  for (const check of checks) if (!check()) cancelEverySecond(check);
}

/** Runs `check` once a second until it returns false or is cancelled. A check that was added before is not added again. */
export function everySecond(check: () => boolean): void {
  checks.add(check);
  if (timer !== undefined) return;
  timer = setInterval(runAll, SECOND);
  timer.unref();
}

/** Stops running `check`. */
export function cancelEverySecond(check: () => boolean): void {
  checks.delete(check);
  if (checks.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
