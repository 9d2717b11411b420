/**
 * What a poller takes and what it counts, checked and named. It must never make a system call. Used by poller.ts and watch.ts.
 */
import type { Driver } from '../internal/driver.js';
import { chooseDriver } from '../internal/driver.js';
import type { Engine } from './interest.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { oneOf, optionalInteger, optionalSignal } from '../internal/validate.js';

/** What a poller is made with. */
export interface PollerOptions {
  /** How the kernel is asked. Default `epoll`; `poll` and `select` know `level` and `oneshot` alone, and take regular files. */
  engine?: Engine | undefined;
  /** Events that one look at the kernel gives at most; the rest come with the next. Default 256, at most 65,536. */
  maxEvents?: number | undefined;
  /** Who announces readiness. Default `uv` in Node.js, `thread` elsewhere, where `uv` is a `RangeError`. */
  driver?: Driver | undefined;
  /** Closes the poller; its iteration then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** The names of {@link PollerOptions}. */
export const POLLER_OPTIONS: OptionNames<PollerOptions> = {
  engine: true,
  maxEvents: true,
  driver: true,
  signal: true,
};

/** A poller's options after their checks, each with its default. */
export interface PollerConfig {
  engine: Engine;
  maxEvents: number;
  signal: AbortSignal | undefined;
  driver: Driver;
}

/** Checks the options of a poller. Throws `TypeError` or `RangeError` for bad ones. */
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

/** What {@link Poller.poll} takes. */
export interface PollOptions {
  /** Milliseconds to wait at most, and never less: 0 looks, `undefined` waits until something is ready. Up to 2^53. */
  timeout?: number | undefined;
  /** Ends the wait: the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** The names of {@link PollOptions}. */
export const POLL_OPTIONS: OptionNames<PollOptions> = { timeout: true, signal: true };

/** A poller's counters, since it was made. */
export interface PollerStats {
  /** Looks at the kernel (epoll_wait, poll or select without waiting). */
  waits: number;
  /** Events that the kernel gave. */
  events: number;
  /** Events of registrations that were gone; they were dropped. */
  staleEvents: number;
  /** Looks that brought something. */
  batches: number;
  /** Events of the largest batch. */
  largestBatch: number;
  /** Descriptors found closed while they were watched. */
  closedDescriptors: number;
  /** Times that the poller took a fresh epoll descriptor, because stale events would not end. */
  renewals: number;
}

/** The counters of a poller: those of the native side in their order there, and `batches`. */
export function statsOf(counters: readonly number[], batches: number): PollerStats {
  const [
    waits = 0,
    events = 0,
    staleEvents = 0,
    largestBatch = 0,
    closedDescriptors = 0,
    renewals = 0,
  ] = counters;
  return { waits, events, staleEvents, batches, largestBatch, closedDescriptors, renewals };
}
