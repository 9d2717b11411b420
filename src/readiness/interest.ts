/**
 * The conditions and the trigger of a registration: the options, and their bits for the kernel.
 *
 * Combinations that the kernel would refuse are refused here, with the name of the option.
 */
import { POLL_CONSUMES } from '../internal/layout.js';
import type { OptionNames } from '../internal/option-names.js';
import { optionsObject } from '../internal/option-names.js';
import { invalidValue, oneOf, optionalBoolean } from '../internal/validate.js';

/** The kernel's event bits (epoll_ctl(2)). */
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

/** The system call that a poller uses: epoll(7), poll(2) or select(2). */
export type Engine = 'epoll' | 'poll' | 'select';

/**
 * When a condition is reported. `level`: for each `next()` or `poll()`, as long as the condition holds. `edge`: once per change.
 * `oneshot`: once, and again after `rearm()`. `edge-oneshot`: once per change, and again after `rearm()`.
 */
export type Trigger = 'level' | 'edge' | 'oneshot' | 'edge-oneshot';

/** The conditions that a registration watches for, and its trigger. */
export interface InterestOptions {
  /**
   * A read would not block: there are bytes, a connection to accept, or the end (EPOLLIN). Default `true` if no other condition is
   * set, else `false`. If all conditions are `false`, only errors and hang-ups are reported. They are reported in any case. select(2)
   * has no set for them, so the engine `select` reports them reliably only with `readable`.
   */
  readable?: boolean | undefined;
  /** A write would not block (EPOLLOUT). Default `false`. */
  writable?: boolean | undefined;
  /** Urgent data or an exceptional condition (EPOLLPRI). Default `false`. */
  priority?: boolean | undefined;
  /** The peer will send no more (EPOLLRDHUP). Default `false`. */
  readHangup?: boolean | undefined;
  /** When a condition is reported. Default `level`. Only the engine `epoll` supports `edge` and `edge-oneshot`. */
  trigger?: Trigger | undefined;
  /**
   * Lets the kernel wake only some of the epoll descriptors that watch the file with this flag (EPOLLEXCLUSIVE). The flag helps
   * programs that wait in epoll_wait(2): the kernel wakes one of them. It wakes every poller, because a poller's own epoll
   * descriptor is watched by the event loop or a thread. So another process may already have taken what was ready. Only the conditions
   * `readable` and `writable` and the triggers `level` and `edge` are allowed with it. Such a registration cannot be modified.
   * Only the engine `epoll` supports it. Default `false`.
   */
  exclusive?: boolean | undefined;
  /**
   * Keeps the system from suspending while the event is handled (EPOLLWAKEUP). Without the capability CAP_BLOCK_SUSPEND it has no
   * effect. Only the engine `epoll` supports it. Default `false`.
   */
  wakeup?: boolean | undefined;
}

/** The options of {@link Registration.modify}. */
export interface ModifyOptions<T> extends InterestOptions {
  /** The `data` of every later event. Default: as before. */
  data?: T | undefined;
}

/** The options of {@link Poller.register}, except `data`. */
export interface RegisterOptionsBase extends InterestOptions {
  /**
   * Watches a duplicate of the descriptor (F_DUPFD_CLOEXEC, fcntl(2)), which is closed with the registration. If the original is
   * closed, the registration goes on. The file stays open until the registration ends, so a peer does not see that the original
   * was closed. Default `false`.
   */
  duplicate?: boolean | undefined;
  /**
   * Set it for a file whose events the kernel reports only once, to the first poll(2), as it does for perf events. The event loop
   * polls the files of a poller as well, and would take such an event. So the poller watches these files with a thread of its own,
   * which keeps the events for the consumer. The thread and three descriptors are opened with the first such file and closed with
   * the poller. Triggers work as for other files. Only `register()` takes this option. Files of procfs and cgroup2 (pressure
   * triggers, `/proc/self/mounts`) are always watched like this. Default for other files: `false`.
   */
  pollConsumes?: boolean | undefined;
}

/** The option `data` of {@link Poller.register}. */
export interface DataOptions<T> {
  /** The `data` of every event of the registration. */
  data: T;
}

/** The options of {@link Poller.register}. `data` is required unless `T` includes `undefined`. */
export type RegisterOptions<T> = RegisterOptionsBase &
  (undefined extends T ? Partial<DataOptions<T | undefined>> : DataOptions<T>);

/** The options argument of {@link Poller.register}. It may be left out unless `data` is required. */
export type RegisterArguments<T> = undefined extends T
  ? [options?: RegisterOptions<T>]
  : [options: RegisterOptions<T>];

/** The options of {@link Poller.register} for any `T`. */
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

export const REGISTER_OPTIONS: OptionNames<RegisterOptions<unknown>> = {
  ...INTEREST_OPTIONS,
  data: true,
  duplicate: true,
  pollConsumes: true,
};

const TRIGGERS = ['level', 'edge', 'oneshot', 'edge-oneshot'] as const;

/** The checked options of a registration. */
export interface Interest {
  bits: number;
  isExclusive: boolean;
}

/** The bits for the options. Throws `TypeError` or `RangeError` for options that the engine or the kernel does not support. */
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
  if (engine !== 'epoll') checkForPollOrSelect(engine, { wanted, trigger, isExclusive, wakeup });
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

/** Throws for what only the engine `epoll` supports, and for what select(2) cannot report. */
function checkForPollOrSelect(
  engine: Engine,
  options: { wanted: number; trigger: Trigger; isExclusive: boolean; wakeup: boolean },
): void {
  const { wanted, trigger } = options;
  if (trigger === 'edge' || trigger === 'edge-oneshot') {
    throw invalidValue('trigger', `'level' or 'oneshot' with the engine '${engine}'`, trigger);
  }
  if (options.isExclusive)
    throw invalidValue('exclusive', `false with the engine '${engine}'`, true);
  if (options.wakeup) throw invalidValue('wakeup', `false with the engine '${engine}'`, true);
  if (engine === 'select' && wanted === 0) {
    throw invalidValue('readable', "true when nothing else is asked for with 'select'", false);
  }
  if (engine === 'select' && (wanted & EPOLLRDHUP) !== 0 && (wanted & EPOLLIN) === 0) {
    throw invalidValue('readHangup', "combined with readable with the engine 'select'", true);
  }
}

/** Throws for what the kernel refuses together with EPOLLEXCLUSIVE (EINVAL, epoll_ctl(2)). */
function checkExclusive(wanted: number, trigger: Trigger): void {
  if ((wanted & (EPOLLPRI | EPOLLRDHUP)) !== 0) {
    const name = (wanted & EPOLLPRI) !== 0 ? 'priority' : 'readHangup';
    throw invalidValue(name, 'false with exclusive (EPOLLEXCLUSIVE)', true);
  }
  if (trigger === 'oneshot' || trigger === 'edge-oneshot') {
    throw invalidValue('trigger', "'level' or 'edge' with exclusive (EPOLLEXCLUSIVE)", trigger);
  }
}
