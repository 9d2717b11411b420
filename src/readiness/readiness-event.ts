/** One event of readiness, as the consumer receives it. */
import type { Entry } from './entry.js';
import * as bits from './interest.js';
import type { Registration } from './registration.js';

// Constants of this module, because V8 compiles those into its optimised code. It would load an imported one at each use.
const { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } = bits;

/** A descriptor is ready. Bits that came together, or before the consumer took them, are one event. */
export interface ReadinessEvent<T> {
  /** The descriptor that was registered. */
  fd: number;
  /** The `data` of the registration. */
  data: T;
  /** The result of {@link Poller.register}. Its `active` is false if it has ended since this event was delivered. */
  registration: Registration<T>;
  /** A read would not block: there are bytes, a connection to accept, or the end (EPOLLIN). */
  readable: boolean;
  /** A write would not block (EPOLLOUT). */
  writable: boolean;
  /** Urgent data or an exceptional condition (EPOLLPRI). */
  priority: boolean;
  /** The peer will send no more (EPOLLRDHUP). */
  readHangup: boolean;
  /** Both directions are closed, or the other end of a pipe is (EPOLLHUP). Always reported. */
  hangup: boolean;
  /** An error, or the reading end of a pipe is closed (EPOLLERR). Always reported. */
  error: boolean;
  /** The kernel's bits (epoll_ctl(2)). */
  mask: number;
}

/** Makes the event for the bits of a registration. */
export function eventOf<T>(entry: Entry<T>, mask: number): ReadinessEvent<T> {
  const { fd, data } = entry;
  return {
    fd,
    data,
    registration: entry.registration as Registration<T>,
    readable: (mask & EPOLLIN) !== 0,
    writable: (mask & EPOLLOUT) !== 0,
    priority: (mask & EPOLLPRI) !== 0,
    readHangup: (mask & EPOLLRDHUP) !== 0,
    hangup: (mask & EPOLLHUP) !== 0,
    error: (mask & EPOLLERR) !== 0,
    mask,
  };
}
