/** Signalfds: signals to the process as a descriptor. Signals that a fault of the program raises are refused. */
import { fd as native } from '../internal/binding.js';
import { rangeError, typeError } from '../internal/validate.js';
import { wrapSpawn } from './children.js';
import { listenFor } from './listeners.js';
import { Descriptor, onClose } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked, valueUnlessBlocked } from './results.js';
import { signalName, signalNumber } from './signal-names.js';

/** A signal that a {@link SignalFd} has read. */
export interface SignalInfo {
  /** The signal's name. */
  signal: NodeJS.Signals;
  /** The signal's number. */
  number: number;
  /** The origin (si_code, sigaction(2)): 0 for kill(2), −1 for sigqueue(3). For SIGCHLD 1 to 6: what happened to the child. */
  code: number;
  /** The process that sent the signal. For SIGCHLD the child. */
  pid: number;
  /** The user of that process. */
  uid: number;
  /** For SIGCHLD the exit status, or the signal that ended the child. Otherwise 0. */
  status: number;
  /** The value that sigqueue(3) sent. Otherwise 0. */
  value: number;
}

/** Removes the listeners of a SignalFd that was garbage-collected without close(). */
const abandoned = new FinalizationRegistry<() => void>((stopListening) => stopListening());

/** The class's static block sets it, because only code inside the class can call the constructor. */
let makeSignalFd: (fd: number) => SignalFd;

/**
 * Reads signals that were sent to this process (signalfd(2)). While it is open, these signals have no other effect: no listener of
 * `process.on()` is called, whether it was added before or after, and no default action is taken. If a standard signal comes
 * several times before it is read, it is read once (signal(7)).
 *
 * The runtime does not notice the end of its children while `SIGCHLD` is read. In Node.js `spawnSync()` and `execSync()` never
 * return then.
 *
 * Closing the last object that reads a signal restores the signal's handler, which receives a signal that was not read. Listeners
 * that `process.on()` has added or `process.off()` has removed in between are taken into account.
 */
export class SignalFd extends Descriptor implements AsyncIterable<SignalInfo, undefined> {
  static {
    makeSignalFd = (fd) => new SignalFd(fd, 'signalfd');
  }

  /** Returns the next signal; `null` if there is none. Throws `ERR_CLOSED`. */
  read(): SignalInfo | null {
    const { fd } = this;
    const record = valueUnlessBlocked(native.signalNext(fd), 'read', fd);
    if (record === null) return null;
    const { signal: number, ...rest } = record;
    return { signal: signalName(number), number, ...rest };
  }

  /** Iterates the signals. Throws `ERR_CLOSED`. */
  values(options?: WaitOptions): AsyncIterableIterator<SignalInfo, undefined, undefined> {
    return itemsOf(this, () => this.read(), options);
  }

  /** As {@link SignalFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<SignalInfo, undefined, undefined> {
    return this.values();
  }
}

/**
 * Creates a descriptor that reads these signals, close-on-exec and non-blocking (signalfd(2)).
 *
 * While it is open, every thread of the process blocks the signals: the existing threads, which are found in /proc, and those that
 * they start. Child processes do not start with the signals blocked: Node.js starts them with an empty mask, and in Bun and Deno
 * the first call of this function wraps `ChildProcess.prototype.spawn` of `node:child_process`. See {@link withUnblockedSignals}
 * for other ways to start a process there.
 *
 * Throws `TypeError` or `RangeError` for a value that is not a signal's name, for `SIGKILL` and `SIGSTOP`, which cannot be caught, and
 * for signals that a fault of the program raises (`SIGSEGV`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP`, `SIGABRT`, `SIGSYS`); also
 * `EMFILE`, `ENFILE`.
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
  wrapSpawn();
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
