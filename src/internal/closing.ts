/**
 * Which registrations watch which descriptor number. When an object of edgepoll/fd is closed or released, its registrations end
 * before the number is free.
 *
 * A descriptor's object is not kept alive after its registration has ended.
 */
import { ByNumber } from './by-number.js';

/** A registration that watches a descriptor. */
export interface Follower {
  readonly fd: number;
  /** The object whose descriptor is watched; `undefined` if the caller registered a plain number. */
  readonly owner: object | undefined;
  /** The next registration of the same number. Only this file uses it. */
  follower: Follower | undefined;
  /** Called just before the descriptor is closed or released. The number is still open and belongs to the same file. */
  ended(): void;
}

/** For each number the first registration; `follower` links the others. Most numbers have one, and a Set would take 200 bytes. */
const followers = new ByNumber<Follower>();

/** From here on `follower.ended()` is called when the owner of its number closes or releases it. */
export function follow(follower: Follower): void {
  follower.follower = followers.get(follower.fd);
  followers.set(follower.fd, follower);
}

/** Undoes {@link follow}. Does nothing if `follower` was not added, or was removed already. */
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

/** Ends every registration of `fd`, because its owner is about to close it. */
export function closing(fd: number): void {
  // ended() may remove other registrations of the number as well, so each round looks up the first one again.
  for (let first = followers.get(fd); first !== undefined; first = followers.get(fd)) {
    unfollow(first);
    first.ended();
  }
}

/** Ends the registrations of `owner`, which releases `fd`. Those of the plain number go on, because it stays open. */
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
