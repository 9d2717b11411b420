/** Eventfds: counters in the kernel. */
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

const MOST = 2n ** 64n - 2n;

function amount(name: string, value: unknown): bigint {
  const expected = `an integer from 0 to ${MOST}`;
  if (typeof value !== 'bigint' && typeof value !== 'number')
    throw typeError(name, expected, value);
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw rangeError(name, expected, value);
  const whole = BigInt(value);
  if (whole < 0n || whole > MOST) throw rangeError(name, expected, value);
  return whole;
}

/** What an eventfd is made with. */
export interface EventFdOptions {
  /** What the counter starts with: 0 to 2^64 − 2. Default 0. */
  initial?: bigint | number | undefined;
  /** Each read takes 1 instead of everything. Default `false`. */
  semaphore?: boolean | undefined;
}

const EVENTFD_OPTIONS: OptionNames<EventFdOptions> = { initial: true, semaphore: true };

let makeEventFd: (fd: number) => EventFd;

/** A counter in the kernel that is readable while it is not 0 (eventfd(2)). Iterating gives what each read takes. */
export class EventFd extends Descriptor implements AsyncIterable<bigint, undefined> {
  static {
    makeEventFd = (fd) => new EventFd(fd, 'eventfd');
  }

  /**
   * Takes over an eventfd that was opened elsewhere; from now on no other code may close it. Throws `ERR_DESCRIPTOR_KIND` for
   * anything else, which stays its owner's, `ENOENT` without /proc, and as {@link OwnedFd.adopt}.
   */
  static adopt(fd: number): EventFd {
    return new EventFd(adoptKind(fd, 'eventfd'), 'eventfd');
  }

  /** Takes everything, or 1 of a semaphore; `null` when the counter is 0. Throws `ERR_CLOSED`. */
  read(): bigint | null {
    return readCounter(this.fd);
  }

  /**
   * Adds `value`, default 1; false when the sum would exceed 2^64 − 2, and then nothing was added. Throws `ERR_CLOSED`,
   * `RangeError` for what is not an integer from 0 to 2^64 − 2.
   */
  write(value: bigint | number = 1n): boolean {
    const whole = amount('value', value);
    const { fd } = this;
    return writeCounter(fd, whole);
  }

  /** What reads take, one after the other. */
  values(options?: WaitOptions): AsyncIterableIterator<bigint, undefined, undefined> {
    return itemsOf(this, () => this.read(), options);
  }

  /** As {@link EventFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<bigint, undefined, undefined> {
    return this.values();
  }
}

const MOST_INITIAL = 2n ** 32n - 1n;

/** A counter, close-on-exec and non-blocking (eventfd(2)). Throws `EMFILE`, `ENFILE`, `RangeError`. */
export function eventfd(options: EventFdOptions = {}): EventFd {
  optionsObject('options', options, EVENTFD_OPTIONS);
  const { initial: start = 0 } = options;
  const initial = amount('initial', start);
  const semaphore = optionalBoolean('semaphore', options.semaphore, false);
  const first = initial < MOST_INITIAL ? initial : MOST_INITIAL;
  const made = makeEventFd(checked(native.eventfd(Number(first), semaphore), 'eventfd2'));
  // The system call takes 32 bits; nobody has seen the number yet.
  if (initial > first) made.write(initial - first);
  return made;
}
