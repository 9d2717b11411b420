/** Adopts a descriptor that must be of one kind. /proc shows the kind. A number whose kind cannot be read is not adopted. */
import { fd as native } from '../internal/binding.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { adoptNumber } from './owned.js';

/**
 * Takes over a number if /proc/self/fd shows that it is a `kind`. Otherwise it throws `ERR_DESCRIPTOR_KIND`, `ENOENT` without /proc, or
 * as {@link OwnedFd.adopt}, and the number stays with its owner.
 */
export function adoptKind(value: unknown, kind: 'eventfd' | 'timerfd' | 'pidfd'): number {
  const fd = adoptNumber(value);
  try {
    const link = native.descriptorKind(fd);
    if (typeof link === 'number') throw systemError(-link, { syscall: 'readlink', fd });
    // Since Linux 6.9 pidfds have a file system of their own, and the link is pidfd:[number].
    if (link === `anon_inode:[${kind}]` || link.startsWith(`${kind}:[`)) return fd;
    const message = `fd ${fd} is no ${kind}: /proc/self/fd has '${link}'`;
    throw new EdgepollError('ERR_DESCRIPTOR_KIND', message, { fd });
  } catch (error) {
    native.release(fd);
    throw error;
  }
}

/** Returns a decimal field of /proc/self/fdinfo; `undefined` if there is no such field. */
export function kindField(fd: number, name: string): number | undefined {
  return native.descriptorField(fd, name) ?? undefined;
}
