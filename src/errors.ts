/**
 * The errors of this package. Bad arguments are not here: those are `TypeError` and `RangeError`, thrown by
 * validate.ts before any system call.
 */
import { callName, errorName, errorText } from './binding.js';
import { isError } from './validate.js';

/** What an {@link EdgepollError} may carry besides its code. */
export interface ErrorDetails {
  /** The kernel's error number, negative as in Node.js. */
  errno?: number;
  /** The system call that failed, by Node.js's name for it. */
  syscall?: string;
  /** The address that the call was about. */
  address?: string;
  /** The port that the call was about. */
  port?: number;
  /** The descriptor that the call was about. */
  fd?: number;
  /** The file that the call was about. */
  path?: string;
}

/**
 * Everything that fails for a reason outside the program's own arguments. Bad arguments are a `TypeError` or a
 * `RangeError`, with Node.js's codes `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` and `ERR_OUT_OF_RANGE`; an option that a
 * function does not know is a `TypeError` with `ERR_UNKNOWN_OPTION`.
 *
 * `code` is stable: the kernel's symbol (`EADDRINUSE`, `ECONNRESET`, `EMFILE` …) where a system call failed,
 * else one of `ERR_CLOSED`, `ERR_WRITE_AFTER_END`, `ERR_SEND_QUEUE_FULL`, `ERR_FRAME_TOO_LONG`,
 * `ERR_FRAME_TRUNCATED`, `ERR_MALFORMED`, `ERR_CONSUMED`, `ERR_NOT_POLLABLE`, `ERR_DESCRIPTOR_CLOSED`, `ERR_EXCLUSIVE`,
 * `ERR_FD_SETSIZE`, `ERR_BLOCKING`.
 */
export class EdgepollError extends Error {
  /** A stable name of what went wrong. */
  readonly code: string;
  /** The kernel's error number, negative as in Node.js. */
  declare readonly errno?: number;
  /** The system call that failed. */
  declare readonly syscall?: string;
  /** The address that the call was about. */
  declare readonly address?: string;
  /** The port that the call was about. */
  declare readonly port?: number;
  /** The descriptor that the call was about. */
  declare readonly fd?: number;
  /** The file that the call was about. */
  declare readonly path?: string;
  /** Of `writeAll()`: how many bytes were written before it failed. */
  declare readonly bytesWritten?: number;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = 'EdgepollError';
    this.code = code;
    Object.assign(this, details);
  }
}

/** A system call failed with `errno` (positive, as the kernel has it). */
export function systemError(errno: number, details: ErrorDetails): EdgepollError {
  const code = errorName(errno);
  const { syscall = '', address, port, fd, path } = details;
  const where = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`;
  const whom = fd === undefined ? '' : ` fd ${fd}`;
  const what = path === undefined ? '' : ` '${path}'`;
  const message = `${syscall} ${code}: ${errorText(errno)}${where}${whom}${what}`;
  return new EdgepollError(code, message, { errno: -errno, ...details });
}

const EMFILE = 24;
/** Not the kernel's: see the glue's poller. */
const SET_SIZE = -1;

/** The number that a native error has for a reason when the kernel refused it; `undefined` for other errors. */
export function refusedNumber(error: unknown): number | undefined {
  const found = /^errno (-?\d+)$/.exec(isError(error) ? error.message : '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Calls `open`, whose error has a number for a reason when the kernel refused it. */
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

/** Calls `look`, whose error has a number for a reason when the kernel refused it. */
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

/** Reads a close reason: four bits which, four bits of call, the rest a number. */
export function readEnding(
  detail: number,
  where: ErrorDetails,
  text: (index: number) => string,
): Ending {
  const number = detail >> 8;
  const syscall = callName((detail >> 4) & 15);
  const failed = (code: string, message: string): Ending => {
    return { cause: 'failed', error: new EdgepollError(code, message, where) };
  };
  switch (detail & 15) {
    case 0:
      return { cause: 'ended', error: undefined };
    case 1:
      return { cause: 'failed', error: systemError(number, { syscall, ...where }) };
    case 2:
      return { cause: 'destroyed', error: undefined };
    case 3:
      return failed('ERR_SEND_QUEUE_FULL', 'the peer does not read: the send queue is full');
    case 4:
      return { cause: 'failed', error: systemError(ETIMEDOUT, { syscall, ...where }) };
    case 5:
      return failed('ERR_FRAME_TOO_LONG', 'the peer sent a frame that is longer than the limit');
    case 6:
      return failed('ERR_FRAME_TRUNCATED', 'the input ended inside a frame');
    default:
      return failed('ERR_MALFORMED', text(number));
  }
}
