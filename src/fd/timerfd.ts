/** Timerfds: timers that are descriptors. */
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
import { readCounter } from './counter.js';
import { adoptKind, kindField } from './kind.js';
import { Descriptor } from './owned.js';
import type { WaitOptions } from './ready.js';
import { itemsOf } from './ready.js';
import { checked } from './results.js';

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
    return itemsOf(this, () => this.read(), options);
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
