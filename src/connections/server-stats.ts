/** The counters of a server. */
import type { EdgepollError } from '../internal/errors.js';
import type { DropStats } from './drops.js';

/** How many connections of a server failed, by their reason. */
export interface FailureStats {
  /** Connections that closed with `ERR_FIRST_BYTE_TIMEOUT`. */
  firstByteTimeouts: number;
  /** Connections that closed with `ERR_IDLE_TIMEOUT`. */
  idleTimeouts: number;
  /** Connections that closed with `ERR_MESSAGE_TIMEOUT`. */
  messageTimeouts: number;
  /** Connections that closed with `ERR_SEND_TIMEOUT`. */
  sendTimeouts: number;
  /** Connections that closed with `ETIMEDOUT`: `endTimeout` passed, or the peer's machine no longer answers. */
  endTimeouts: number;
  /** Connections that closed with `ERR_FRAME_TOO_LONG`. */
  overMaxFrame: number;
  /** Connections that closed with `ERR_SEND_QUEUE_FULL`. */
  overBufferedAmount: number;
  /** Connections that closed with `ERR_SERVER_FULL`. */
  shed: number;
  /** Connections that closed with `ECONNRESET` or `EPIPE`: the peer has reset them. */
  resets: number;
}

/** A server's counters. */
export interface ServerStats extends FailureStats, DropStats {
  /** Connections accepted since the start. Refused ones are not among them. */
  accepted: number;
  /** Connections open now. */
  open: number;
  /** Connections accepted and not taken by the consumer. */
  pending: number;
  /**
   * How often accepting paused: because descriptors or memory ran out, or because 64 accepts in a row were refused (by a seccomp
   * policy or a firewall). It resumes by itself, after 5 milliseconds at first and after 1 second at most.
   */
  acceptPauses: number;
  /** The error of the last such pause. */
  lastAcceptError: EdgepollError | undefined;
}

/** The counters by the code with which connections close. */
const COUNTERS: Readonly<Record<string, keyof FailureStats>> = {
  ERR_FIRST_BYTE_TIMEOUT: 'firstByteTimeouts',
  ERR_IDLE_TIMEOUT: 'idleTimeouts',
  ERR_MESSAGE_TIMEOUT: 'messageTimeouts',
  ERR_SEND_TIMEOUT: 'sendTimeouts',
  ETIMEDOUT: 'endTimeouts',
  ERR_FRAME_TOO_LONG: 'overMaxFrame',
  ERR_SEND_QUEUE_FULL: 'overBufferedAmount',
  ERR_SERVER_FULL: 'shed',
  ECONNRESET: 'resets',
  EPIPE: 'resets',
};

export function noFailures(): FailureStats {
  return {
    firstByteTimeouts: 0,
    idleTimeouts: 0,
    messageTimeouts: 0,
    sendTimeouts: 0,
    endTimeouts: 0,
    overMaxFrame: 0,
    overBufferedAmount: 0,
    shed: 0,
    resets: 0,
  };
}

/** Counts a connection that closed with this error. */
export function countFailure(counters: FailureStats, error: Error): void {
  const counter = COUNTERS[(error as Partial<EdgepollError>).code ?? ''];
  if (counter !== undefined) counters[counter] += 1;
}
