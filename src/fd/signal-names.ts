/** The names of signals and their numbers. */
import { constants } from 'node:os';

import { nearest } from '../internal/nearest.js';
import { didYouMean, rangeError, typeError } from '../internal/validate.js';

const numbers = new Map(Object.entries(constants.signals));
const names = new Map<number, NodeJS.Signals>();
// If a number has two names, the first one is the usual one of signal(7), which Node.js uses as well.
for (const [name, number] of numbers) {
  if (!names.has(number)) names.set(number, name as NodeJS.Signals);
}

/** Returns the number of a signal. `name` is the argument's name, for errors. */
export function signalNumber(name: string, value: unknown): number {
  if (typeof value !== 'string') throw typeError(name, "a signal's name", value);
  const number = numbers.get(value);
  if (number === undefined) {
    const withPrefix = `SIG${value.toUpperCase()}`;
    const meant = numbers.has(withPrefix) ? withPrefix : nearest(value, [...numbers.keys()]);
    throw rangeError(name, "a signal's name", value, didYouMean(meant));
  }
  return number;
}

/** Returns the name of a signal: `SIG` and the number if it has no name. */
export function signalName(number: number): NodeJS.Signals {
  return names.get(number) ?? (`SIG${number}` as NodeJS.Signals);
}
