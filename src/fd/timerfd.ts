/** Timerfds: timers as descriptors. */
import { fd as native } from '../internal/binding.js';
import { TIMER_AFTER, TIMER_AT, TIMER_AT_UNLESS_SET } from '../internal/layout.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import {
  invalidValue,
  oneOf,
  optionalBoolean,
  rangeError,
  typeError,
} from '../internal/validate.js';
import { readCounter } from './counter.js';
import { adoptKind, kindField } from './kind.js';
import { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked } from './results.js';

/**
 * The clock of a timer (clock_gettime(2)). `monotonic` stops while the machine is suspended, `boottime` does not. `realtime` is the time
 * of day, which can be set.
 */
export type Clock = 'monotonic' | 'boottime' | 'realtime';

/** When a timer expires for the first time. */
export type TimerStart =
  | {
      /** Milliseconds from now, 0 to 2^53. Fractions are allowed. With 0 the timer expires at once. */
      after: number;
      at?: undefined;
      cancelOnSet?: undefined;
    }
  | {
      /**
       * Milliseconds on the timer's clock, 0 to 2^53: since 1970 for `realtime`, otherwise since the machine started. A time in the past
       * expires at once.
       */
      at: number;
      after?: undefined;
      /**
       * Cancels the timer when the clock is set (TFD_TIMER_CANCEL_ON_SET): it becomes readable, and a read throws `ECANCELED`.
       * The program can then compute `at` again. Only allowed with the clock `realtime`. Default `false`.
       */
      cancelOnSet?: boolean | undefined;
    };

const START_OPTIONS: OptionNames<TimerStart> = { after: true, at: true, cancelOnSet: true };

/** The longest time in milliseconds. Beyond it a number does not hold every millisecond. */
const MAX_MILLISECONDS = 2 ** 53;

function milliseconds(name: string, value: unknown): number {
  const expected = `milliseconds from 0 to ${MAX_MILLISECONDS}`;
  if (typeof value !== 'number') throw typeError(name, expected, value);
  if (!(value >= 0 && value <= MAX_MILLISECONDS)) throw rangeError(name, expected, value);
  return value;
}

/** The class's static block sets it, because only code inside the class can call the constructor. */
let makeTimerFd: (fd: number, isRealtime: boolean) => TimerFd;

/** The kernel's numbers of CLOCK_REALTIME and CLOCK_REALTIME_ALARM. */
const realtimeClocks = new Set([0, 8]);

/**
 * A timer that is readable once it has expired (timerfd_create(2)). It does not expire early. Iterating gives for each read how often it
 * has expired since the read before.
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
   * Takes over a timerfd that was opened elsewhere; from now on no other code may close it. Throws `ERR_DESCRIPTOR_KIND` if it is not a
   * timerfd, `ENOENT` without /proc, and as {@link OwnedFd.adopt}. After an error the descriptor still belongs to the caller.
   */
  static adopt(fd: number): TimerFd {
    const number = adoptKind(fd, 'timerfd');
    return new TimerFd(number, realtimeClocks.has(kindField(number, 'clockid') ?? -1));
  }

  /**
   * Arms the timer, or arms it again (timerfd_settime(2)). `every` is the time between expirations in milliseconds, 0 to 2^53. Default 0:
   * it expires once. Earlier expirations that were not read are dropped.
   *
   * Throws `ERR_CLOSED`, `TypeError`, `RangeError`. With `cancelOnSet` it throws `ECANCELED` if the clock was set since the timer was armed
   * that way and no read has reported it; the timer is armed in any case.
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
    let how = at === undefined ? TIMER_AFTER : TIMER_AT;
    if (isCancelled) how = TIMER_AT_UNLESS_SET;
    checked(native.timerArm(fd, first, between, how), 'timerfd_settime', { fd });
  }

  /** Disarms the timer. Expirations that were not read are dropped. Throws `ERR_CLOSED`. */
  disarm(): void {
    const { fd } = this;
    checked(native.timerDisarm(fd), 'timerfd_settime', { fd });
  }

  /** Milliseconds until the next expiration; 0 if the timer is not armed (timerfd_gettime(2)). Throws `ERR_CLOSED`. */
  get remaining(): number {
    const { fd } = this;
    return checked(native.timerLeft(fd), 'timerfd_gettime', { fd });
  }

  /**
   * Returns how often the timer has expired since the last read; `null` if it has not. Throws `ERR_CLOSED`, and `ECANCELED` once if the
   * clock was set since the timer was armed with `cancelOnSet`. An iteration throws that as well and ends; the program may start a new
   * one.
   */
  read(): bigint | null {
    return readCounter(this.fd);
  }

  /** Iterates the results of reads. Throws `ERR_CLOSED`. */
  values(options?: WaitOptions): AsyncIterableIterator<bigint, undefined, undefined> {
    return itemsOf(this, () => this.read(), options);
  }

  /** As {@link TimerFd.values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<bigint, undefined, undefined> {
    return this.values();
  }
}

/** The options of {@link timerfd}. */
export interface TimerFdOptions {
  /** The timer's clock. Default `monotonic`. */
  clock?: Clock | undefined;
}

const TIMERFD_OPTIONS: OptionNames<TimerFdOptions> = { clock: true };

/** Creates a timer that is not armed, close-on-exec and non-blocking (timerfd_create(2)). Throws `EMFILE`, `ENFILE`, `TypeError`, `RangeError`. */
export function timerfd(options: TimerFdOptions = {}): TimerFd {
  optionsObject('options', options, TIMERFD_OPTIONS);
  const clocks = ['monotonic', 'boottime', 'realtime'] as const;
  const { clock = 'monotonic' } = options;
  const made = checked(native.timerfd(oneOf('clock', clock, clocks)), 'timerfd_create');
  return makeTimerFd(made, clock === 'realtime');
}
