/**
 * State that most connections do not need while they are open: errors, the last counters, and promises that a caller may wait
 * for. A connection makes its `Late` object when it first needs one of these, so that an idle connection takes little memory.
 *
 * Each promise settles once. A rejection never counts as unhandled.
 */
import type { Address, AddressNumbers } from './address.js';
import { addressFrom, addressOf } from './address.js';
import type { CloseReason } from './close-reason.js';
import type { Owner } from './owner.js';
import type { ErrorDetails } from '../internal/errors.js';
import { EdgepollError, notAFrame, readEnding, refusedBy } from '../internal/errors.js';
import { NOT_A_FRAME } from '../internal/layout.js';
import type { UnreadMessages } from './unread-messages.js';

/** A promise and the functions that settle it. Its rejection never counts as unhandled, but code that awaits it gets it. */
interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: Error) => void;
}

function deferred(): Deferred {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

export interface Late {
  /** {@link Connection.data}. */
  data?: unknown;
  /** Resolves when the send queue has fallen to the low watermark. */
  drained?: Deferred | undefined;
  /** Resolves when everything before the end is sent. */
  finished?: Deferred | undefined;
  /** Resolves when the connection is over. */
  closed?: Deferred | undefined;
  /** While connecting: the promise of connect(), and the address for its errors. */
  opened?: Deferred | undefined;
  address?: ErrorDetails | undefined;
  /** Why nothing more can be written: the error of the first send that failed, or of the protocol. */
  writeError?: EdgepollError | undefined;
  /** The promise of the writes that the same error has refused, see {@link refused}. */
  refused?: { error: Error; promise: Promise<never> } | undefined;
  /** The error of the protocol, which receives nothing more. The connection ends with it. */
  readError?: EdgepollError | undefined;
  /** This side has destroyed it. */
  isGivenUp?: boolean | undefined;
  /** Set when the connection is over. */
  reason?: CloseReason | undefined;
  counters?: [number, number] | undefined;
  /** What is unread of the messages, once the connection has a protocol. */
  messages?: UnreadMessages | undefined;
  /** Its two addresses, which the core reports with the close. */
  local?: AddressNumbers | undefined;
  peer?: AddressNumbers | undefined;
}

/**
 * The error of a write of `length` bytes that was refused: the connection's own error, if it has one. `isEnded`: this side has
 * ended the connection, and it is still open.
 */
export function refusalOf(
  late: Late | undefined,
  isEnded: boolean,
  { config, native }: Owner,
  refusal: number,
  length: number,
): Error {
  const error = late?.reason?.error ?? late?.writeError;
  if (error !== undefined) return error;
  if (refusal === NOT_A_FRAME) {
    const { settings, protocol } = config;
    if (protocol === undefined) return notAFrame(settings, length);
    return refusedBy(protocol.name, native.refusal());
  }
  return isEnded
    ? new EdgepollError(
        'ERR_WRITE_AFTER_END',
        'the connection was ended: nothing more can be written',
      )
    : new EdgepollError('ERR_CLOSED', 'the connection is closed');
}

/** The promise of connect(): resolves when connected, and rejects with the connect's error. `where` is for that error. */
export function whenOpened(late: Late, where: ErrorDetails): Promise<void> {
  late.address = where;
  late.opened ??= deferred();
  return late.opened.promise;
}

/** The connect has succeeded. What was kept for it is no longer needed. */
export function whenConnected(late: Late | undefined): undefined {
  late?.opened?.resolve();
}

/** Keeps one of the connection's two addresses, because the kernel cannot give them once the socket is closed. */
export function keepAddress(late: Late, isLocal: boolean, address: AddressNumbers): void {
  if (isLocal) late.local = address;
  else late.peer = address;
}

export function localAddress(
  late: Late | undefined,
  { native }: Owner,
  slot: number,
  generation: number,
): Address | undefined {
  return addressFrom(native, late?.local) ?? addressOf(native.localAddress(slot, generation));
}

export function peerAddress(
  late: Late | undefined,
  { native }: Owner,
  slot: number,
  generation: number,
): Address | undefined {
  return addressFrom(native, late?.peer) ?? addressOf(native.peerAddress(slot, generation));
}

/** A counter of the connection: 0 for the bytes that were received, 1 for those that were sent. */
export function counterOf(
  late: Late | undefined,
  { native }: Owner,
  slot: number,
  generation: number,
  which: 0 | 1,
): number {
  return (late?.counters ?? native.counters(slot, generation))[which] ?? 0;
}

/** Why the connection ended, from its close record. */
export function reasonOf(
  late: Late,
  detail: number,
  { config, native }: Owner,
  bytesUnsent: number,
): CloseReason {
  const ending = readEnding(detail, late.address ?? {}, config.settings, native);
  if (ending.cause === 'ended' && bytesUnsent > 0) {
    const message = `the protocol had ended the connection when the program wrote ${bytesUnsent} bytes more`;
    const error = new EdgepollError('ERR_WRITE_AFTER_END', message);
    return { cause: 'failed', error, bytesUnsent };
  }
  // The program may have got the error before. Then it is the same one here.
  return { cause: ending.cause, error: late.readError ?? ending.error, bytesUnsent };
}

/**
 * Keeps that this side has destroyed the connection, for `error` if it had not failed before. `counts` are the bytes that were received,
 * sent, and written but not sent. Returns the reason.
 */
export function givenUp(late: Late, counts: number[], error: Error | undefined): CloseReason {
  const [read = 0, written = 0, bytesUnsent = 0] = counts;
  late.counters = [read, written];
  late.isGivenUp = true;
  late.messages?.clear();
  const cause = late.writeError === undefined ? 'destroyed' : 'failed';
  return { cause, error: late.writeError ?? error, bytesUnsent };
}

/** Keeps the error of a record after which nothing more can be written. `byProtocol`: the record is about the protocol. */
export function keepError(
  late: Late,
  detail: number,
  { config, native }: Owner,
  byProtocol: boolean,
): Late {
  const { error } = readEnding(detail, {}, config.settings, native);
  late.writeError ??= error;
  if (byProtocol) late.readError = error;
  return late;
}

/** Resolves when the connection is over. */
export function whenClosed(late: Late): Promise<CloseReason> {
  if (late.reason !== undefined) return Promise.resolve(late.reason);
  late.closed ??= deferred();
  return late.closed.promise.then(() => late.reason as CloseReason);
}

/** Resolves when the send queue has fallen to the low watermark; rejects if a send fails before. */
export function whenDrained(late: Late): Promise<void> {
  late.drained ??= deferred();
  return late.drained.promise;
}

/** Resolves when everything before the end is sent; rejects if a send has failed. */
export function whenFinished(late: Late): Promise<void> {
  if (late.writeError !== undefined) return rejected(late.writeError);
  late.finished ??= deferred();
  return late.finished.promise;
}

/** The send queue has fallen to the low watermark. */
export function settleDrained(late: Late): void {
  late.drained?.resolve();
  late.drained = undefined;
}

/** Everything before the end is sent. */
export function settleFinished(late: Late): void {
  late.finished?.resolve();
  late.finished = undefined;
}

/** A send failed: rejects the promises of writes that wait for room, and of the end. */
export function settleUnsent(late: Late, refusal: () => Error): void {
  late.drained?.reject(refusal());
  late.drained = undefined;
  late.finished?.reject(refusal());
  late.finished = undefined;
}

/** The connection is over, for `late.reason`: settles every promise that is still pending. */
export function settleAll(late: Late, refusal: () => Error): void {
  late.opened?.reject(refusal());
  late.drained?.reject(refusal());
  if (late.reason?.cause === 'ended') late.finished?.resolve();
  else late.finished?.reject(refusal());
  late.closed?.resolve();
}

/**
 * The promise of a write that `error` has refused. Writes that the connection's own error refuses share it: when a connection
 * fails, its consumer may still have a thousand messages of it, and answers each of them.
 */
export function refused(late: Late | undefined, error: Error): Promise<never> {
  if (late === undefined) return rejected(error);
  if (late.refused?.error !== error) late.refused = { error, promise: rejected(error) };
  return late.refused.promise;
}

/** A rejected promise, which does not end the process if it is never awaited. */
export function rejected(reason: Error): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}
