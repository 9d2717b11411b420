/**
 * Errors of work that ends later show who began it: what runs then has no frame of the caller's on its stack.
 * It must never change an error of the caller's own, such as a signal's reason. Used by connect.ts, listen.ts and resolve.ts.
 */

/** The frames of one call, as `Error.captureStackTrace` leaves them. They become text when somebody reads it. */
export interface Caller {
  stack?: unknown;
}

/** Who called `called`, which is running now. */
export function callerOf(called: (...given: never[]) => unknown): Caller {
  const caller: Caller = {};
  Error.captureStackTrace(caller, called);
  return caller;
}

const FIRST_FRAME = '\n    at ';

/** Gives the error's stack the caller's frames in place of its own. Gives the error. */
export function showCaller<E extends Error>(error: E, caller: Caller): E {
  // A program that has an Error.prepareStackTrace of its own may have made anything of them.
  const frames = typeof caller.stack === 'string' ? caller.stack.indexOf(FIRST_FRAME) : -1;
  if (frames < 0) return error;
  const value = `${error.name}: ${error.message}${(caller.stack as string).slice(frames)}`;
  return Object.defineProperty(error, 'stack', { value, configurable: true, writable: true });
}
