/** What a process has open, from the kernel's own listing, and numbers that come back. It must never leave open what nobody asked for. */
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The numbers of this process's descriptors, but for the one that the listing takes. */
export function openDescriptors(): number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isOpen);
}

/** Whether `fd` is open here. Takes no descriptor itself, and knows those that the runtime did not open. */
export function isOpen(fd: number): boolean {
  return lstatSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }) !== undefined;
}

/** What a descriptor is, as the kernel names it. */
export function targetOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`);
}

/** The kernel's details of a descriptor: flags, and for an epoll descriptor one `tfd:` line per registration. */
export function detailsOf(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
}

/** How many threads of this process are the package's. */
export function ownThreads(): number {
  return readdirSync('/proc/self/task').filter((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim() === 'edgepoll';
    } catch {
      // It ended meanwhile.
      return false;
    }
  }).length;
}

/** Whether the threads of the engines poll and select have seen what was ordered and are asleep over it. */
export function sleepersSleep(): boolean {
  return readdirSync('/proc/self/task').every((id) => {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1');
      return !stat.includes('(edgepoll-sleep)') || stat.includes(') S ');
    } catch {
      // It ended meanwhile.
      return true;
    }
  });
}

/** How many descriptors this process may have. */
export function mostDescriptors(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
}

/** For so long somebody else may have a number that was closed here. */
const LENT_MILLISECONDS = 5000;

/**
 * Opens `path` under the number `fd`, which was closed just now: the kernel gives the lowest free one, but a thread of
 * the runtime may have taken it for a moment. Nothing may be started between that close and this call: Bun keeps an
 * epoll descriptor of its first synchronous child.
 */
export function openUnder(path: string, flags: number, fd: number): void {
  const latest = performance.now() + LENT_MILLISECONDS;
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
