/**
 * Waits for a descriptor's readiness. All waits for one descriptor share a registration, and all descriptors share a poller.
 *
 * A registration is armed only while there is a wait, and the number is not used after its owner has closed it.
 */
import type { Driver } from '../internal/driver.js';
import { chooseDriver } from '../internal/driver.js';
import type { ReadinessEvent } from '../readiness/readiness-event.js';
import { abortReason, optionalSignal, throwIfAborted } from '../internal/validate.js';
import type { Descriptor } from './owned.js';
import type { Direction, Listener, SharedPoller, Subject } from './shared-poller.js';
import { sharedPoller } from './shared-poller.js';

/**
 * How a wait ended. `ready`: the descriptor is ready. `last`: it is ready, and nothing more will arrive. `closed`: it was closed, or the
 * wait was given up.
 */
export type Outcome = 'ready' | 'last' | 'closed';

/** One pending wait. */
interface Waiter {
  end: (outcome: Outcome) => void;
  fail: (error: unknown) => void;
}

/** All waits for one direction of one descriptor with one driver. */
class Readiness implements Listener {
  /** While a wait is pending, the poller refers to this `Readiness`, which keeps the owner from being garbage-collected. */
  readonly #owner: Descriptor;
  readonly #direction: Direction;
  readonly #subject: Subject;
  readonly #poller: SharedPoller;
  readonly #waiters = new Set<Waiter>();
  /** The number of {@link Waiting} objects. */
  #users = 0;

  constructor(owner: Descriptor, direction: Direction, driver: Driver) {
    this.#owner = owner;
    this.#direction = direction;
    this.#subject = {
      fd: owner.fd,
      registration: undefined,
      listener: undefined,
      isEdge: false,
      missed: undefined,
    };
    this.#poller = sharedPoller(direction, driver);
  }

  /** Adds a user. Throws the kernel's error if the descriptor cannot be watched; earlier waits then reject with it, too. */
  join(): void {
    if (this.#subject.isEdge) this.#registerAgain();
    this.#users += 1;
  }

  /**
   * Registers the descriptor again for a new wait. Earlier waits have already received the present state by an edge event. The
   * new registration makes the kernel report it once more.
   */
  #registerAgain(): void {
    this.#poller.forget(this.#subject);
    if (this.#waiters.size === 0) return;
    try {
      this.#poller.arm(this.#subject, this);
    } catch (error) {
      this.failed(error);
      throw error;
    }
  }

  /**
   * Removes a user. With `isKept` the registration stays for the next wait while the descriptor is open. It gives no events until
   * then.
   */
  leave(isKept: boolean): void {
    this.#users -= 1;
    if (this.#users === 0 && !isKept) this.#poller.forget(this.#subject);
  }

  /** Adds a wait. Throws the kernel's error if the descriptor cannot be watched. */
  add(waiter: Waiter): void {
    if (this.#waiters.size === 0) this.#poller.arm(this.#subject, this);
    this.#waiters.add(waiter);
  }

  /** Removes a wait without settling it. */
  remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    if (this.#waiters.size === 0) this.#poller.forget(this.#subject);
  }

  /** Ends the waits, because the owner has items that it has read already. The kernel does not report those. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    this.#poller.forget(this.#subject);
    this.#settle((waiter) => waiter.end('ready'));
  }

  ready(event: ReadinessEvent<Subject>): void {
    if (!this.#subject.isEdge && isErrorAlone(event, this.#direction)) {
      this.#poller.forget(this.#subject);
      this.#subject.isEdge = true;
    }
    const outcome = event.readHangup || event.hangup ? 'last' : 'ready';
    this.#settle((waiter) => waiter.end(outcome));
  }

  failed(error: unknown): void {
    this.#settle((waiter) => waiter.fail(error));
  }

  /** The descriptor is being closed: ends its waits. */
  close(): void {
    this.#poller.forget(this.#subject);
    shared.delete(this.#owner);
    this.#settle((waiter) => waiter.end('closed'));
  }

  /** Removes all waits, and settles them. */
  #settle(settle: (waiter: Waiter) => void): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) settle(waiter);
  }
}

/**
 * Whether the event reports nothing but an error. That may be an entry of the socket's error queue: the kernel reports it until
 * the program reads the queue, although there is no data. A oneshot registration would fire again at once, without end. So
 * the registration becomes edge-triggered: the kernel reports the present state once, and then each change.
 */
function isErrorAlone(event: ReadinessEvent<Subject>, direction: Direction): boolean {
  return event.error && !event[direction] && !event.hangup && !event.readHangup;
}

/** By descriptor, then by direction and driver. */
const shared = new WeakMap<Descriptor, Map<string, Readiness>>();

function readinessOf(owner: Descriptor, direction: Direction, driver: Driver): Readiness {
  let all = shared.get(owner);
  if (all === undefined) shared.set(owner, (all = new Map()));
  const key = `${direction} ${driver}`;
  let found = all.get(key);
  if (found === undefined) all.set(key, (found = new Readiness(owner, direction, driver)));
  return found;
}

/** Ends the waits for a descriptor that is being closed. Its number must not be free yet. */
export function endWaits(owner: Descriptor): void {
  for (const readiness of shared.get(owner)?.values() ?? []) readiness.close();
}

/** Ends the waits for a descriptor to be readable, because its owner has items that it has read already. */
export function wakeReaders(owner: Descriptor): void {
  for (const driver of ['uv', 'thread']) shared.get(owner)?.get(`readable ${driver}`)?.wake();
}

/** One user of a descriptor's readiness: it waits repeatedly, but once at a time. */
export class Waiting {
  readonly #readiness: Readiness;
  readonly #signal: AbortSignal | undefined;
  #waiter: Waiter | undefined;
  #closed = false;

  constructor(
    owner: Descriptor,
    direction: Direction,
    options: { driver?: Driver | undefined; signal?: AbortSignal | undefined },
  ) {
    this.#signal = optionalSignal('signal', options.signal);
    this.#readiness = readinessOf(owner, direction, chooseDriver(options.driver));
    this.#readiness.join();
  }

  /** Waits until the descriptor is ready. Rejects with the signal's reason and with the kernel's error. */
  next(): Promise<Outcome> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const over = (): void => {
        this.#waiter = undefined;
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        end: (outcome) => {
          over();
          resolve(outcome);
        },
        fail: (error) => {
          over();
          reject(error);
        },
      };
      const abort = (): void => {
        this.#readiness.remove(waiter);
        waiter.fail(abortReason(signal));
      };
      this.#waiter = waiter;
      signal?.addEventListener('abort', abort, { once: true });
      try {
        this.#readiness.add(waiter);
      } catch (error) {
        waiter.fail(error);
      }
    });
  }

  /** Ends the wait that is pending. A second call does nothing. Set `isKept` if another wait for the same direction is likely. */
  close(isKept = false): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#readiness.remove(waiter);
      waiter.end('closed');
    }
    this.#readiness.leave(isKept);
  }
}
