/**
 * Processes as descriptors.
 *
 * It must never reap a process.
 */
import { fd as native } from '../internal/binding.js';
import { showAs } from '../internal/inspect.js';
import { integer } from '../internal/validate.js';
import { adoptKind, kindField } from './kind.js';
import { describeDescriptor, Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { ready } from './ready.js';
import { checked } from './results.js';
import { signalNumber } from './signal-names.js';

let makePidFd: (fd: number, pid: number) => PidFd;

/** A process, by a descriptor that never means another one (pidfd_open(2)). It need not be a child. */
export class PidFd extends Descriptor {
  /**
   * The process's number. For an adopted pidfd it is −1 if the process has ended and its parent has waited for it, and 0 if the
   * process is in a process namespace that this one cannot see.
   */
  readonly pid: number;

  private constructor(fd: number, pid: number) {
    super(fd, 'pidfd');
    this.pid = pid;
  }

  static {
    makePidFd = (fd, pid) => new PidFd(fd, pid);
    showAs(PidFd, (process) => {
      const described = describeDescriptor(process);
      return described === undefined ? undefined : { ...described, pid: process.pid };
    });
  }

  /**
   * Takes over a pidfd that was opened elsewhere, as by the socket option SO_PEERPIDFD; from now on no other code may close it.
   * Throws `ERR_DESCRIPTOR_KIND` for anything else, which stays its owner's, `ENOENT` without /proc, and as
   * {@link OwnedFd.adopt}.
   */
  static adopt(fd: number): PidFd {
    const number = adoptKind(fd, 'pidfd');
    return new PidFd(number, kindField(number, 'Pid') ?? 0);
  }

  /**
   * Resolves when the process has ended; at once if it has. Rejects with the signal's reason, with `ERR_CLOSED` when this
   * is closed first. Its exit code is its parent's to learn.
   */
  async exited(options: WaitOptions = {}): Promise<void> {
    if (await ready(this, 'readable', options)) return;
    // Throws: it was closed.
    void this.fd;
  }

  /**
   * Sends a signal by name, or 0 to ask whether one could be sent (pidfd_send_signal(2)). Default `SIGTERM`.
   * Throws `ESRCH` when the process has ended and its parent has waited for it, `EPERM`, `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  kill(signal: NodeJS.Signals | 0 = 'SIGTERM'): void {
    const number = signal === 0 ? 0 : signalNumber('signal', signal);
    const { fd } = this;
    checked(native.processSignal(fd, number), 'pidfd_send_signal', { fd });
  }
}

/** A process's descriptor. Throws `ESRCH` when there is no such process, `EMFILE`, `ENFILE`, `TypeError`, `RangeError`. */
export function pidfd(pid: number): PidFd {
  const number = integer('pid', pid, 1, 2 ** 31 - 1);
  return makePidFd(checked(native.pidfd(number), 'pidfd_open'), number);
}
