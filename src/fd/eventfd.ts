/** Eventfds: counters in the kernel as descriptors. */
import { fd as native } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { optionalBoolean, rangeError, typeError } from '../internal/validate.js';
import { readCounter, writeCounter } from './counter.js';
import { adoptKind } from './kind.js';
import { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked } from './results.js';

/** The largest value of a counter. */
const MAX_VALUE = 2n ** 64n - 2n;

/** Checks a value for a counter. */
function counterValue(name: string, value: unknown): bigint {
  const expected = `an integer from 0 to ${MAX_VALUE}`;
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw typeError(name, expected, value);
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw rangeError(name, expected, value);
  const whole = BigInt(value);
  if (whole < 0n || whole > MAX_VALUE) throw rangeError(name, expected, value);
  return whole;
}

/** The options of {@link eventfd}. */
export interface EventFdOptions {
  /** The counter's first value, 0 to 2^64 − 2. Default 0. */
  initial?: bigint | number | undefined;
  /** Whether each read takes 1 instead of the whole value (EFD_SEMAPHORE). Default `false`. */
  semaphore?: boolean | undefined;
}

const EVENTFD_OPTIONS: OptionNames<EventFdOptions> = { initial: true, semaphore: true };

/** The class's static block sets it, because only code inside the class can call the constructor. */
let makeEventFd: (fd: number) => EventFd;

/** A counter in the kernel that is readable while it is not 0 (eventfd(2)). Iterating gives the value of each read. */
export class EventFd extends Descriptor implements AsyncIterable<bigint, undefined> {
  static {
    makeEventFd = (fd) => new EventFd(fd, 'eventfd');
  }

  /**
   * Takes over an eventfd that was opened elsewhere; from now on no other code may close it. Throws `ERR_DESCRIPTOR_KIND` if it is not
   * an eventfd, `ENOENT` without /proc, and as {@link OwnedFd.adopt}. After an error the descriptor still belongs to the caller.
   */
  static adopt(fd: number): EventFd {
    return new EventFd(adoptKind(fd, 'eventfd'), 'eventfd');
  }

  /** Takes the whole value, or 1 from a semaphore, and returns it; `null` if the counter is 0. Throws `ERR_CLOSED`. */
  read(): bigint | null {
    return readCounter(this.fd);
  }

  /**
   * Adds `value` to the counter, default 1. Returns false and adds nothing if the sum would exceed 2^64 − 2. Throws `ERR_CLOSED`, and
   * `TypeError` or `RangeError` for a value that is not an integer from 0 to 2^64 − 2.
   */
  write(value: bigint | number = 1n): boolean {
    const whole = counterValue('value', value);
    const { fd } = this;
    return writeCounter(fd, whole);
  }

  /** Iterates the values of reads. Throws `ERR_CLOSED`. */
  values(options?: WaitOptions): AsyncIterableIterator<bigint, undefined, undefined> {
    return itemsOf(this, () => this.read(), options);
  }

  /** As {@link EventFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<bigint, undefined, undefined> {
    return this.values();
  }
}

/** eventfd(2) takes a first value of 32 bits. */
const MAX_INITIAL = 2n ** 32n - 1n;

/** Creates a counter, close-on-exec and non-blocking (eventfd(2)). Throws `EMFILE`, `ENFILE`, `TypeError`, `RangeError`. */
export function eventfd(options: EventFdOptions = {}): EventFd {
  optionsObject('options', options, EVENTFD_OPTIONS);
  const { initial: start = 0 } = options;
  const initial = counterValue('initial', start);
  const semaphore = optionalBoolean('semaphore', options.semaphore, false);
  const first = initial < MAX_INITIAL ? initial : MAX_INITIAL;
  const made = makeEventFd(checked(native.eventfd(Number(first), semaphore), 'eventfd2'));
  // The rest of a larger value is added before the caller gets the object.
  if (initial > first) made.write(initial - first);
  return made;
}
