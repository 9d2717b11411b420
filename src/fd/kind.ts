/**
 * What kind of descriptor a number is, for `adopt()` of classes that need one kind.
 *
 * It must never take over a descriptor of which it could not read the kind.
 */
import { fd as native } from '../internal/binding.js';
import { EdgepollError, systemError } from '../internal/errors.js';
import { adoptNumber } from './owned.js';

/**
 * Takes over a number that /proc/self/fd shows to be of the kind `kind`. Otherwise it throws and takes nothing over:
 * `ERR_DESCRIPTOR_KIND`, `ENOENT` without /proc, and as {@link OwnedFd.adopt}.
 */
export function adoptKind(value: unknown, kind: 'eventfd' | 'timerfd' | 'pidfd'): number {
  const fd = adoptNumber(value);
  try {
    const link = native.descriptorKind(fd);
    if (typeof link === 'number') throw systemError(-link, { syscall: 'readlink', fd });
    // Since Linux 6.9 a pidfd is a file of a file system of its own: pidfd:[number].
    if (link === `anon_inode:[${kind}]` || link.startsWith(`${kind}:[`)) return fd;
    const message = `fd ${fd} is no ${kind}: /proc/self/fd has '${link}'`;
    throw new EdgepollError('ERR_DESCRIPTOR_KIND', message, { fd });
  } catch (error) {
    native.release(fd);
    throw error;
  }
}

/** A decimal field of /proc/self/fdinfo; `undefined` when it is not there. */
export function kindField(fd: number, name: string): number | undefined {
  return native.descriptorField(fd, name) ?? undefined;
}
