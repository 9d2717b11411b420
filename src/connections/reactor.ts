/**
 * The JavaScript side of a reactor: one per thread and driver, made at first use. This file connects its parts, and keeps the
 * process alive while a server or connection needs that.
 */
import { ReactorBinding } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import { openNative } from '../internal/errors.js';
import { keepOwn } from '../internal/validate.js';
import { Arena } from './arena.js';
import type { Closer } from './closer.js';
import { closer } from './closer.js';
import { Dispatcher } from './dispatch.js';
import { Fairness } from './fairness.js';
import { Incoming } from './incoming.js';
import { Outgoing } from './outgoing.js';
import { allocateSharedMemory } from './shared-memory.js';
import { Staging } from './staging.js';

export class Reactor {
  readonly native: ReactorBinding;
  readonly arena: Arena;
  readonly dispatcher: Dispatcher;
  readonly fairness: Fairness;
  readonly staging: Staging;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  /** Where each turn writes the tables of messages. */
  readonly tables: Int32Array;
  readonly closer: Closer = closer;
  /** How many servers and connections keep the process alive. */
  #references = 0;

  constructor(driver: Driver) {
    const memory = allocateSharedMemory();
    this.tables = memory.tables;
    this.arena = new Arena(memory.control);
    this.fairness = new Fairness(memory.control);
    this.native = openNative(
      () =>
        new ReactorBinding(driver, {
          ...memory,
          dispatch: (count, fresh, pool, slab, arena) => {
            this.fairness.begin();
            this.dispatcher.dispatch(count, fresh, pool, slab, arena);
          },
        }),
    );
    this.staging = new Staging(memory, this.native, (count) => {
      this.dispatcher.dispatch(count);
    });
    this.outgoing = new Outgoing(memory, this.staging);
    this.incoming = new Incoming(this.arena, this.staging);
    const refuse = (slot: number, generation: number): void => {
      this.native.destroy(slot, generation, false);
    };
    this.dispatcher = new Dispatcher(memory, this.arena, this.incoming, refuse);
    keepOwn(this.native.descriptors);
  }

  /** Keeps the process alive until {@link Reactor.release} was called as often. */
  retain(): void {
    this.#references += 1;
    if (this.#references === 1) this.native.ref();
  }

  release(): void {
    this.#references -= 1;
    if (this.#references === 0) this.native.unref();
  }
}

const reactors = new Map<Driver, Reactor>();

/** The thread's reactor with this driver. */
export function reactorOf(driver: Driver): Reactor {
  let reactor = reactors.get(driver);
  if (reactor === undefined) {
    reactor = new Reactor(driver);
    reactors.set(driver, reactor);
  }
  return reactor;
}
