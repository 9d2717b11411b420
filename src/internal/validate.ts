/**
 * Checks of arguments. Each throws a `TypeError` or `RangeError` that shows the value, before any system call. Values are not
 * converted: the string '3' is not the number 3.
 */
import { isIP } from 'node:net';
import { types } from 'node:util';

import { isOpen } from './binding.js';
import { nearest } from './nearest.js';

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (typeof value === 'object' && value !== null) return showObject(value);
  if (typeof value === 'function') return 'a function';
  return String(value);
}

/** An object by the name of its class. It calls no code of the object: a getter or a proxy may throw. */
function showObject(value: object): string {
  if (types.isProxy(value)) return 'a Proxy';
  if (Array.isArray(value)) return 'an array';
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || types.isProxy(prototype))
    return 'an object';
  const made: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  if (typeof made !== 'function' || types.isProxy(made)) return 'an object';
  const name: unknown = Object.getOwnPropertyDescriptor(made, 'name')?.value;
  if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
  return `an instance of ${name}`;
}

/** Gives an error its code. */
export function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}

/** A `TypeError` with the code `ERR_INVALID_ARG_TYPE`; `hint` says what to pass instead. */
export function typeError(name: string, expected: string, value: unknown, hint = ''): TypeError {
  const message = `${name} must be ${expected}, not ${show(value)}${hint}`;
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE');
}

/** A `RangeError` with the code `ERR_OUT_OF_RANGE`; `hint` says what to pass instead. */
export function rangeError(name: string, expected: string, value: unknown, hint = ''): RangeError {
  const message = `${name} must be ${expected}, not ${show(value)}${hint}`;
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE');
}

/** A `TypeError` with the code `ERR_INVALID_ARG_VALUE`: the right type, and a value that does not fit the others. */
export function invalidValue(name: string, expected: string, value: unknown): TypeError {
  const message = `${name} must be ${expected}, not ${show(value)}`;
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE');
}

/** An integer between `min` and `max`, both included. `hint` says where the bounds come from. */
export function integer(name: string, value: unknown, min: number, max: number, hint = ''): number {
  const expected = `an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw typeError(name, expected, value);
  if (!Number.isInteger(value) || value < min || value > max)
    throw rangeError(name, expected, value, hint);
  return value;
}

/** As {@link integer}, with a default for `undefined`. */
export function optionalInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
  otherwise: number,
  hint = '',
): number {
  return value === undefined ? otherwise : integer(name, value, min, max, hint);
}

/** Milliseconds from 0 to 2^53, with or without a fraction; or `undefined`. */
export function milliseconds(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const expected = 'milliseconds from 0 to 2^53';
  if (typeof value !== 'number') throw typeError(name, expected, value);
  if (!(value >= 0 && value <= 2 ** 53)) throw rangeError(name, expected, value);
  return value;
}

/** true, false, or the default for `undefined`. */
export function optionalBoolean(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw typeError(name, 'true or false', value);
  return value;
}

/** A string without NUL, or the default for `undefined`. */
function optionalString<T>(name: string, value: unknown, otherwise: T): string | T {
  if (value === undefined) return otherwise;
  if (typeof value !== 'string') throw typeError(name, 'a string', value);
  if (value === '' || value.includes('\0')) throw rangeError(name, 'a name', value);
  return value;
}

/**
 * One of a few words. The error for another one names the word that it resembles, or the one that `synonymOf` gives for a name that
 * the kernel or another library uses.
 */
export function oneOf<T extends string>(
  name: string,
  value: unknown,
  words: readonly T[],
  synonymOf?: (other: string) => T | undefined,
): T {
  const expected = words.map((word) => `'${word}'`).join(' or ');
  if (typeof value !== 'string') throw typeError(name, expected, value);
  const found = words.find((word) => word === value);
  if (found === undefined)
    throw rangeError(
      name,
      expected,
      value,
      didYouMean(synonymOf?.(value) ?? nearest(value, words)),
    );
  return found;
}

/** The end of an error message that names the word that was meant, if there is one. */
export function didYouMean(word: string | undefined): string {
  return word === undefined ? '' : `; did you mean '${word}'?`;
}

/**
 * An AbortSignal of any realm or library (jsdom has its own), or `undefined`. A signal is recognised by the members that this
 * package uses. Node.js's own modules require fewer.
 */
export function optionalSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  if (isSignalAlike(value)) return value;
  throw typeError(name, 'an AbortSignal', value);
}

export function isSignalAlike(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

/** The reason of an aborted signal. Signals of older libraries have none: then it is the error that AbortController makes. */
export function abortReason(signal: AbortSignal | undefined): unknown {
  const reason: unknown = signal?.reason;
  return reason === undefined
    ? new DOMException('This operation was aborted', 'AbortError')
    : reason;
}

/** Throws the signal's reason if it is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** Checks that the options of `listen()` or `connect()` are an object. They are required, because they contain the port. */
export function optionsWithPort(value: unknown): void {
  if (typeof value === 'object' && value !== null) return;
  throw typeError('options', 'an object with a port, such as { port: 7000 }', value);
}

/** A port: 0 to 65,535. A numeric string is not a port, but the error says which number to pass. */
export function port(value: unknown, least: 0 | 1): number {
  if (typeof value === 'string' && /^\d{1,5}$/.test(value))
    throw typeError('port', 'a number', value, `; pass ${Number(value)}`);
  return integer('port', value, least, 65_535);
}

/** A URL or an address with a port, given as a host: `scheme://[address]:port/path`, where every part but the host is optional. */
const NOT_A_NAME_ALONE =
  /^(?:[a-z][a-z\d+.-]*:\/\/)?(?:\[([^\]]+)\]|([^:/[\]]+))(?::(\d{1,5}))?(?:\/.*)?$/i;

/**
 * A host's name or address, or the default for `undefined`. Brackets, a port or a scheme make it a URL, which no resolver
 * accepts: the error says what to pass instead.
 */
export function host<T>(value: unknown, otherwise: T): string | T {
  const found = optionalString('host', value, otherwise);
  if (typeof found !== 'string' || isIP(found) !== 0 || !/[:/[\]]/.test(found)) return found;
  const [, inBrackets, name = inBrackets, itsPort] = NOT_A_NAME_ALONE.exec(found) ?? [];
  let hint = '';
  if (name !== undefined) hint = `; pass '${name}'`;
  if (name !== undefined && itsPort !== undefined)
    hint = `; pass { host: '${name}', port: ${Number(itsPort)} }`;
  throw rangeError('host', 'a name or an address alone', found, hint);
}

/** Descriptors that this package made for itself. Programs may not watch or adopt them. */
const own = new Set<number>();

/** Marks descriptors as this package's own. Returns a function that undoes this. */
export function keepOwn(descriptors: readonly number[]): () => void {
  for (const fd of descriptors) own.add(fd);
  return () => {
    for (const fd of descriptors) own.delete(fd);
  };
}

/** An object that has a descriptor: a FileHandle, an OwnedFd, a stream. */
export interface DescriptorOwner {
  readonly fd: number;
}

/** The number of an open descriptor, which is given as a number or by its owner. */
export function descriptorOf(value: number | DescriptorOwner): number {
  if (typeof value !== 'object' || value === null) return descriptor('fd', value);
  const { fd } = value;
  if (fd === undefined)
    throw typeError('fd', 'a number, or an object with a number as its fd', value);
  return descriptor('fd', fd);
}

/** The number of an open descriptor that is not this package's own. */
export function descriptor(name: string, value: unknown): number {
  const fd = integer(name, value, 0, 2 ** 31 - 1);
  if (own.has(fd)) throw rangeError(name, "a descriptor that is not this package's own", fd);
  if (!isOpen(fd)) throw rangeError(name, 'an open descriptor', fd);
  return fd;
}

/**
 * Whether a value is an Error of any realm. In a context of node:vm (Jest runs each file in one), errors of Node.js's own modules,
 * of the addon and of an abort are not instances of the context's `Error`.
 */
export function isError(value: unknown): value is Error {
  if (value instanceof Error || types.isNativeError(value)) return true;
  return Object.prototype.toString.call(value) === '[object DOMException]';
}

/** Whether a value is a `Uint8Array` (a `Buffer` is one) of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}

const byteLength = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'byteLength',
) as { get: (this: Uint8Array) => number };

/**
 * The number of bytes in an array, from the getter that every typed array has. The property itself could be redefined by a
 * subclass of the program, and with a wrong number the package would send memory that lies behind the bytes. V8 inlines this
 * call; for the property it uses a generic cache.
 */
export const lengthOf: (bytes: Uint8Array) => number = Function.prototype.call.bind(byteLength.get);

/** Checks the argument of `destroy()`: an Error, or nothing. `null` counts as nothing, as it does in Node.js. */
export function errorOrNothing(name: string, value: unknown): void {
  if (value !== undefined && value !== null && !isError(value))
    throw typeError(name, 'an Error', value);
}
