/** Waiting for one turn of the event loop. */
import { setImmediate } from 'node:timers';

/**
 * Calls `then` after one full turn of the event loop. By then the loop has received what had arrived at the time of the call,
 * and has run the callbacks of the current turn.
 */
export function afterRound(then: () => void): void {
  // The first callback may run before the loop polls again, in the turn of the call. The second runs after a poll.
  setImmediate(() => setImmediate(then));
}
