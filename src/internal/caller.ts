/**
 * Gives an error of asynchronous work the stack of the call that started the work. When the work ends, that call is no longer
 * on the stack.
 *
 * An error that belongs to the program, such as a signal's reason, must stay as it is.
 */

/** The frames of one call, from `Error.captureStackTrace`. They become text when `stack` is read. */
export interface Caller {
  stack?: unknown;
}

/** Captures the stack of the callers of `called`, which must be running. */
export function callerOf(called: (...given: never[]) => unknown): Caller {
  const caller: Caller = {};
  Error.captureStackTrace(caller, called);
  return caller;
}

const FIRST_FRAME = '\n    at ';

/** Replaces the frames of the error's stack by the caller's. Returns the error. */
export function showCaller<E extends Error>(error: E, caller: Caller): E {
  // If the program has set Error.prepareStackTrace, `stack` may be of any type.
  const frames = typeof caller.stack === 'string' ? caller.stack.indexOf(FIRST_FRAME) : -1;
  if (frames < 0) return error;
  const value = `${error.name}: ${error.message}${(caller.stack as string).slice(frames)}`;
  return Object.defineProperty(error, 'stack', { value, configurable: true, writable: true });
}
