/**
 * The errors of this package, except those for bad arguments: validate.ts throws a `TypeError` or a `RangeError` for those, before any
 * system call.
 */
import type {
  ConnectionSettings,
  FramingSettings,
  MessageRefusal,
  ProtocolFailure,
} from './binding.js';
import { callName, errorName, errorText } from './binding.js';
import type { ErrorCode, SystemErrorCode } from './error-codes.js';
import {
  PROTOCOL_BROKEN,
  PROTOCOL_PANICKED,
  REASON_CALL_SHIFT,
  REASON_DESTROYED,
  REASON_ENDED,
  REASON_FAILED,
  REASON_FRAME_TOO_LONG,
  REASON_FRAME_TRUNCATED,
  REASON_LATE,
  REASON_MASK,
  REASON_NUMBER_SHIFT,
  REASON_PROTOCOL,
  REASON_QUEUE_FULL,
  REASON_SHED,
  REASON_TIMED_OUT,
  REFUSED_SET_SIZE,
} from './layout.js';
import { isError } from './validate.js';

/** What an {@link EdgepollError} may carry besides its code. */
export interface ErrorDetails {
  /** The kernel's error number (errno(3)), negative as in Node.js. */
  errno?: number | undefined;
  /** Node.js's name of the system call that failed. */
  syscall?: string | undefined;
  /** The address that the call was about. */
  address?: string | undefined;
  /** The port that the call was about. */
  port?: number | undefined;
  /** The descriptor that the call was about. */
  fd?: number | undefined;
  /** The file that the call was about. */
  path?: string | undefined;
  /** The protocol that found the error, or whose plug-in failed. */
  protocol?: string | undefined;
  /** The protocol's own number of the error, as WebSocket's close codes. */
  protocolNumber?: number | undefined;
}

/**
 * An error that is not caused by a bad argument. Bad arguments are a `TypeError` or a
 * `RangeError`, with Node.js's codes `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE`; an option that a
 * function does not know is a `TypeError` with `ERR_UNKNOWN_OPTION`.
 *
 * `code` is stable. If a system call failed, it is the kernel's symbol (`EADDRINUSE`, `ECONNRESET`, `EMFILE` …); else it begins with
 * `ERR_`. {@link ErrorCode} lists them all.
 */
export class EdgepollError extends Error {
  /** A stable name of the error. */
  readonly code: ErrorCode;
  /** The kernel's error number (errno(3)), negative as in Node.js. */
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
  /** The protocol that found the error, or whose plug-in failed. */
  declare readonly protocol?: string | undefined;
  /** The protocol's own number of the error, as WebSocket's close codes. */
  declare readonly protocolNumber?: number | undefined;
  /** For an error of `writeAll()`: how many bytes were written before it. */
  declare readonly bytesWritten?: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = 'EdgepollError';
    this.code = code;
    Object.assign(this, details);
  }
}

/** Caches the native side's names of numbers. The kernel's error numbers end at 4,095, so the cache stays small. */
class Words<W extends string> {
  readonly #known = new Map<number, W>();
  readonly #find: (number: number) => W;

  /** `find` is a native call. Without the cache it would cost more than the rest of an error, apart from its stack. */
  constructor(find: (number: number) => W) {
    this.#find = find;
  }

  of(number: number): W {
    let word = this.#known.get(number);
    if (word === undefined) {
      word = this.#find(number);
      this.#known.set(number, word);
    }
    return word;
  }
}

const codes = new Words((errno) => errorName(errno) as SystemErrorCode);
const texts = new Words(errorText);
const calls = new Words(callName);

/** The kernel's symbol for `errno`, which is positive as in the kernel. */
export function codeOf(errno: number): SystemErrorCode {
  return codes.of(errno);
}

/** V8 and JavaScriptCore read `stackTraceLimit` of this object even if a program replaces the global `Error` later. */
const OriginalError = Error;

/**
 * Calls `make`, whose errors get a stack without frames. This is for errors that are made while events are delivered: the host's
 * event loop calls that code, so all frames would be this package's own. To capture them takes ten times as long as the rest of the
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

/** Like {@link systemError}, for an error that an event reports. Its stack has no frames. */
export function eventError(errno: number, details: ErrorDetails): EdgepollError {
  return withoutFrames(() => systemError(errno, details));
}

/** The error for a system call that failed with `errno`, which is positive as in the kernel. */
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

/**
 * The number of a native refusal: the error number, or {@link REFUSED_SET_SIZE}. `undefined` for an error that is no refusal.
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
    if (errno === REFUSED_SET_SIZE) {
      const message = "so many descriptors are open that select(2)'s own does not fit into a set";
      throw new EdgepollError('ERR_FD_SETSIZE', message, { syscall: 'select' });
    }
    const { syscall } = error as Error & { syscall: string };
    throw systemError(errno, { syscall: errno === EMFILE ? 'open' : syscall });
  }
}

/** Calls `poll`, and turns its error into an {@link EdgepollError} if it is a refusal. */
export function pollNative(poll: () => number): number {
  try {
    return poll();
  } catch (error) {
    const errno = refusedNumber(error);
    if (errno === undefined) throw error;
    throw systemError(errno, { syscall: errno === EMFILE ? 'epoll_create1' : 'epoll_wait' });
  }
}

/** How a connection has ended. */
export interface Ending {
  cause: 'ended' | 'failed' | 'destroyed';
  error: EdgepollError | undefined;
}

const ETIMEDOUT = 110;

/** Gives the errors of protocols, by the index in a close reason. */
interface ProtocolErrors {
  protocolError(index: number): ProtocolFailure | null;
}

/** The limits that an error message names, and the framing. */
type Limits = Pick<
  ConnectionSettings,
  | 'endTimeout'
  | 'firstByteTimeout'
  | 'framing'
  | 'idleTimeout'
  | 'maxBuffered'
  | 'maxFrame'
  | 'maxTotalBuffered'
  | 'messageTimeout'
  | 'receiveRate'
  | 'sendRate'
  | 'sendTimeout'
>;

/** The error for a message of `length` bytes that the connection's framing refuses to write. */
export function notAFrame({ framing, maxFrame }: Limits, length: number): EdgepollError {
  const reason = refusalOf(framing, maxFrame, length);
  const message = `not a message of the framing '${framing.type}': ${reason}`;
  return new EdgepollError('ERR_MALFORMED', message);
}

function refusalOf(framing: FramingSettings, maxFrame: number, length: number): string {
  const { type, size, offset = 0, keepHeader = false } = framing;
  if (type === 'fixed') return `it has ${length} bytes, and not ${size}`;
  if (type === 'length-prefix' && (offset > 0 || keepHeader))
    return `the length in its header is wrong, or more than maxFrame allows (${maxFrame})`;
  if (length > maxFrame) return `it has ${length} bytes, more than maxFrame allows (${maxFrame})`;
  return type === 'length-prefix'
    ? 'its length does not fit into the header'
    : 'it holds a delimiter';
}

/** The error for a message that the sessions of a protocol refuse to write. */
export function refusedBy(protocol: string, refusal: MessageRefusal | null): EdgepollError {
  return protocolError({ ...(refusal ?? UNKNOWN_FAILURE), protocol }, {});
}

/** Reads a close reason, which layout.ts describes. */
export function readEnding(
  detail: number,
  where: ErrorDetails,
  limits: Limits,
  native: ProtocolErrors,
): Ending {
  const code = detail & REASON_MASK;
  if (code === REASON_ENDED) return { cause: 'ended', error: undefined };
  if (code === REASON_DESTROYED) return { cause: 'destroyed', error: undefined };
  if (code === REASON_QUEUE_FULL) {
    // The stack has frames, because they may show the program's write.
    const message = `the peer reads too slowly: maxBufferedAmount (${limits.maxBuffered}) bytes wait to be sent`;
    return { cause: 'failed', error: new EdgepollError('ERR_SEND_QUEUE_FULL', message, where) };
  }
  return { cause: 'failed', error: withoutFrames(() => failureOf(detail, where, limits, native)) };
}

/** The error of a connection that failed because of the kernel or the peer. */
function failureOf(
  detail: number,
  where: ErrorDetails,
  limits: Limits,
  native: ProtocolErrors,
): EdgepollError {
  const { maxFrame } = limits;
  const number = detail >> REASON_NUMBER_SHIFT;
  const syscall = calls.of((detail >> REASON_CALL_SHIFT) & REASON_MASK);
  switch (detail & REASON_MASK) {
    case REASON_FAILED:
      return systemError(number, { syscall, ...where });
    case REASON_TIMED_OUT:
      return timedOut(syscall, limits, where);
    case REASON_FRAME_TOO_LONG: {
      const message = `the peer sent more than maxFrame (${maxFrame}) bytes in a frame`;
      return new EdgepollError('ERR_FRAME_TOO_LONG', message, where);
    }
    case REASON_FRAME_TRUNCATED:
      return new EdgepollError('ERR_FRAME_TRUNCATED', 'the input ended inside a frame', where);
    case REASON_SHED: {
      const message = `the server's connections held more than maxTotalBufferedAmount (${limits.maxTotalBuffered}) bytes, and the peer of this one reads slowly`;
      return new EdgepollError('ERR_SERVER_FULL', message, where);
    }
    case REASON_LATE:
      return lateError(number, limits, where);
    case REASON_PROTOCOL:
      return protocolError(native.protocolError(number), where);
    default: {
      const text = native.protocolError(number)?.text ?? 'malformed input';
      return new EdgepollError('ERR_MALFORMED', text, where);
    }
  }
}

/** The error of a connection that was about to end, or of a connect. The message of the first one names the option. */
function timedOut(
  syscall: string | undefined,
  { endTimeout }: Limits,
  where: ErrorDetails,
): EdgepollError {
  const error = systemError(ETIMEDOUT, { syscall, ...where });
  if (syscall !== 'connect')
    error.message += `; no byte moved within endTimeout (${endTimeout} ms)`;
  return error;
}

/** The error of a connection whose peer was late; `number` says with what. */
function lateError(number: number, limits: Limits, where: ErrorDetails): EdgepollError {
  const { firstByteTimeout, idleTimeout, messageTimeout, receiveRate, sendTimeout, sendRate } =
    limits;
  const more = (name: string, rate: number): string =>
    `and a second for each ${rate} bytes: ${name}`;
  if (number === 0) {
    const message = `no byte was sent by either side within firstByteTimeout (${firstByteTimeout} ms)`;
    return new EdgepollError('ERR_FIRST_BYTE_TIMEOUT', message, where);
  }
  if (number === 1) {
    const message = `no byte moved within idleTimeout (${idleTimeout} ms)`;
    return new EdgepollError('ERR_IDLE_TIMEOUT', message, where);
  }
  if (number === 2) {
    const message = `the peer did not complete its message within messageTimeout (${messageTimeout} ms, ${more('minReceiveRate', receiveRate)})`;
    return new EdgepollError('ERR_MESSAGE_TIMEOUT', message, where);
  }
  const message = `the peer did not take what was sent within sendTimeout (${sendTimeout} ms, ${more('minSendRate', sendRate)})`;
  return new EdgepollError('ERR_SEND_TIMEOUT', message, where);
}

const UNKNOWN_FAILURE: ProtocolFailure = {
  protocol: 'the protocol',
  kind: PROTOCOL_BROKEN,
  number: 0,
  text: 'it failed',
};

/** The codes of a plug-in's errors, by the kind. The other kinds are faults of the plug-in itself. */
const PROTOCOL_CODES: Readonly<Record<number, ErrorCode>> = {
  1: 'ERR_FRAME_TOO_LONG',
  2: 'ERR_FRAME_TRUNCATED',
  3: 'ERR_MALFORMED',
  4: 'ERR_PROTOCOL_REFUSED',
};

/** `failure` is not `null` while the batch is read that the close came with. */
function protocolError(failure: ProtocolFailure | null, where: ErrorDetails): EdgepollError {
  const { protocol, kind, number, text } = failure ?? UNKNOWN_FAILURE;
  const details = number === 0 ? { protocol } : { protocol, protocolNumber: number };
  const code = PROTOCOL_CODES[kind] ?? 'ERR_PROTOCOL_FAULT';
  const message =
    kind === PROTOCOL_PANICKED ? `the protocol ${protocol} ${text}` : `${protocol}: ${text}`;
  return new EdgepollError(code, message, { ...where, ...details });
}
