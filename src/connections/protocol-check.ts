/** Checks of a protocol that a program passes. */
import { invalidValue, typeError } from '../internal/validate.js';
import { encodingOf } from './plugin.js';
import type { AnyProtocol } from './protocol.js';

/** A protocol, or `undefined`. */
export function optionalProtocol(name: string, value: unknown): AnyProtocol | undefined {
  return value === undefined ? undefined : protocolOf(name, value);
}

/** A protocol, whose plug-in this version of the package can call. */
export function protocolOf(name: string, value: unknown): AnyProtocol {
  const expected = 'a protocol, as the function of its package returns it';
  if (typeof value !== 'object' || value === null) throw typeError(name, expected, value);
  const protocol = value as Partial<Record<keyof AnyProtocol, unknown>>;
  if (typeof protocol.name !== 'string') throw typeError(`${name}.name`, 'a string', protocol.name);
  if (protocol.name === '') throw invalidValue(`${name}.name`, 'not empty', protocol.name);
  if (typeof protocol.native !== 'object' || protocol.native === null)
    throw typeError(`${name}.native`, 'what the plug-in returned', protocol.native);
  for (const method of ['decode', 'encode'] as const) {
    if (typeof protocol[method] !== 'function')
      throw typeError(`${name}.${method}`, 'a function', protocol[method]);
  }
  encodingOf(value as AnyProtocol);
  return value as AnyProtocol;
}
