/** What the native side's results mean: numbers or values, and errors as negative numbers. */
import { systemError } from '../internal/errors.js';

const EAGAIN = 11;

/** A result of a native call: a number, or below 0 an error. */
export function checked(result: number, syscall: string, details: { fd?: number } = {}): number {
  if (result < 0) throw systemError(-result, { syscall, ...details });
  return result;
}

/** As {@link checked}, with `null` where it would have to wait. */
export function unlessWaiting(result: number, syscall: string, fd: number): number | null {
  return result === -EAGAIN ? null : checked(result, syscall, { fd });
}

/** The value of a native call that gives one or an error; `null` where it would have to wait. */
export function valueUnlessWaiting<T extends object>(
  result: T | number,
  syscall: string,
  fd: number,
): T | null {
  if (typeof result !== 'number') return result;
  if (result === -EAGAIN) return null;
  throw systemError(-result, { syscall, fd });
}

/** Both numbers of a native call that makes two descriptors. */
export function checkedPair(made: number[], syscall: string): [number, number] {
  const [first = 0, second = 0] = made;
  checked(first, syscall);
  return [first, second];
}
