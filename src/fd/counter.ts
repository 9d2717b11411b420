/** Reads and writes the 8-byte counters of eventfds and timerfds. */
import { readInto, writeFrom } from './owned.js';
import * as results from './results.js';

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { unlessBlocked } = results;

// The kernel uses the byte order of the machine, as typed arrays do.
const counter = new BigUint64Array(1);
const counterBytes = new Uint8Array(counter.buffer);

/** Reads a counter; `null` if a read would block. */
export function readCounter(fd: number): bigint | null {
  const length = unlessBlocked(readInto(fd, counterBytes), 'read', fd);
  return length === null ? null : (counter[0] ?? 0n);
}

/** Writes `value` to a counter; `false` if a write would block. */
export function writeCounter(fd: number, value: bigint): boolean {
  counter[0] = value;
  return unlessBlocked(writeFrom(fd, counterBytes, 0), 'write', fd) !== null;
}
