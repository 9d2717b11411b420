/**
 * Signals as a descriptor.
 *
 * It must never take a signal that says that the program itself is broken.
 */
import { fd as native } from '../internal/binding.js';
import { rangeError, typeError } from '../internal/validate.js';
import { followChildren } from './children.js';
import { listenFor } from './listeners.js';
import { Descriptor, onClose } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked, valueUnlessBlocked } from './results.js';
import { signalName, signalNumber } from './signal-names.js';

/** A signal that was read. */
export interface SignalInfo {
  /** Its name. */
  signal: NodeJS.Signals;
  /** Its number. */
  number: number;
  /** Where it comes from (si_code, sigaction(2)): 0 kill(2), −1 sigqueue(3), 1–6 of SIGCHLD what became of the child. */
  code: number;
  /** The process that sent it; of SIGCHLD, the child. */
  pid: number;
  /** The user of that process. */
  uid: number;
  /** Of SIGCHLD: the exit status or the signal. Else 0. */
  status: number;
  /** What sigqueue(3) sent along. Else 0. */
  value: number;
}

/** Removes the listeners of a SignalFd that was garbage-collected without close(). */
const abandoned = new FinalizationRegistry<() => void>((stopListening) => stopListening());

let makeSignalFd: (fd: number) => SignalFd;

/**
 * Reads signals that were sent to this process (signalfd(2)). While it is open these signals have no other effect: no listener of
 * `process.on()` is called, whether it was added before or after, and no default action is taken. If a standard signal comes
 * several times before it is read, it is read once (signal(7)).
 *
 * Closing the last object that reads a signal restores the signal's handler, which gets a signal that was not read. Listeners
 * that `process.on()` and `process.off()` added and removed meanwhile are taken into account.
 */
export class SignalFd extends Descriptor implements AsyncIterable<SignalInfo, undefined> {
  static {
    makeSignalFd = (fd) => new SignalFd(fd, 'signalfd');
  }

  /** The next signal; `null` when there is none. Throws `ERR_CLOSED`. */
  read(): SignalInfo | null {
    const { fd } = this;
    const record = valueUnlessBlocked(native.signalNext(fd), 'read', fd);
    if (record === null) return null;
    const { signal: number, ...rest } = record;
    return { signal: signalName(number), number, ...rest };
  }

  /** Signals, one after the other. */
  values(options?: WaitOptions): AsyncIterableIterator<SignalInfo, undefined, undefined> {
    return itemsOf(this, () => this.read(), options);
  }

  /** As {@link SignalFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SignalInfo, undefined, undefined> {
    return this.values();
  }
}

/**
 * A descriptor that reads these signals, close-on-exec and non-blocking (signalfd(2)).
 *
 * While it is open every thread of the process blocks the signals: the existing threads, which are found in /proc, and those that
 * they start. Child processes do not start with the signals blocked: Node.js starts them with an empty mask, and in Bun and Deno
 * the first call of this function wraps `ChildProcess.prototype.spawn` of `node:child_process`. See {@link withUnblockedSignals}
 * for other ways to start a process there.
 *
 * Throws `TypeError` or `RangeError` for what is no signal, for `SIGKILL` and `SIGSTOP`, which nobody can catch, and for
 * those that a fault raises (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`, `SIGABRT`, `SIGSYS`); `EMFILE`, `ENFILE`.
 */
export function signalfd(signals: readonly NodeJS.Signals[]): SignalFd {
  if (!Array.isArray(signals)) throw typeError('signals', 'an array of names', signals);
  if (signals.length === 0) throw rangeError('signals', 'at least one name', 'none');
  const wanted = new Map<number, NodeJS.Signals>();
  for (const name of signals as readonly unknown[]) {
    const number = signalNumber('signals', name);
    if (!native.canCatch(number)) throw rangeError('signals', 'signals that can be caught', name);
    wanted.set(number, name as NodeJS.Signals);
  }
  followChildren();
  const stopListening = listenFor(wanted);
  try {
    const made = makeSignalFd(checked(native.signalfd([...wanted.keys()]), 'signalfd4'));
    onClose(made, stopListening);
    abandoned.register(made, stopListening, made);
    return made;
  } catch (error) {
    stopListening();
    throw error;
  }
}
