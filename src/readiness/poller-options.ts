/** The options and the counters of a poller. */
import type { PollerCounters } from '../internal/binding.js';
import type { Driver } from '../internal/driver.js';
import { chooseDriver } from '../internal/driver.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { oneOf, optionalInteger, optionalSignal } from '../internal/validate.js';
import type { Engine } from './interest.js';

/** The options of a {@link Poller}. */
export interface PollerOptions {
  /**
   * The system call that the poller uses. Default `epoll`. `poll` and `select` support the triggers `level` and `oneshot` only, and
   * accept regular files, which they always report as ready.
   */
  engine?: Engine | undefined;
  /** The most events of one batch, 1 to 65,536. Further events come with the next batch. Default 256. */
  maxEvents?: number | undefined;
  /** What wakes JavaScript when a descriptor is ready. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
  /** Closes the poller when it aborts. The iteration then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export const POLLER_OPTIONS: OptionNames<PollerOptions> = {
  engine: true,
  maxEvents: true,
  driver: true,
  signal: true,
};

/** The checked options of a poller, with the defaults filled in. */
export interface PollerConfig {
  engine: Engine;
  maxEvents: number;
  signal: AbortSignal | undefined;
  driver: Driver;
}

/** Checks the options of a poller. Throws `TypeError` or `RangeError`. */
export function pollerConfig(options: PollerOptions): PollerConfig {
  optionsObject('options', options, POLLER_OPTIONS);
  const engine = oneOf('engine', options.engine === undefined ? 'epoll' : options.engine, [
    'epoll',
    'poll',
    'select',
  ]);
  const maxEvents = optionalInteger('maxEvents', options.maxEvents, 1, 65_536, 256);
  const signal = optionalSignal('signal', options.signal);
  return { engine, maxEvents, signal, driver: chooseDriver(options.driver) };
}

/** The options of {@link Poller.poll}. */
export interface PollOptions {
  /**
   * Milliseconds until the promise resolves to an empty batch, 0 to 2^53; it never does so earlier. With 0 it does not wait. Default:
   * it waits until something is ready.
   */
  timeout?: number | undefined;
  /** Ends the wait when it aborts. The promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export const POLL_OPTIONS: OptionNames<PollOptions> = { timeout: true, signal: true };

/** Counters of a {@link Poller} since it was created. */
export interface PollerStats {
  /** Calls of epoll_wait(2), poll(2) or select(2), all without waiting. */
  waits: number;
  /** Events that the kernel reported. */
  events: number;
  /** Dropped events, because their registration had ended. */
  staleEvents: number;
  /** Those of `waits` that found something. */
  batches: number;
  /** The number of events in the largest batch. */
  largestBatch: number;
  /** Descriptors that were closed while they were watched. */
  closedDescriptors: number;
  /** How often the poller replaced its epoll descriptor, because the kernel went on reporting closed descriptors (epoll(7)). */
  renewals: number;
}

/** Makes the counters of a poller from those of the native side and the number of batches. */
export function statsOf(counters: PollerCounters, batches: number): PollerStats {
  return {
    waits: counters.waits,
    events: counters.events,
    staleEvents: counters.stale,
    batches,
    largestBatch: counters.largest,
    closedDescriptors: counters.closed,
    renewals: counters.renewals,
  };
}
