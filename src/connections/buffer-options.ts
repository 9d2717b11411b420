/** How much the kernel keeps for a connection: the options, their defaults and their checks. */
import type { BufferSizes } from '../internal/binding.js';
import { EdgepollError } from '../internal/errors.js';
import type { OptionNames } from '../internal/option-names.js';
import { integer, rangeError } from '../internal/validate.js';

/** How much the kernel keeps for a connection, in bytes from 4,096 to 2^31 − 1, or `auto`. */
export interface BufferOptions {
  /**
   * How many bytes the kernel keeps that the connection has not received (SO_RCVBUF), so how much the peer may send ahead. The kernel
   * takes up to twice as much memory. With a number the kernel does not adapt the buffer to the path any more, so it is also the most
   * that arrives in a round trip: 131,072 bytes give 2.6 MB/s over a path of 50 ms. `auto` lets the buffer grow to net.ipv4.tcp_rmem.
   * Rejects with `ERR_BUFFER_SIZE` if the number is more than net.core.rmem_max.
   * Default 131,072 for `listen()`, or net.core.rmem_max if that is less; `auto` for `connect()`.
   */
  receiveBufferSize?: number | 'auto' | undefined;
  /**
   * How many bytes the kernel keeps that the peer has not acknowledged (SO_SNDBUF), whether they are sent or not. As
   * `receiveBufferSize`, with net.core.wmem_max and net.ipv4.tcp_wmem. Default `auto`, because `maxUnsentAmount` bounds what a peer
   * that reads nothing costs and keeps long paths fast.
   */
  sendBufferSize?: number | 'auto' | undefined;
  /**
   * How many bytes the kernel takes that it has not sent yet (TCP_NOTSENT_LOWAT); more wait in the send queue. What is sent and not
   * acknowledged comes on top, and the kernel adapts that to the path. `auto` stands for net.ipv4.tcp_notsent_lowat, which is no
   * limit on most machines. Default 131,072 for `listen()`; `auto` for `connect()`.
   */
  maxUnsentAmount?: number | 'auto' | undefined;
}

export const BUFFER_OPTIONS: OptionNames<BufferOptions> = {
  receiveBufferSize: true,
  sendBufferSize: true,
  maxUnsentAmount: true,
};

/** The sizes that `listen()` has by default. */
export const LISTEN_SIZES: BufferSizes = { receive: 131_072, send: 0, unsent: 131_072 };
/** Those of `connect()`: 0 leaves the choice to the kernel. */
export const CONNECT_SIZES: BufferSizes = { receive: 0, send: 0, unsent: 0 };

const LEAST = 4096;
const MOST = 2 ** 31 - 1;

/** Checks the options. */
export function bufferSizes(options: BufferOptions, defaults: BufferSizes): BufferSizes {
  const size = (name: keyof BufferOptions, otherwise: number): number => {
    const value: unknown = options[name];
    if (value === undefined) return otherwise;
    if (value === 'auto') return 0;
    if (typeof value === 'string')
      throw rangeError(name, `an integer from ${LEAST} to ${MOST}, or 'auto'`, value);
    return integer(name, value, LEAST, MOST);
  };
  return {
    receive: size('receiveBufferSize', defaults.receive),
    send: size('sendBufferSize', defaults.send),
    unsent: size('maxUnsentAmount', defaults.unsent),
  };
}

/** The numbers that the program chose, and which the kernel may cut. */
export type ChosenSizes = Pick<BufferOptions, 'receiveBufferSize' | 'sendBufferSize'>;

export function chosenSizes({ receiveBufferSize, sendBufferSize }: BufferOptions): ChosenSizes {
  return { receiveBufferSize, sendBufferSize };
}

/**
 * The error if the kernel has cut a number that the program chose: the kernel reports none itself. `look` returns what the kernel has
 * set, and is called only if the program has chosen a number.
 */
export function cutError(
  chosen: ChosenSizes,
  look: () => BufferSizes | null,
): EdgepollError | undefined {
  const { receiveBufferSize, sendBufferSize } = chosen;
  if (typeof receiveBufferSize !== 'number' && typeof sendBufferSize !== 'number') return undefined;
  const set = look();
  for (const [name, asked, got, limit] of [
    ['receiveBufferSize', receiveBufferSize, set?.receive, 'net.core.rmem_max'],
    ['sendBufferSize', sendBufferSize, set?.send, 'net.core.wmem_max'],
  ] as const) {
    if (typeof asked !== 'number' || got === undefined || got >= asked) continue;
    const message = `${name} is ${asked}, and the kernel allows at most ${got} (${limit})`;
    return new EdgepollError('ERR_BUFFER_SIZE', message);
  }
  return undefined;
}
