/**
 * The poller that all waits of a thread for the same direction with the same driver share.
 *
 * A poll() is pending only while there is a wait. Between two waits it holds no reference to a descriptor's object.
 */
import type { Driver } from '../internal/driver.js';
import { EdgepollError } from '../internal/errors.js';
import { Poller } from '../readiness/poller.js';
import type { ReadinessEvent } from '../readiness/readiness-event.js';
import type { Registration } from '../readiness/registration.js';

/** What a wait waits for. */
export type Direction = 'readable' | 'writable';

/** Receives the outcome of the waits for a descriptor. */
export interface Listener {
  ready: (event: ReadinessEvent<Subject>) => void;
  failed: (error: unknown) => void;
}

/** A descriptor that is waited for repeatedly. */
export interface Subject {
  readonly fd: number;
  /** A oneshot registration gives no events between waits, so it is kept. To arm it again costs one system call. */
  registration: Registration<Subject> | undefined;
  /** Set only while a wait is pending, because it refers to the descriptor's object, which must be collectable between waits. */
  listener: Listener | undefined;
  /** Whether the registration is edge-triggered instead. It then gives events between waits, too. See `isErrorAlone` in waiting.ts. */
  isEdge: boolean;
  /** With edge triggers: the event that came between two waits. The kernel does not report it again. */
  missed: ReadinessEvent<Subject> | undefined;
}

/** A poller for the waits of many descriptors. */
export class SharedPoller {
  readonly #direction: Direction;
  readonly #driver: Driver;
  readonly #armed = new Set<Subject>();
  #poller: Poller<Subject> | undefined;
  /** The poller that has a poll() pending. */
  #waiting: Poller<Subject> | undefined;

  constructor(direction: Direction, driver: Driver) {
    this.#direction = direction;
    this.#driver = driver;
  }

  /** Calls the listener once, when the descriptor is ready. Throws the kernel's error if it cannot be watched. */
  arm(subject: Subject, listener: Listener): void {
    this.#poller ??= new Poller<Subject>({ driver: this.#driver, maxEvents: 64 }).unref();
    const poller = this.#poller;
    if (!(subject.isEdge ? subject.registration?.active : isRearmed(subject))) {
      subject.registration = poller.register(subject.fd, {
        // This bit reports the peer's end. It is also the only bit that reports that receiving was shut down on this side, by this
        // object or by another owner of the socket.
        readHangup: this.#direction === 'readable',
        [this.#direction]: true,
        trigger: subject.isEdge ? 'edge' : 'oneshot',
        data: subject,
      });
    }
    subject.listener = listener;
    this.#armed.add(subject);
    // A wait keeps the process alive.
    if (this.#armed.size === 1) poller.ref();
    if (this.#waiting !== poller) void this.#wait(poller);
    const { missed } = subject;
    if (missed === undefined) return;
    subject.missed = undefined;
    // In a microtask, because the caller adds its wait only after this call.
    queueMicrotask(() => {
      if (subject.listener === listener) this.#release(subject)?.ready(missed);
    });
  }

  /** Ends the registration of `subject`. Its listener is not called after that. */
  forget(subject: Subject): void {
    subject.registration?.unregister();
    subject.registration = undefined;
    subject.missed = undefined;
    if (!this.#armed.delete(subject)) return;
    subject.listener = undefined;
    // Without waits no poll() may stay pending.
    if (this.#armed.size === 0) this.#close();
  }

  async #wait(poller: Poller<Subject>): Promise<void> {
    this.#waiting = poller;
    while (this.#armed.size > 0 && this.#poller === poller) {
      try {
        // One after the other, because the waits that are left after this batch decide whether there is another poll().
        const events = await poller.poll();
        for (const event of events) {
          const listener = this.#release(event.data);
          if (listener !== undefined) listener.ready(event);
          else if (event.data.isEdge) event.data.missed = event;
        }
      } catch (error) {
        // A poller that was closed during the poll() has no waits left, so its error is dropped.
        if (this.#poller === poller) this.#fail(error);
      }
    }
    if (this.#waiting === poller) this.#waiting = undefined;
  }

  /** Disarms `subject`, and returns the listener that it had. */
  #release(subject: Subject): Listener | undefined {
    const { listener } = subject;
    subject.listener = undefined;
    if (this.#armed.delete(subject) && this.#armed.size === 0) this.#poller?.unref();
    return listener;
  }

  /** Fails the waits that the error concerns. */
  #fail(error: unknown): void {
    // Other code has closed one number without the object's close(). Only the waits for that number fail.
    const isOne = error instanceof EdgepollError && error.code === 'ERR_DESCRIPTOR_CLOSED';
    const failed = [...this.#armed].filter(({ fd }) => !isOne || fd === error.fd);
    for (const subject of failed) {
      subject.registration?.unregister();
      subject.registration = undefined;
      this.#release(subject)?.failed(error);
    }
    if (!isOne) this.#close();
  }

  #close(): void {
    const poller = this.#poller;
    this.#poller = undefined;
    poller?.close();
  }
}

/** Arms the registration again. Returns false if there is none, or if other code has closed the number. */
function isRearmed(subject: Subject): boolean {
  const { registration } = subject;
  if (registration === undefined || !registration.active) return false;
  try {
    registration.rearm();
    return true;
  } catch {
    // The number may belong to another file now. The caller registers it again, which throws an error if it cannot be watched.
    registration.unregister();
    return false;
  }
}

const all = new Map<string, SharedPoller>();

/** Returns this thread's poller for the direction and the driver. */
export function sharedPoller(direction: Direction, driver: Driver): SharedPoller {
  const key = `${direction} ${driver}`;
  let shared = all.get(key);
  if (shared === undefined) all.set(key, (shared = new SharedPoller(direction, driver)));
  return shared;
}
