/** Signals by name and by number. */
import { constants } from 'node:os';

import { rangeError, typeError } from '../internal/validate.js';

const numbers = new Map(Object.entries(constants.signals));
const names = new Map<number, NodeJS.Signals>();
// Where one number has two names, signal(7)'s first is the one that Node.js uses as well.
for (const [name, number] of numbers) {
  if (!names.has(number)) names.set(number, name as NodeJS.Signals);
}

/** The number of the signal `value`; `name` is the argument that an error names. */
export function signalNumber(name: string, value: unknown): number {
  if (typeof value !== 'string') throw typeError(name, "a signal's name", value);
  const number = numbers.get(value);
  if (number === undefined) throw rangeError(name, "a signal's name", value);
  return number;
}

/** The name of a signal; `SIG` and the number for one without a name. */
export function signalName(number: number): NodeJS.Signals {
  return names.get(number) ?? (`SIG${number}` as NodeJS.Signals);
}
