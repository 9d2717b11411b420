/** Checks the results of native calls, which are negative numbers for errors. */
import { systemError } from '../internal/errors.js';

const EAGAIN = 11;

/** Returns `result`. Throws an error if it is negative. */
export function checked(result: number, syscall: string, details: { fd?: number } = {}): number {
  if (result < 0) throw systemError(-result, { syscall, ...details });
  return result;
}

/** As {@link checked}. Returns `null` for EAGAIN: the call would block. */
export function unlessBlocked(result: number, syscall: string, fd: number): number | null {
  return result === -EAGAIN ? null : checked(result, syscall, { fd });
}

/** As {@link unlessBlocked}, for calls that return an object, or a negative number for an error. */
export function valueUnlessBlocked<T extends object>(
  result: T | number,
  syscall: string,
  fd: number,
): T | null {
  if (typeof result !== 'number') return result;
  if (result === -EAGAIN) return null;
  throw systemError(-result, { syscall, fd });
}

/** Returns the two numbers of a call that opens two descriptors. Throws an error if the first is negative. */
export function checkedPair(made: number[], syscall: string): [number, number] {
  const [first = 0, second = 0] = made;
  checked(first, syscall);
  return [first, second];
}
