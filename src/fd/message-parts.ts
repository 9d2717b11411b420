/** The parts that received messages and entries of the error queue have in common. */
import type { fd as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';

/** The most room for control messages, in bytes. */
export const MOST_CONTROL = 65_536;

/** The default room for control messages other than descriptors and credentials, for families that have such messages. */
export const CONTROL_ROOM = 512;

/** A control message by its numbers (cmsg(3)). */
export interface ControlMessage {
  /** The protocol's level: `constants.SOL_SOCKET`, `constants.IPPROTO_IP` … */
  level: number;
  /** The kind, in the level's own numbering. */
  type: number;
  /** The content, in the layout that level and kind have on this architecture. */
  data: Chunk;
}

/** The interface and the addresses of a received packet (IP_PKTINFO of ip(7), IPV6_PKTINFO of ipv6(7)). */
export interface PacketInfo {
  /** The interface's index. */
  interface: number;
  /** The destination in the packet's header, which may be a multicast group or a broadcast address. */
  destination: string;
  /** IPv4: the local address to answer from. IPv6: `undefined`; answer from `destination` unless it is a group. */
  local: string | undefined;
}

/** When a packet was sent or received (SO_TIMESTAMPING). */
export interface Timestamps {
  /** The network stack's time: nanoseconds since 1970. */
  software: bigint | undefined;
  /** The network card's time: nanoseconds of its own clock. */
  hardware: bigint | undefined;
}

export function controlOf(message: types.ReceivedMessage): ControlMessage[] {
  const { control = [] } = message;
  return control.map(({ level, kind, data: { buffer, byteOffset, byteLength } }) => {
    return { level, type: kind, data: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
  });
}

export function packetInfoOf({ packetInfo }: types.ReceivedMessage): PacketInfo | undefined {
  if (packetInfo === undefined) return undefined;
  const { interfaceIndex, destination, local } = packetInfo;
  return { interface: interfaceIndex, destination, local };
}

export function timestampsOf(message: types.ReceivedMessage): Timestamps | undefined {
  const { softwareTimestamp: software, hardwareTimestamp: hardware } = message;
  if (software === undefined && hardware === undefined) return undefined;
  return { software, hardware };
}

/** The received bytes of `into`. A small message is copied, so that it does not keep a large buffer in memory. */
export function bytesOf(message: types.ReceivedMessage, into: Chunk): Chunk {
  const length = Math.min(message.length, into.length);
  const bytes = into.subarray(0, length);
  return length * 2 < into.length ? Buffer.from(bytes) : bytes;
}
