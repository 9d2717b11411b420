/**
 * The names of options: a list for each options interface, and the check that an object has no other name. So a misspelt option
 * is an error and is never ignored.
 */
import { nearest } from './nearest.js';
import { coded, isSignalAlike, show, typeError } from './validate.js';

/** Every name of the options interface `T`. A list that lacks a name, or has one too many, does not compile. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Checks that `value` is an object (`undefined` counts as an empty one) and has no name that `names` lacks, not even with
 * the value `undefined`. It looks at the names that `for … in` gives: the object's own and those that it inherits, as
 * from `Object.create(defaults)`. Methods and getters of a class are not among them, nor are symbols.
 *
 * Throws a `TypeError`: `ERR_INVALID_ARG_TYPE` for what is not an object, `ERR_UNKNOWN_OPTION` for an unknown name.
 */
export function optionsObject<T>(argument: string, value: unknown, names: OptionNames<T>): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null) throw typeError(argument, 'an object', value);
  const known: Readonly<Record<string, unknown>> = names;
  if (known['signal'] === true && 'aborted' in value && isSignalAlike(value))
    throw typeError(argument, 'an object with options', value, '; pass { signal }');
  // oxlint-disable-next-line guard-for-in -- the package also reads inherited options, so their names are checked too
  for (const name in value) {
    if (known[name] !== true && !isOfEveryObject(value, name))
      throw unknownOption(argument, name, Object.keys(names));
  }
}

/** The options in `value` that `names` lists, for a function that takes fewer options than its caller. */
export function pickOptions<T>(value: Partial<T>, names: OptionNames<T>): Partial<T> {
  const picked: Partial<T> = {};
  for (const name of Object.keys(names) as (keyof T)[]) {
    const option = value[name];
    if (option !== undefined) picked[name] = option;
  }
  return picked;
}

/** Whether the name comes from an `Object.prototype`, of this realm or another. Then a library added it, and not the caller. */
function isOfEveryObject(value: object, name: string): boolean {
  let owner: object | null = value;
  while (owner !== null && !Object.hasOwn(owner, name))
    owner = Object.getPrototypeOf(owner) as object | null;
  if (owner === null || owner === value) return false;
  return Object.getPrototypeOf(owner) === null && Object.hasOwn(owner, 'isPrototypeOf');
}

function unknownOption(argument: string, name: string, known: readonly string[]): TypeError {
  const near = nearest(name, known);
  const where = argument === 'options' ? '' : ` in ${argument}`;
  const hint =
    near === undefined
      ? `known are ${known.map((word) => `'${word}'`).join(', ')}`
      : `did you mean '${near}'?`;
  const error = new TypeError(`unknown option ${show(name)}${where}; ${hint}`);
  return coded(error, 'ERR_UNKNOWN_OPTION');
}
