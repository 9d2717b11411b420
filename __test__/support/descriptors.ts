/** Lists this process's open descriptors and threads from /proc, and reopens a descriptor number that was just closed. */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The numbers of this process's open descriptors, without the one that reading the folder opens. */
export function openDescriptors(): number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isOpen);
}

/** Whether `fd` is open in this process. Opens no descriptor itself, and works for descriptors that node:fs did not open. */
export function isOpen(fd: number): boolean {
  return lstatSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }) !== undefined;
}

/** The target of a descriptor's link in /proc, for example `anon_inode:[eventfd]`. */
export function targetOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

/**
 * How many open descriptors have a target that `isCounted` accepts. A runtime may open other descriptors at any time: Deno opens two
 * sockets when it is busy.
 */
export function countOpen(isCounted: (target: string) => boolean): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return isCounted(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // Closed since the listing: the listing's own descriptor, or another thread's.
      return false;
    }
  }).length;
}

/** How many open descriptors are of the kinds that a poller opens, or lead to the target `watched`, as duplicates of a watched descriptor do. */
export function countPollers(watched: string): number {
  return countOpen((target) => target === watched || target.startsWith('anon_inode:'));
}

/** The descriptor's /proc/self/fdinfo: its flags, and for an epoll descriptor one `tfd:` line per registration. */
export function detailsOf(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
}

/** The flag PF_EXITING of proc_pid_stat(5). The kernel sets it before a join of the thread returns. */
const EXITING = 4;

/**
 * The number of threads of this process that the driver `thread` has started and that have not ended. The kernel still lists a
 * joined thread for a moment, but marks it as exiting, so this needs no time to pass after a `close()`.
 */
export function ownThreads(): number {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
      // The flags are the 9th field. The name, in parentheses, is the 2nd.
      const flags = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]);
      return stat.includes('(edgepoll) ') && (flags & EXITING) === 0;
    } catch {
      // The thread has ended since the listing.
      return false;
    }
  }).length;
}

/** Whether every helper thread of the engines `poll` and `select` is asleep in its system call. */
export function sleepersSleep(): boolean {
  return readdirSync('/proc/self/task').every((id) => {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
      return !stat.includes('(edgepoll-sleep)') || stat.includes(') S ');
    } catch {
      // The thread has ended since the listing.
      return true;
    }
  });
}

/** This process's soft limit of open descriptors (RLIMIT_NOFILE). */
export function mostDescriptors(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

/** Milliseconds for which another thread may hold a number that was closed here. */
const MOST_MILLISECONDS = 5000;

/**
 * Opens `path` under the number `fd`, which the caller has just closed. The kernel gives the lowest free number, but a
 * thread of the runtime may hold that number for a moment, so this tries again. The caller must start no child process
 * between the close and this call: Bun keeps an epoll descriptor open after its first synchronous child.
 */
export function openUnder(path: string, flags: number, fd: number): void {
  const latest = performance.now() + MOST_MILLISECONDS;
  do {
    const below: number[] = [];
    try {
      for (;;) {
        const found = openSync(path, flags);
        if (found === fd) return;
        below.push(found);
        if (found > fd) break;
      }
    } finally {
      for (const other of below) closeSync(other);
    }
  } while (performance.now() < latest);
  throw new Error(`the number ${fd} does not come back: ${targetOf(fd)} has it`);
}
