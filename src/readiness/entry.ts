/** The state of one registration that the poller and the `Registration` share. */
import type { Follower } from '../internal/closing.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { Registration } from './registration.js';

/** One registration of a poller. */
export interface Entry<T> extends Follower {
  /** Set by `register()` before the kernel can report an event. */
  registration: Registration<T> | undefined;
  fd: number;
  /** The object that owns the descriptor. The reference keeps it from being collected, which would close the descriptor. */
  owner: DescriptorOwner | undefined;
  data: T;
  /** The native side identifies a registration by its slot and its generation. */
  slot: number;
  generation: number;
  /** The event bits that the consumer has not received yet. −1 if the registration is closed and its error is pending. */
  mask: number;
  isExclusive: boolean;
  /** Whether the entry is in the poller's list of pending entries. */
  isListed: boolean;
  /** The next entry in that list. */
  next: Entry<T> | undefined;
  /** `closed`: the descriptor was closed while it was watched. */
  state: 'active' | 'unregistered' | 'closed';
  /** Called after the registration has ended because the descriptor's object was closed or released. */
  whenEnded: (() => void) | undefined;
}
