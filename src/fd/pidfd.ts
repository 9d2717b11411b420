/** Pidfds: processes as descriptors. Nothing here waits for a child's exit status, which belongs to the parent. */
import { fd as native } from '../internal/binding.js';
import { showAs } from '../internal/inspect.js';
import { integer } from '../internal/validate.js';
import { adoptKind, kindField } from './kind.js';
import { describeDescriptor, Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { ready } from './ready.js';
import { checked } from './results.js';
import { signalNumber } from './signal-names.js';

/** The class's static block sets it, because only code inside the class can call the constructor. */
let makePidFd: (fd: number, pid: number) => PidFd;

/**
 * A descriptor of a process (pidfd_open(2)). Unlike the process's number, it never comes to mean another process. The process need not
 * be a child.
 */
export class PidFd extends Descriptor {
  /**
   * The process's number. For an adopted pidfd it is −1 if the process has ended and its parent has waited for it, and 0 if the
   * process is in a PID namespace that this process cannot see.
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
   * Takes over a pidfd that was opened elsewhere, for example by the socket option SO_PEERPIDFD; from now on no other code may close
   * it. Throws `ERR_DESCRIPTOR_KIND` if it is not a pidfd, `ENOENT` without /proc, and as {@link OwnedFd.adopt}. After an error the
   * descriptor still belongs to the caller.
   */
  static adopt(fd: number): PidFd {
    const number = adoptKind(fd, 'pidfd');
    return new PidFd(number, kindField(number, 'Pid') ?? 0);
  }

  /**
   * Resolves when the process has ended; at once if it has already ended. Rejects with the signal's reason, and with `ERR_CLOSED` if
   * this object is closed first. Only the parent can read the exit status (waitpid(2)).
   */
  async exited(options: WaitOptions = {}): Promise<void> {
    if (await ready(this, 'readable', options)) return;
    // The object was closed, so the getter throws ERR_CLOSED.
    void this.fd;
  }

  /**
   * Sends a signal, given by name (pidfd_send_signal(2)). With 0 it sends none, and only checks whether it could. Default `SIGTERM`.
   * Throws `ESRCH` if the process has ended and its parent has waited for it, `EPERM`, `ERR_CLOSED`, `TypeError`, `RangeError`.
   */
  kill(signal: NodeJS.Signals | 0 = 'SIGTERM'): void {
    const number = signal === 0 ? 0 : signalNumber('signal', signal);
    const { fd } = this;
    checked(native.processSignal(fd, number), 'pidfd_send_signal', { fd });
  }
}

/** Opens a descriptor of a process (pidfd_open(2)). Throws `ESRCH` if there is no such process, `EMFILE`, `ENFILE`, `TypeError`, `RangeError`. */
export function pidfd(pid: number): PidFd {
  const number = integer('pid', pid, 1, 2 ** 31 - 1);
  return makePidFd(checked(native.pidfd(number), 'pidfd_open'), number);
}
