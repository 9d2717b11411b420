/**
 * What a descriptor is watched for: the options in words, the kernel's bits, and what cannot be combined.
 * It must never let a combination through that the kernel refuses. Used by poller.ts.
 */
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { invalidValue, oneOf, optionalBoolean } from '../internal/validate.js';

/** The kernel's bits (epoll_ctl(2)). */
export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDHUP = 0x2000;
const EPOLLEXCLUSIVE = 0x1000_0000;
const EPOLLWAKEUP = 0x2000_0000;
const EPOLLONESHOT = 0x4000_0000;
const EPOLLET = 0x8000_0000;
/** This bit is not one of the kernel's: see the core's readiness bits. */
const POLL_CONSUMES = 0x20_0000;

/** How readiness is asked for: epoll(7), poll(2) or select(2). */
export type Engine = 'epoll' | 'poll' | 'select';

/**
 * When a condition is told. `level`: for as long as it lasts, each time the consumer asks. `edge`: once per
 * change. `oneshot`: once, then not until `rearm()`. `edge-oneshot`: once at a change, then not until `rearm()`.
 */
export type Trigger = 'level' | 'edge' | 'oneshot' | 'edge-oneshot';

/** The conditions that a registration watches for, and when it gives events. */
export interface InterestOptions {
  /** Something can be read, or an end or a connection can be taken (EPOLLIN). Default `true` if nothing else is asked for. `false` alone: errors and hang-ups, which are always told (by the engine `select`, which has no set for them, for certain only with `readable`). */
  readable?: boolean | undefined;
  /** Something can be written (EPOLLOUT). Default `false`. */
  writable?: boolean | undefined;
  /** Urgent data or an exceptional condition (EPOLLPRI). Default `false`. */
  priority?: boolean | undefined;
  /** The peer will send no more (EPOLLRDHUP). Default `false`. */
  readHangup?: boolean | undefined;
  /** When a condition is told. Default `level`. `edge` and `edge-oneshot` with the engine `epoll` alone. */
  trigger?: Trigger | undefined;
  /**
   * Leaves it to the kernel to wake some or all of those that watch the file so (EPOLLEXCLUSIVE). Of those in epoll_wait(2)
   * it wakes one; a poller waits for its own epoll descriptor, by the host's loop or a thread, and all such are woken: expect
   * to find that another took what was there. With `readable` and `writable`, `level` and `edge` alone; such a registration
   * cannot be modified. Default `false`.
   */
  exclusive?: boolean | undefined;
  /** Keeps the system from suspending while the event is handled (EPOLLWAKEUP; needs CAP_BLOCK_SUSPEND, else without effect). Default `false`. */
  wakeup?: boolean | undefined;
}

/** What {@link Registration.modify} takes. */
export interface ModifyOptions<T> extends InterestOptions {
  /** Comes back in every event from now on. Default: what it was. */
  data?: T | undefined;
}

/** What {@link Poller.register} takes beside `data`. */
export interface RegisterOptionsBase extends InterestOptions {
  /**
   * Watches a duplicate of the descriptor (F_DUPFD_CLOEXEC), closed with the registration: closing the original
   * neither ends the watching nor hands us another file's events. Until then the file stays open, so a peer
   * does not see that the original was closed. Default `false`.
   */
  duplicate?: boolean | undefined;
  /**
   * Set it for a file whose events the kernel reports once only, to the first poll(2), as a perf event does. The host's event
   * loop polls the files of a poller as well and would take such an event. So the poller watches these files with a thread of
   * its own, which keeps the events for the consumer. The thread and three descriptors are opened with the first such file and
   * closed with the poller. Triggers work as for other files. Only `register()` takes this option. Files of procfs and cgroup2
   * (pressure triggers, `/proc/self/mounts`) are watched like this in any case. Default for others: `false`.
   */
  pollConsumes?: boolean | undefined;
}

/** The value that every event of a registration carries. */
export interface DataOptions<T> {
  /** Comes back in every event. */
  data: T;
}

/** What {@link Poller.register} takes. `data` is required, unless `T` admits `undefined`. */
export type RegisterOptions<T> = RegisterOptionsBase &
  (undefined extends T ? Partial<DataOptions<T | undefined>> : DataOptions<T>);

/** The options of {@link Poller.register}: they may be left out, unless `data` is required. */
export type RegisterArguments<T> = undefined extends T
  ? [options?: RegisterOptions<T>]
  : [options: RegisterOptions<T>];

/** The argument of {@link Poller.register} for any `T`. */
export type GivenOptions<T> = RegisterOptionsBase & Partial<DataOptions<T>>;

const INTEREST_OPTIONS: OptionNames<InterestOptions> = {
  readable: true,
  writable: true,
  priority: true,
  readHangup: true,
  trigger: true,
  exclusive: true,
  wakeup: true,
};

/** The names of {@link RegisterOptions}. */
export const REGISTER_OPTIONS: OptionNames<RegisterOptions<unknown>> = {
  ...INTEREST_OPTIONS,
  data: true,
  duplicate: true,
  pollConsumes: true,
};

const TRIGGERS = ['level', 'edge', 'oneshot', 'edge-oneshot'] as const;

/** Checked options. */
export interface Interest {
  bits: number;
  isExclusive: boolean;
}

/** The kernel's bits for the options; throws for what the engine or the kernel does not take. */
export function interestOf(options: RegisterOptionsBase, engine: Engine): Interest {
  optionsObject('options', options, REGISTER_OPTIONS);
  const flag = (
    name: 'writable' | 'priority' | 'readHangup' | 'exclusive' | 'wakeup' | 'pollConsumes',
  ): boolean => optionalBoolean(name, options[name], false);
  const others =
    (flag('writable') ? EPOLLOUT : 0) |
    (flag('priority') ? EPOLLPRI : 0) |
    (flag('readHangup') ? EPOLLRDHUP : 0);
  const readable = optionalBoolean('readable', options.readable, others === 0);
  const trigger = oneOf(
    'trigger',
    options.trigger === undefined ? 'level' : options.trigger,
    TRIGGERS,
  );
  const isExclusive = flag('exclusive');
  const wakeup = flag('wakeup');
  const wanted = (readable ? EPOLLIN : 0) | others;
  if (engine !== 'epoll') checkSimple(engine, { wanted, trigger, isExclusive, wakeup });
  else if (isExclusive) checkExclusive(wanted, trigger);
  const bits =
    wanted |
    (trigger === 'edge' || trigger === 'edge-oneshot' ? EPOLLET : 0) |
    (trigger === 'oneshot' || trigger === 'edge-oneshot' ? EPOLLONESHOT : 0) |
    (isExclusive ? EPOLLEXCLUSIVE : 0) |
    (wakeup ? EPOLLWAKEUP : 0) |
    (flag('pollConsumes') ? POLL_CONSUMES : 0);
  return { bits: bits >>> 0, isExclusive };
}

/** What epoll alone has. */
function checkSimple(
  engine: Engine,
  asked: { wanted: number; trigger: Trigger; isExclusive: boolean; wakeup: boolean },
): void {
  const { wanted, trigger } = asked;
  if (trigger === 'edge' || trigger === 'edge-oneshot') {
    throw invalidValue('trigger', `'level' or 'oneshot' with the engine '${engine}'`, trigger);
  }
  if (asked.isExclusive) throw invalidValue('exclusive', `false with the engine '${engine}'`, true);
  if (asked.wakeup) throw invalidValue('wakeup', `false with the engine '${engine}'`, true);
  if (engine === 'select' && wanted === 0) {
    throw invalidValue('readable', "true when nothing else is asked for with 'select'", false);
  }
  if (engine === 'select' && (wanted & EPOLLRDHUP) !== 0 && (wanted & EPOLLIN) === 0) {
    throw invalidValue('readHangup', "combined with readable with the engine 'select'", true);
  }
}

/** What the kernel takes together with EPOLLEXCLUSIVE (epoll_ctl(2)); anything else is EINVAL there. */
function checkExclusive(wanted: number, trigger: Trigger): void {
  if ((wanted & (EPOLLPRI | EPOLLRDHUP)) !== 0) {
    const name = (wanted & EPOLLPRI) !== 0 ? 'priority' : 'readHangup';
    throw invalidValue(name, 'false with exclusive (EPOLLEXCLUSIVE)', true);
  }
  if (trigger === 'oneshot' || trigger === 'edge-oneshot') {
    throw invalidValue('trigger', "'level' or 'edge' with exclusive (EPOLLEXCLUSIVE)", trigger);
  }
}
