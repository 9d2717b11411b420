// Waits for what nothing announces. One job: look at a condition until it holds or a hard limit passes.
// It must never stand where an event, a handshake or a promise could be awaited instead.
import { setTimeout as pause } from 'node:timers/promises';

const LIMIT = 10_000;

/** Resolves when `holds` is true; rejects after ten seconds, naming what was waited for. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + LIMIT;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await pause(2);
  }
}

/**
 * Lets both event loops' work that is ready now be done: as many rounds as a message, its answer and the
 * answer's answer need. Only for showing that something does not happen.
 */
export async function rounds(count = 20): Promise<void> {
  for (let round = 0; round < count; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Says whether a promise is fulfilled by now. A rejection is left to whoever awaits the promise. */
export function watch(promise: Promise<unknown>): { fulfilled: boolean } {
  const state = { fulfilled: false };
  const follow = async (): Promise<void> => {
    await promise;
    state.fulfilled = true;
  };
  follow().catch(() => {});
  return state;
}
