// Waits for conditions that no event announces, by checking them again and again up to a limit. Use it only where the
// test cannot await an event, a handshake or a promise.
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds and checks. A condition fails after both, because on a busy machine a turn of the loop may take long. */
const [LIMIT, CHECKS] = [10_000, 1000];

/** Resolves when `holds()` returns true. Rejects after ten seconds and 1,000 checks; `what` describes the condition in the error. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT;
  for (let checks = 1; !holds(); checks += 1) {
    if (checks >= CHECKS && performance.now() > end) throw new Error(`never came true: ${what}`);
    await pause(2);
  }
}

/**
 * Runs `count` turns of the event loop, which are enough for a message, its reply and the reply to that. Use it only to
 * show that something does not happen.
 */
export async function rounds(count = 20): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** An object whose `fulfilled` becomes true once the promise is fulfilled. A rejection is left to the code that awaits it. */
export function watch(promise: Promise<unknown>): { fulfilled: boolean } {
  const state = { fulfilled: false };
  const follow = async (): Promise<void> => {
    await promise;
    state.fulfilled = true;
  };
  follow().catch(() => {});
  return state;
}
