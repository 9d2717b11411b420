/** One event of readiness, as the consumer sees it. It must never outgrow what the kernel's bits say. Used by poller.ts. */
import * as bits from './interest.js';
import type { Entry, Registration } from './registration.js';

// V8 builds a module's own constants into its optimised code; another module's it loads, and checks, at each use.
const { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } = bits;

/** A descriptor is ready. Bits that came together, or before the consumer asked, are one event. */
export interface ReadinessEvent<T> {
  /** The descriptor that was registered. */
  fd: number;
  /** What the registration was given. */
  data: T;
  /** The result of {@link Poller.register}. Its `active` is false if it has ended since this event was delivered. */
  registration: Registration<T>;
  /** EPOLLIN */
  readable: boolean;
  /** EPOLLOUT */
  writable: boolean;
  /** EPOLLPRI */
  priority: boolean;
  /** EPOLLRDHUP */
  readHangup: boolean;
  /** EPOLLHUP; always told */
  hangup: boolean;
  /** EPOLLERR; always told */
  error: boolean;
  /** The kernel's own bits. */
  mask: number;
}

/** The event of a registration's bits. */
export function eventOf<T>(entry: Entry<T>, mask: number): ReadinessEvent<T> {
  const { fd, data } = entry;
  return {
    fd,
    data,
    // register() sets it before the kernel can report an event of the entry.
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
