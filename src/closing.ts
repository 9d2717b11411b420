/**
 * Which registrations watch which number: closing or releasing one of this package's own descriptors ends what watches it first.
 *
 * It must never keep a descriptor's object alive after its watching has ended, nor do anything while nothing is closed.
 * Filled by poller.ts and epoll/watches.ts; told by fd/owned.ts.
 */
import { ByNumber } from './by-number.js';

/** One that watches a descriptor by its number. */
export interface Follower {
  readonly fd: number;
  /** The object that the number was taken from, if it was given as an object. */
  readonly owner: object | undefined;
  /** The next one that watches the same number. For this file alone. */
  follower: Follower | undefined;
  /** The descriptor is about to be closed or given away. The number is still open, and still stands for the same file. */
  ended(): void;
}

/** By number: the first of a chain. Nearly every chain has one link; a Set for it would take 200 bytes. */
const followers = new ByNumber<Follower>();

/** From here on `follower` is told when the owner of its number closes it. */
export function follow(follower: Follower): void {
  follower.follower = followers.get(follower.fd);
  followers.set(follower.fd, follower);
}

/** `follower` is told no more. Nothing happens if it was not told before. */
export function unfollow(follower: Follower): void {
  const { fd, follower: next } = follower;
  const first = followers.get(fd);
  if (first === follower) {
    if (next === undefined) followers.delete(fd);
    else followers.set(fd, next);
  } else {
    let previous = first;
    while (previous !== undefined && previous.follower !== follower) previous = previous.follower;
    if (previous === undefined) return;
    previous.follower = next;
  }
  follower.follower = undefined;
}

/** The owner of `fd` is about to close it: every registration of it ends. */
export function closing(fd: number): void {
  // Ending one may end others, which then leave the chain as well: so the first is fetched anew each time.
  for (let first = followers.get(fd); first !== undefined; first = followers.get(fd)) {
    unfollow(first);
    first.ended();
  }
}

/** `owner` gives `fd` away, which stays open: what was told to watch that object ends, what watches the number goes on. */
export function releasing(fd: number, owner: object): void {
  let at = followers.get(fd);
  while (at !== undefined) {
    if (at.owner === owner) {
      unfollow(at);
      at.ended();
      at = followers.get(fd);
    } else {
      at = at.follower;
    }
  }
}
