/**
 * Which messages certainly fit a framing. `write()` may stage them, because the framing will not refuse them when they are sent later. All
 * other messages are passed on at once, so that `write()` can reject.
 */
import type { FramingSettings } from '../internal/binding.js';

/** Writes of up to this many bytes are staged. */
export const STAGED_LENGTH = 4096;

/** Whether a message of `length` bytes certainly fits. */
export type Fits = (message: Uint8Array, length: number) => boolean;

const LF = 10;

/** The search that every typed array has. The method itself could be replaced by a subclass of the program. */
const placeOf: (bytes: Uint8Array, byte: number) => number = Function.prototype.call.bind(
  Reflect.get(Uint8Array.prototype, 'indexOf'),
);

/** The check for messages of up to `most` bytes. `undefined` if there is none: for bytes, which need no check, and if the message has its own header. */
export function fitsOf(framing: FramingSettings, most: number): Fits | undefined {
  const { type, size = 0, adjust = 0, delimiter, inclusive, offset, keepHeader } = framing;
  switch (type) {
    case 'lines':
      return (message, length) => length <= most && placeOf(message, LF) < 0;
    case 'delimiter': {
      // Where this byte is not, no delimiter begins.
      const first = delimiter?.[0] as number;
      return (message, length) => length <= most && placeOf(message, first) < 0;
    }
    case 'netstring':
      return (_, length) => length <= most;
    case 'fixed':
      return (_, length) => length === size && length <= STAGED_LENGTH;
    case 'length-prefix': {
      if (keepHeader === true || offset !== 0) return undefined;
      const largest = size === 0 ? Infinity : 256 ** size - 1 - (inclusive === true ? size : 0);
      return (_, length) => length <= most && length >= adjust && length - adjust <= largest;
    }
    default:
      return undefined;
  }
}
