/**
 * Listeners that Bun needs for the signals that a SignalFd reads.
 *
 * In Node.js and Deno every thread blocks these signals, so the kernel calls no handler. Bun's event loop waits with all signals
 * unblocked (epoll_pwait2(2)), so the kernel does call the handler there. Bun installs a handler with the first listener of a signal and
 * removes it with the last one. So each SignalFd adds a listener that does nothing, and the native handler is installed after that. Bun
 * then does not change the handler while the program adds and removes listeners.
 *
 * Such a listener must not remain after the SignalFd is closed: the process would ignore a signal whose default action ends it.
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
    // A second call must do nothing, because another SignalFd may read these signals by then.
    if (!isListening) return;
    isListening = false;
    // Bun's handler has to be in place again, because Bun removes only its own handler with the last listener.
    native.yieldSignals([...signals.keys()]);
    for (const name of signals.values()) process.off(name, nothing);
  };
}
