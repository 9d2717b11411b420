/**
 * Listeners of `process.on()` for signals that a SignalFd reads.
 *
 * In Node.js and Deno they do not matter: every thread blocks the signal, so no handler is called. Bun waits in its event
 * loop with all signals unblocked (epoll_pwait2(2)), so there the handler counts. Bun sets it with the first listener of
 * a signal and takes it away with the last one. So each SignalFd has a listener of its own that does nothing. It is
 * added before the native handler is installed, so Bun keeps that handler while the program adds and removes listeners.
 *
 * It must never leave such a listener behind: a signal would be ignored that ends the process by default.
 */
import { fd as native } from '../binding.js';

const isNeeded = process.versions['bun'] !== undefined;

/** Adds the listeners; gives what removes them, to be called before the descriptor is closed. */
export function listenFor(signals: ReadonlyMap<number, NodeJS.Signals>): () => void {
  if (!isNeeded) return () => {};
  const nothing = (): void => {};
  for (const name of signals.values()) process.on(name, nothing);
  let isListening = true;
  return () => {
    // A second call could meet another SignalFd's signals.
    if (!isListening) return;
    isListening = false;
    // Bun takes away its own handler alone, so that has to be there again.
    native.yieldSignals([...signals.keys()]);
    for (const name of signals.values()) process.off(name, nothing);
  };
}
