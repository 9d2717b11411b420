/** Types of sockets by name. */
import { integer, oneOf } from '../internal/validate.js';

/** What a socket carries: bytes, datagrams, bare packets, or packets in order. */
export type SocketType = 'stream' | 'dgram' | 'raw' | 'seqpacket';

export const socketTypes: Record<SocketType, number> = {
  stream: 1,
  dgram: 2,
  raw: 3,
  seqpacket: 5,
};

/** The number of a type. */
export function typeNumber(value: unknown): number {
  if (typeof value === 'number') return integer('type', value, 0, 15);
  return socketTypes[oneOf('type', value, ['stream', 'dgram', 'raw', 'seqpacket'] as const)];
}
