/** Pipes. */
import { fd as native } from '../internal/binding.js';
import type { OwnedFd } from './owned.js';
import { makeOwned } from './owned.js';
import { checkedPair } from './results.js';

/** Creates a pipe. Both ends are close-on-exec and non-blocking (pipe2(2)). Throws `EMFILE`, `ENFILE`. */
export function pipe(): { reader: OwnedFd; writer: OwnedFd } {
  const [reader, writer] = checkedPair(native.pipe(), 'pipe2');
  return { reader: makeOwned(reader, 'pipe'), writer: makeOwned(writer, 'pipe') };
}
