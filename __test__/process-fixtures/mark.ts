/** Marks for strace: a call that it shows and that does nothing else. */
import { accessSync } from 'node:fs';

export function mark(name: 'begin' | 'end'): void {
  try {
    accessSync(`/edgepoll-mark-${name}`);
  } catch {
    // It does not exist: that is the point.
  }
}
