/**
 * The errors of this package. Bad arguments are not here: those are `TypeError` and `RangeError`, thrown by
 * validate.ts before any system call.
 */
import type { ConnectionSettings } from './binding.js';
import { callName, errorName, errorText } from './binding.js';
import type { ErrorCode, SystemErrorCode } from './error-codes.js';
import { isError } from './validate.js';

/** What an {@link EdgepollError} may carry besides its code. */
export interface ErrorDetails {
  /** The kernel's error number, negative as in Node.js. */
  errno?: number | undefined;
  /** The system call that failed, by Node.js's name for it. */
  syscall?: string | undefined;
  /** The address that the call was about. */
  address?: string | undefined;
  /** The port that the call was about. */
  port?: number | undefined;
  /** The descriptor that the call was about. */
  fd?: number | undefined;
  /** The file that the call was about. */
  path?: string | undefined;
}

/**
 * Everything that fails for a reason outside the program's own arguments. Bad arguments are a `TypeError` or a
 * `RangeError`, with Node.js's codes `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE`; an option that a
 * function does not know is a `TypeError` with `ERR_UNKNOWN_OPTION`.
 *
 * `code` is stable: the kernel's symbol (`EADDRINUSE`, `ECONNRESET`, `EMFILE` …) where a system call failed, else one that
 * begins with `ERR_`. {@link ErrorCode} lists them all.
 */
export class EdgepollError extends Error {
  /** A stable name of what went wrong. */
  readonly code: ErrorCode;
  /** The kernel's error number, negative as in Node.js. */
  declare readonly errno?: number | undefined;
  /** The system call that failed. */
  declare readonly syscall?: string | undefined;
  /** The address that the call was about. */
  declare readonly address?: string | undefined;
  /** The port that the call was about. */
  declare readonly port?: number | undefined;
  /** The descriptor that the call was about. */
  declare readonly fd?: number | undefined;
  /** The file that the call was about. */
  declare readonly path?: string | undefined;
  /** For an error of `writeAll()`: how many bytes were written before it. */
  declare readonly bytesWritten?: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = 'EdgepollError';
    this.code = code;
    Object.assign(this, details);
  }
}

/** Caches the words that the native side has for numbers. The kernel's error numbers end at 4,095, so the cache stays small. */
class Words<W extends string> {
  readonly #known = new Map<number, W>();
  readonly #ask: (number: number) => W;

  /** `ask` is a native call. It would cost more than all the rest of an error, apart from its stack. */
  constructor(ask: (number: number) => W) {
    this.#ask = ask;
  }

  of(number: number): W {
    let word = this.#known.get(number);
    if (word === undefined) {
      word = this.#ask(number);
      this.#known.set(number, word);
    }
    return word;
  }
}

const codes = new Words((errno) => errorName(errno) as SystemErrorCode);
const texts = new Words(errorText);
const calls = new Words(callName);

/** The kernel's name for `errno` (positive, as the kernel has it). */
export function codeOf(errno: number): SystemErrorCode {
  return codes.of(errno);
}

/** V8 and JavaScriptCore read `stackTraceLimit` of this object, even if a program replaces the global `Error` later. */
const OriginalError = Error;

/**
 * Calls `make`, whose errors get a stack without frames. For errors that are made while events are delivered: the host's loop
 * calls that code, so all frames would be this package's own, and capturing them takes ten times as long as the rest of the
 * error.
 */
function withoutFrames<T>(make: () => T): T {
  const limit: unknown = OriginalError.stackTraceLimit;
  // If it is not a number, the engine captures no frames anyway. If it cannot be set, as on a frozen Error, the error keeps its
  // frames.
  if (typeof limit !== 'number' || !Reflect.set(OriginalError, 'stackTraceLimit', 0)) return make();
  try {
    return make();
  } finally {
    OriginalError.stackTraceLimit = limit;
  }
}

/** Like {@link systemError}, for an error that an event reports: its stack has no frames. */
export function eventError(errno: number, details: ErrorDetails): EdgepollError {
  return withoutFrames(() => systemError(errno, details));
}

/** A system call failed with `errno` (positive, as the kernel has it). */
export function systemError(errno: number, details: ErrorDetails): EdgepollError {
  const code = codes.of(errno);
  const { syscall = '', address, port, fd, path } = details;
  const where = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`;
  const whom = fd === undefined ? '' : ` fd ${fd}`;
  const what = path === undefined ? '' : ` '${path}'`;
  const message = `${syscall} ${code}: ${texts.of(errno)}${where}${whom}${what}`;
  return new EdgepollError(code, message, { errno: -errno, ...details });
}

const EMFILE = 24;
/** Not the kernel's: see the glue's poller. */
const SET_SIZE = -1;

/**
 * The number of a native refusal: the error number, or {@link SET_SIZE}. `undefined` for an error that is no refusal.
 */
export function refusedNumber(error: unknown): number | undefined {
  const number: unknown = isError(error) ? (error as Error & { errno?: unknown }).errno : undefined;
  return typeof number === 'number' ? number : undefined;
}

/** Calls `open`, and turns its error into an {@link EdgepollError} if it is a refusal. */
export function openNative<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    const errno = refusedNumber(error);
    if (errno === undefined) throw error;
    if (errno === SET_SIZE) {
      const message = "so many descriptors are open that select(2)'s own does not fit into a set";
      throw new EdgepollError('ERR_FD_SETSIZE', message, { syscall: 'select' });
    }
    throw systemError(errno, { syscall: errno === EMFILE ? 'open' : 'epoll_create1' });
  }
}

/** Calls `look`, and turns its error into an {@link EdgepollError} if it is a refusal. */
export function lookNative(look: () => number): number {
  try {
    return look();
  } catch (error) {
    const errno = refusedNumber(error);
    if (errno === undefined) throw error;
    throw systemError(errno, { syscall: errno === EMFILE ? 'epoll_create1' : 'epoll_wait' });
  }
}

/** How a connection's end is told by the core; see the glue's inbox. */
export interface Ending {
  cause: 'ended' | 'failed' | 'destroyed';
  error: EdgepollError | undefined;
}

const ETIMEDOUT = 110;

/** The kind of ending: the lowest four bits of a close reason. */
const ENDED = 0;
const FAILED_CALL = 1;
const DESTROYED = 2;
const QUEUE_FULL = 3;
const TIMED_OUT = 4;
const FRAME_TOO_LONG = 5;
const FRAME_TRUNCATED = 6;

/** The limits that an error names, and the framing that they belong to. */
type Limits = Pick<ConnectionSettings, 'framing' | 'maxBuffered' | 'maxFrame'>;

/** The error for a message of `length` bytes that the connection's framing refuses to write. */
export function notAFrame({ framing, maxFrame }: Limits, length: number): EdgepollError {
  const reason =
    length > maxFrame
      ? `it has ${length} bytes, more than maxFrame allows (${maxFrame})`
      : 'it holds a delimiter';
  return new EdgepollError('ERR_MALFORMED', `not a message of the framing '${framing}': ${reason}`);
}

/** Reads a close reason: four bits which, four bits of call, the rest a number. */
export function readEnding(
  detail: number,
  where: ErrorDetails,
  limits: Limits,
  text: (index: number) => string,
): Ending {
  const which = detail & 15;
  if (which === ENDED) return { cause: 'ended', error: undefined };
  if (which === DESTROYED) return { cause: 'destroyed', error: undefined };
  if (which === QUEUE_FULL) {
    // The stack has frames, because they may show the program's write.
    const message = `the peer reads too slowly: maxBufferedAmount (${limits.maxBuffered}) bytes wait to be sent`;
    return { cause: 'failed', error: new EdgepollError('ERR_SEND_QUEUE_FULL', message, where) };
  }
  return { cause: 'failed', error: withoutFrames(() => failureOf(detail, where, limits, text)) };
}

/** The error of a connection that failed because of the kernel or the peer. */
function failureOf(
  detail: number,
  where: ErrorDetails,
  { maxFrame }: Limits,
  text: (index: number) => string,
): EdgepollError {
  const number = detail >> 8;
  const syscall = calls.of((detail >> 4) & 15);
  switch (detail & 15) {
    case FAILED_CALL:
      return systemError(number, { syscall, ...where });
    case TIMED_OUT:
      return systemError(ETIMEDOUT, { syscall, ...where });
    case FRAME_TOO_LONG: {
      const message = `the peer sent more than maxFrame (${maxFrame}) bytes in a frame`;
      return new EdgepollError('ERR_FRAME_TOO_LONG', message, where);
    }
    case FRAME_TRUNCATED:
      return new EdgepollError('ERR_FRAME_TRUNCATED', 'the input ended inside a frame', where);
    default:
      return new EdgepollError('ERR_MALFORMED', text(number), where);
  }
}
