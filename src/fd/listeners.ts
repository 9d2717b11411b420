/**
 * Listeners of `process.on()` for signals that a SignalFd reads.
 *
 * In Node.js and Deno they do not matter: every thread blocks the signal, so the kernel calls no handler. Bun's event loop
 * waits with all signals unblocked (epoll_pwait2(2)), so the kernel does call the handler there. Bun installs its own handler
 * with the first listener of a signal and removes it with the last one. So each SignalFd adds a listener that does nothing, and
 * installs the native handler after that. Then Bun leaves the handler alone while the program adds and removes listeners.
 *
 * It must never leave such a listener behind: the process would ignore a signal whose default action ends it.
 */
import { fd as native } from '../internal/binding.js';

const isNeeded = process.versions['bun'] !== undefined;

/** Adds the listeners. Returns a function that removes them, which must be called before the descriptor is closed. */
export function listenFor(signals: ReadonlyMap<number, NodeJS.Signals>): () => void {
  if (!isNeeded) return () => {};
  const nothing = (): void => {};
  for (const name of signals.values()) process.on(name, nothing);
  let isListening = true;
  return () => {
    // Only once: by a second call another SignalFd may read these signals.
    if (!isListening) return;
    isListening = false;
    // With the last listener Bun removes only a handler of its own, so that one has to be in place again.
    native.yieldSignals([...signals.keys()]);
    for (const name of signals.values()) process.off(name, nothing);
  };
}
