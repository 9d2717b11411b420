/**
 * Checks of arguments: each throws a `TypeError` or `RangeError` that shows the value, before any system
 * call. Nothing here may coerce: '3' is not 3.
 */
import { isIP } from 'node:net';
import { types } from 'node:util';

import { isOpen } from './binding.js';

/** A value as a reader of the message can recognise it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (typeof value === 'object' && value !== null) return Object.prototype.toString.call(value);
  if (typeof value === 'function') return 'a function';
  return String(value);
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

/** An integer between `min` and `max`, both included. */
export function integer(name: string, value: unknown, min: number, max: number): number {
  const expected = `an integer from ${min} to ${max}`;
  if (typeof value !== 'number') throw typeError(name, expected, value);
  if (!Number.isInteger(value) || value < min || value > max)
    throw rangeError(name, expected, value);
  return value;
}

/** As {@link integer}, with a default for `undefined`. */
export function optionalInteger(
  name: string,
  value: unknown,
  min: number,
  max: number,
  otherwise: number,
): number {
  return value === undefined ? otherwise : integer(name, value, min, max);
}

/** Milliseconds from 0 to 2^53, a part of one allowed; or `undefined`. */
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

/** One of a few words. */
export function oneOf<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  const expected = words.map((word) => `'${word}'`).join(' or ');
  if (typeof value !== 'string') throw typeError(name, expected, value);
  const found = words.find((word) => word === value);
  if (found === undefined) throw rangeError(name, expected, value);
  return found;
}

/**
 * An AbortSignal of whatever realm or library (jsdom has its own), known by what is used of it; or `undefined`. Node.js's own
 * modules ask for less.
 */
export function optionalSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  if (isSignalAlike(value)) return value;
  throw typeError(name, 'an AbortSignal', value);
}

function isSignalAlike(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

/** Why it was aborted. Libraries that are older than reasons have none: then what AbortController gives by itself. */
export function abortReason(signal: AbortSignal | undefined): unknown {
  const reason: unknown = signal?.reason;
  return reason === undefined
    ? new DOMException('This operation was aborted', 'AbortError')
    : reason;
}

/** Throws the reason if it is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortReason(signal);
}

/** The options of `listen()` and `connect()`, which cannot be left out. */
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

/** Descriptors that this package made for itself and that nobody may watch. */
const own = new Set<number>();

/** Makes descriptors known as this package's own, until the function that it gives is called. */
export function keepOwn(descriptors: readonly number[]): () => void {
  for (const fd of descriptors) own.add(fd);
  return () => {
    for (const fd of descriptors) own.delete(fd);
  };
}

/** Whoever has a descriptor: a FileHandle, an OwnedFd, a stream. */
export interface DescriptorOwner {
  readonly fd: number;
}

/** The number of an open descriptor, given as such or by its owner. */
export function descriptorOf(value: number | DescriptorOwner): number {
  if (typeof value !== 'object' || value === null) return descriptor('fd', value);
  return descriptor('fd', value.fd);
}

/** The number of an open descriptor that is not this package's own. */
export function descriptor(name: string, value: unknown): number {
  const fd = integer(name, value, 0, 2 ** 31 - 1);
  if (own.has(fd)) throw rangeError(name, "a descriptor that is not this package's own", fd);
  if (!isOpen(fd)) throw rangeError(name, 'an open descriptor', fd);
  return fd;
}

/**
 * Whether it is an Error of whatever realm. In a context of node:vm (Jest runs each file in one) those of Node.js's own modules, of
 * the addon and of an abort are no `instanceof` of the context's.
 */
export function isError(value: unknown): value is Error {
  if (value instanceof Error || types.isNativeError(value)) return true;
  return Object.prototype.toString.call(value) === '[object DOMException]';
}

/** Whether it is a `Uint8Array` (a `Buffer` is one) of whatever realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value);
}

const byteLength = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  'byteLength',
) as { get: (this: Uint8Array) => number };

/**
 * How many bytes an array has. A class of the user's may have made its properties something else, and what lies behind the
 * bytes is others' data. V8 inlines the call; of the property itself it asks a generic cache.
 */
export const lengthOf: (bytes: Uint8Array) => number = Function.prototype.call.bind(byteLength.get);

/** What `destroy()` takes; Node.js's own take `null` for nothing, too. */
export function errorOrNothing(name: string, value: unknown): void {
  if (value !== undefined && value !== null && !isError(value))
    throw typeError(name, 'an Error', value);
}
