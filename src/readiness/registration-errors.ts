/** The errors of registering and of changing a registration. */
import { EdgepollError, systemError } from '../internal/errors.js';
import { REFUSED_CLOSED, REFUSED_SET_SIZE } from '../internal/layout.js';

const EPERM = 1;
const ENOENT = 2;
const EBADF = 9;
const ENOMEM = 12;
const EEXIST = 17;
const EINVAL = 22;
const ENOSPC = 28;
const ELOOP = 40;

/** What the caller can do about an error. */
const ADVICE: Record<number, string> = {
  [ENOENT]: 'it was closed, and its number may be another file’s; register what is open now',
  [EBADF]: 'it was closed; register what is open now',
  [ENOMEM]: 'nothing was changed; try again',
  [EEXIST]: 'this poller watches it already; modify its registration, or register a duplicate',
  [EINVAL]: 'the kernel refuses this combination, or a poller that watches itself',
  [ENOSPC]: 'the limit of watches is reached; unregister some, or raise fs.epoll.max_user_watches',
  [ELOOP]: 'it is an epoll descriptor that would watch itself, or is nested more than 5 deep',
};

/** The advice for EBADF of `register()`, which has just checked that the number is open. */
const PATH_ALONE =
  'it is a path alone (O_PATH), which gives no readiness, or was closed just now; register what was opened to be read or written';

/** The error for a refused registration or change. `operation` is that of epoll_ctl(2). */
export function refusal(errno: number, operation: 'ADD' | 'MOD', fd: number): EdgepollError {
  if (errno === REFUSED_CLOSED) return closedWhileWatched(fd);
  const syscall = 'epoll_ctl';
  if (errno === REFUSED_SET_SIZE) {
    return new EdgepollError(
      'ERR_FD_SETSIZE',
      `fd ${fd} cannot be watched with select(2), whose sets end at 1023; use the engine 'poll' or 'epoll'`,
      { fd, syscall: 'select' },
    );
  }
  if (errno === EPERM) {
    const message =
      `fd ${fd} cannot be polled: it is a regular file, a directory or a device without readiness, ` +
      "which never makes a reader wait; read it directly, or use the engine 'poll', which calls it ready";
    return new EdgepollError('ERR_NOT_POLLABLE', message, { errno: -EPERM, syscall, fd });
  }
  const error = systemError(errno, { syscall, fd });
  const advice = errno === EBADF && operation === 'ADD' ? PATH_ALONE : ADVICE[errno];
  error.message = `EPOLL_CTL_${operation} ${error.message}${advice === undefined ? '' : `: ${advice}`}`;
  return error;
}

/** The error for a descriptor that was closed while it was watched. Its number may belong to another file now. */
export function closedWhileWatched(fd: number): EdgepollError {
  const message =
    `fd ${fd} was closed while it was watched; unregister before closing, or register with ` +
    '{ duplicate: true }';
  return new EdgepollError('ERR_DESCRIPTOR_CLOSED', message, { fd });
}
