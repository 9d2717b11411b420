/**
 * Waiting for a descriptor: whoever waits for the same one shares a poller.
 *
 * It must never wait when nobody does, and never touch a number after its owner closed it.
 */
import type { Driver } from '../driver.js';
import { chooseDriver } from '../driver.js';
import type { ReadinessEvent } from '../readiness-event.js';
import { abortReason, optionalSignal, throwIfAborted } from '../validate.js';
import { watch } from '../watch.js';
import type { Descriptor } from './owned.js';
import { onClose } from './owned.js';

/** What is waited for. */
export type Direction = 'readable' | 'writable';

/**
 * How a wait ended: the descriptor is ready; it is, and what is not there by now will never come; or it was closed, or
 * the wait was given up.
 */
export type Woken = 'ready' | 'last' | 'closed';

interface Waiter {
  wake: (woken: Woken) => void;
  fail: (error: unknown) => void;
}

/** One poller, made when somebody waits first, for all who wait for one direction of one descriptor. */
class Readiness {
  readonly #owner: Descriptor;
  readonly #direction: Direction;
  readonly #driver: Driver;
  readonly #all: Map<string, Readiness>;
  readonly #forget: () => void;
  readonly #waiters = new Set<Waiter>();
  #events: AsyncIterableIterator<ReadinessEvent<undefined>, undefined, undefined> | undefined;
  #isAsking = false;
  #users = 0;

  constructor(
    owner: Descriptor,
    direction: Direction,
    driver: Driver,
    all: Map<string, Readiness>,
  ) {
    this.#owner = owner;
    this.#direction = direction;
    this.#driver = driver;
    this.#all = all;
    this.#forget = onClose(owner, () => this.close());
    all.set(this.#key, this);
  }

  get #key(): string {
    return `${this.#direction} ${this.#driver}`;
  }

  join(): void {
    this.#users += 1;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.close();
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    if (!this.#isAsking) void this.#ask();
  }

  /** Gives up a wait. */
  remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    if (this.#waiters.size === 0 && this.#isAsking) this.#stop();
  }

  /** There is something that the kernel does not know of any more. */
  wake(): void {
    if (!this.#isAsking) return;
    this.#stop();
    this.#tell((waiter) => waiter.wake('ready'));
  }

  close(): void {
    this.#forget();
    if (this.#all.get(this.#key) === this) this.#all.delete(this.#key);
    this.#stop();
    this.#tell((waiter) => waiter.wake('closed'));
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    let events = this.#events;
    let tell: (waiter: Waiter) => void;
    try {
      events ??= watch(this.#owner, {
        driver: this.#driver,
        maxEvents: 1,
        // Beside the end of a peer's sending it is the one sign that this side's receiving was shut down: by this object, or
        // by whoever else has the socket.
        readHangup: this.#direction === 'readable',
        [this.#direction]: true,
      });
      this.#events = events;
      const woken = wokenBy((await events.next()).value);
      tell = (waiter) => waiter.wake(woken);
    } catch (error) {
      // The poller is closed by now.
      if (this.#events === events) this.#events = events = undefined;
      tell = (waiter) => waiter.fail(error);
    }
    // It was stopped meanwhile, and whoever waits now has asked anew.
    if (this.#events !== events) return;
    this.#isAsking = false;
    this.#tell(tell);
  }

  #stop(): void {
    const events = this.#events;
    this.#events = undefined;
    this.#isAsking = false;
    void events?.return?.();
  }

  #tell(tell: (waiter: Waiter) => void): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const waiter of waiters) tell(waiter);
  }
}

function wokenBy(event: ReadinessEvent<undefined> | undefined): Woken {
  if (event === undefined) return 'closed';
  return event.readHangup || event.hangup ? 'last' : 'ready';
}

const shared = new WeakMap<Descriptor, Map<string, Readiness>>();

function readinessOf(owner: Descriptor, direction: Direction, driver: Driver): Readiness {
  let all = shared.get(owner);
  if (all === undefined) shared.set(owner, (all = new Map()));
  const found = all.get(`${direction} ${driver}`);
  return found ?? new Readiness(owner, direction, driver, all);
}

/** Wakes whoever waits for a descriptor to be readable: what was read from it is in its object's hand. */
export function wakeReaders(owner: Descriptor): void {
  for (const driver of ['uv', 'thread']) shared.get(owner)?.get(`readable ${driver}`)?.wake();
}

/** One who waits for a descriptor, again and again but once at a time. */
export class Waiting {
  readonly #readiness: Readiness;
  readonly #signal: AbortSignal | undefined;
  #waiter: Waiter | undefined;
  #closed = false;

  constructor(
    owner: Descriptor,
    direction: Direction,
    options: { driver?: Driver; signal?: AbortSignal },
  ) {
    this.#signal = optionalSignal('signal', options.signal);
    this.#readiness = readinessOf(owner, direction, chooseDriver(options.driver));
    this.#readiness.join();
  }

  /** Rejects with the signal's reason, and with what the kernel refuses. */
  next(): Promise<Woken> {
    const signal = this.#signal;
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      const over = (): void => {
        this.#waiter = undefined;
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        wake: (woken) => {
          over();
          resolve(woken);
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
      this.#readiness.add(waiter);
    });
  }

  /** Waits no longer; twice is allowed. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#readiness.remove(waiter);
      waiter.wake('closed');
    }
    this.#readiness.leave();
  }
}
