/**
 * Pipes, counters and timers.
 *
 * It must never disarm a timer that was asked for at once, nor lose a bit of a 64-bit count.
 */
import { fd as native } from '../internal/binding.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  invalidValue,
  oneOf,
  optionalBoolean,
  rangeError,
  typeError,
} from '../internal/validate.js';
import { adoptKind, kindField } from './kind.js';
import type { OwnedFd } from './owned.js';
import { checked, Descriptor, makeOwned, readInto, unlessWaiting, writeFrom } from './owned.js';
import type { WaitOptions } from './ready.js';
import { arrivals } from './ready.js';

/** Both numbers of a native call that makes two descriptors. */
export function two(made: number[], syscall: string): [number, number] {
  const [first = 0, second = 0] = made;
  checked(first, syscall);
  return [first, second];
}

/** A pipe, close-on-exec and non-blocking (pipe2(2)). Throws `EMFILE`, `ENFILE`. */
export function pipe(): { reader: OwnedFd; writer: OwnedFd } {
  const [reader, writer] = two(native.pipe(), 'pipe2');
  return { reader: makeOwned(reader, 'pipe'), writer: makeOwned(writer, 'pipe') };
}

// The kernel's 8 bytes are a number in the machine's own order, as a typed array's are.
const counter = new BigUint64Array(1);
const counterBytes = new Uint8Array(counter.buffer);

function readCounter(fd: number): bigint | null {
  const length = unlessWaiting(readInto(fd, counterBytes), 'read', fd);
  return length === null ? null : (counter[0] ?? 0n);
}

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
    counter[0] = whole;
    return unlessWaiting(writeFrom(fd, counterBytes, 0), 'write', fd) !== null;
  }

  /** What reads take, one after the other. */
  values(options?: WaitOptions): AsyncIterableIterator<bigint, undefined, undefined> {
    return arrivals(this, () => this.read(), options);
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

/** The clock of a timer: `monotonic` stands still while the machine sleeps, `boottime` does not, `realtime` is the wall's. */
export type Clock = 'monotonic' | 'boottime' | 'realtime';

/** When a timer expires first. */
export type TimerStart =
  | {
      /** Milliseconds from now; fractions count, 0 is now. */
      after: number;
      at?: undefined;
      cancelOnSet?: undefined;
    }
  | {
      /** Milliseconds on the timer's clock: for `realtime` since 1970, else since the machine started. Now if past. */
      at: number;
      after?: undefined;
      /**
       * Cancels the timer when the clock is set (TFD_TIMER_CANCEL_ON_SET): it becomes readable, and a read throws `ECANCELED`.
       * The program can then compute `at` again. Only with the clock `realtime`. Default `false`.
       */
      cancelOnSet?: boolean | undefined;
    };

const START_OPTIONS: OptionNames<TimerStart> = { after: true, at: true, cancelOnSet: true };

/** The longest time in milliseconds: 2^53, beyond which fractions of what counts are lost. */
const LONGEST = 2 ** 53;

function milliseconds(name: string, value: unknown): number {
  const expected = `milliseconds from 0 to ${LONGEST}`;
  if (typeof value !== 'number') throw typeError(name, expected, value);
  if (!(value >= 0 && value <= LONGEST)) throw rangeError(name, expected, value);
  return value;
}

let makeTimerFd: (fd: number, isRealtime: boolean) => TimerFd;

/** CLOCK_REALTIME and CLOCK_REALTIME_ALARM, in the kernel's numbers. */
const realtimeClocks = new Set([0, 8]);

/** How the native side arms a timer. */
const AFTER = 0;
const AT = 1;
const AT_UNLESS_SET = 2;

/**
 * A timer that is readable once it has expired (timerfd_create(2)). It never expires early. Iterating gives how often it
 * expired since the read before.
 */
export class TimerFd extends Descriptor implements AsyncIterable<bigint, undefined> {
  readonly #isRealtime: boolean;

  private constructor(fd: number, isRealtime: boolean) {
    super(fd, 'timerfd');
    this.#isRealtime = isRealtime;
  }

  static {
    makeTimerFd = (fd, isRealtime) => new TimerFd(fd, isRealtime);
  }

  /**
   * Takes over a timerfd that was opened elsewhere; from now on no other code may close it. Throws `ERR_DESCRIPTOR_KIND` for
   * anything else, which stays its owner's, `ENOENT` without /proc, and as {@link OwnedFd.adopt}.
   */
  static adopt(fd: number): TimerFd {
    const number = adoptKind(fd, 'timerfd');
    return new TimerFd(number, realtimeClocks.has(kindField(number, 'clockid') ?? -1));
  }

  /**
   * Arms the timer, or arms it again. `every` is the time between expirations, in milliseconds; default 0: it expires once.
   * Earlier expirations that were not read are dropped. Throws `ERR_CLOSED`, `TypeError`, `RangeError`. With `cancelOnSet` it
   * throws `ECANCELED` if the clock was set since the timer was armed that way and no read has reported it; the timer is armed
   * all the same.
   */
  set(start: TimerStart, every = 0): void {
    optionsObject('start', start, START_OPTIONS);
    const { after, at, cancelOnSet } = (start ?? {}) as Record<string, unknown>;
    if ((after === undefined) === (at === undefined))
      throw typeError('start', 'an object with either after or at', start);
    const first = at === undefined ? milliseconds('after', after) : milliseconds('at', at);
    const between = milliseconds('every', every);
    const isCancelled = optionalBoolean('cancelOnSet', cancelOnSet, false);
    if (isCancelled && (at === undefined || !this.#isRealtime))
      throw invalidValue('cancelOnSet', "false without 'at' and the clock 'realtime'", true);
    const { fd } = this;
    let how = at === undefined ? AFTER : AT;
    if (isCancelled) how = AT_UNLESS_SET;
    checked(native.timerArm(fd, first, between, how), 'timerfd_settime', { fd });
  }

  /** Stops it; what had expired and was not read is forgotten. Throws `ERR_CLOSED`. */
  disarm(): void {
    const { fd } = this;
    checked(native.timerDisarm(fd), 'timerfd_settime', { fd });
  }

  /** Milliseconds until it expires next; 0 when it is not armed. Throws `ERR_CLOSED`. */
  get remaining(): number {
    const { fd } = this;
    return checked(native.timerLeft(fd), 'timerfd_gettime', { fd });
  }

  /**
   * How often the timer has expired since the last read; `null` if it has not. Throws `ERR_CLOSED`, and `ECANCELED` once if the
   * clock was set since the timer was armed with `cancelOnSet`. An iteration throws that too and ends; a new one may begin.
   */
  read(): bigint | null {
    return readCounter(this.fd);
  }

  /** What reads give, one after the other. */
  values(options?: WaitOptions): AsyncIterableIterator<bigint, undefined, undefined> {
    return arrivals(this, () => this.read(), options);
  }

  /** As {@link TimerFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<bigint, undefined, undefined> {
    return this.values();
  }
}

/** The options of {@link timerfd}. */
export interface TimerFdOptions {
  /** The clock that it counts by. Default `monotonic`. */
  clock?: Clock | undefined;
}

const TIMERFD_OPTIONS: OptionNames<TimerFdOptions> = { clock: true };

/** A timer, close-on-exec and non-blocking, not armed (timerfd_create(2)). */
export function timerfd(options: TimerFdOptions = {}): TimerFd {
  optionsObject('options', options, TIMERFD_OPTIONS);
  const clocks = ['monotonic', 'boottime', 'realtime'] as const;
  const { clock = 'monotonic' } = options;
  const made = checked(native.timerfd(oneOf('clock', clock, clocks)), 'timerfd_create');
  return makeTimerFd(made, clock === 'realtime');
}
