/**
 * `watch()`: an iterator over the events of one descriptor. It has a poller of its own, and closes it whichever way the iteration
 * ends.
 */
import { iteratorsOver } from '../internal/iterator.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject, pickOptions } from '../internal/option-names.js';
import type { DescriptorOwner } from '../internal/validate.js';
import type { RegisterOptions } from './interest.js';
import { REGISTER_OPTIONS } from './interest.js';
import type { PollerOptions } from './poller-options.js';
import { POLLER_OPTIONS } from './poller-options.js';
import { Poller } from './poller.js';
import type { ReadinessEvent } from './readiness-event.js';
import { whenEnded } from './registration.js';

/** The options of `watch()`: those of a registration and of a poller. */
export type WatchOptions<T> = RegisterOptions<T> & PollerOptions;

const WATCH_OPTIONS: OptionNames<WatchOptions<unknown>> = {
  ...REGISTER_OPTIONS,
  ...POLLER_OPTIONS,
};

/**
 * Watches one descriptor with a poller of its own. The descriptor is watched from this call on, until the loop is left, the signal
 * aborts, or the descriptor is closed. Closing or releasing an object of `edgepoll/fd` ends the loop; any other descriptor that is
 * closed makes the loop throw `ERR_DESCRIPTOR_CLOSED`. With a oneshot trigger the loop ends after one event.
 *
 * The poller is never garbage-collected: call `return()` of an iterator that you do not iterate. Throws as {@link Poller} and
 * {@link Poller.register}.
 *
 * @example
 * for await (const event of watch(fd)) readSync(event.fd, buffer);
 */
export function watch(
  fd: number | DescriptorOwner,
  options?: WatchOptions<undefined>,
): AsyncIterableIterator<ReadinessEvent<undefined>, undefined, undefined>;
/** Watches one descriptor with a poller of its own, as the other overload does, and gives each event its `data`. */
export function watch<T>(
  fd: number | DescriptorOwner,
  options: WatchOptions<T>,
): AsyncIterableIterator<ReadinessEvent<T>, undefined, undefined>;
export function watch(
  fd: number | DescriptorOwner,
  options: WatchOptions<unknown> = {},
): AsyncIterableIterator<ReadinessEvent<unknown>, undefined, undefined> {
  optionsObject('options', options, WATCH_OPTIONS);
  const poller = new Poller<unknown>(pickOptions<PollerOptions>(options, POLLER_OPTIONS));
  let isOneshot: boolean;
  try {
    const registered = pickOptions<RegisterOptions<unknown>>(options, REGISTER_OPTIONS);
    whenEnded(poller.register(fd, registered), () => poller.close());
    isOneshot = options.trigger === 'oneshot' || options.trigger === 'edge-oneshot';
  } catch (error) {
    poller.close();
    throw error;
  }
  const events = poller[Symbol.asyncIterator]();
  return iterate({ poller, events, isOneshot }) as AsyncIterableIterator<
    ReadinessEvent<unknown>,
    undefined,
    undefined
  >;
}

/** A poller that belongs to one iterator. */
interface Watch {
  poller: Pick<Poller, 'close'>;
  events: AsyncIterator<unknown, undefined, undefined>;
  isOneshot: boolean;
}

async function next({
  poller,
  events,
  isOneshot,
}: Watch): Promise<IteratorResult<unknown, undefined>> {
  try {
    const result = await events.next();
    if (isOneshot) poller.close();
    return result;
  } catch (error) {
    poller.close();
    throw error;
  }
}

const iterate = iteratorsOver(next, ({ poller }) => poller.close());
