/** The types of sockets, by name and by number. */
import { integer, oneOf } from '../internal/validate.js';

/** The type of a socket (socket(2)). `stream`: bytes. `dgram`: datagrams. `raw`: packets of a network protocol. `seqpacket`: packets in order. */
export type SocketType = 'stream' | 'dgram' | 'raw' | 'seqpacket';

export const socketTypes: Record<SocketType, number> = {
  stream: 1,
  dgram: 2,
  raw: 3,
  seqpacket: 5,
};

const words = Object.keys(socketTypes) as SocketType[];

/** Returns the number of a type, given by name or number. */
export function typeNumber(value: unknown): number {
  if (typeof value === 'number') return integer('type', value, 0, 15);
  return socketTypes[oneOf('type', value, words, typeOf)];
}

/** The word for another name of a type: one of C, such as SOCK_STREAM, or a usual one. */
function typeOf(other: string): SocketType | undefined {
  const name = other.toLowerCase().replace(/^sock_/, '');
  if (name === 'tcp') return 'stream';
  if (name === 'udp' || name === 'datagram') return 'dgram';
  return words.find((word) => word === name);
}
