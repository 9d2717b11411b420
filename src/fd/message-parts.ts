/** The parts that messages and entries of the error queue have in common. */
import type { fdTypes as types } from '../internal/binding.js';
import type { Chunk } from '../internal/chunk.js';

/** The largest room for control messages, in bytes. */
export const MAX_CONTROL = 65_536;

/** The default room for control messages other than descriptors and credentials, in bytes. Unix sockets have 0. */
export const DEFAULT_CONTROL = 512;

/** The credentials of a process: its number, its user and its group. The kernel checks them when a message is sent (unix(7)). */
export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

/** A received control message (cmsg(3)). */
export interface ControlMessage {
  /** The protocol level (`cmsg_level`): `constants.SOL_SOCKET`, `constants.IPPROTO_IP` … */
  level: number;
  /** The type (`cmsg_type`). Each level has its own numbers. */
  type: number;
  /** The content, in the layout that the level and the type have on this architecture. */
  data: Chunk;
}

/** The interface and the addresses of a received packet (IP_PKTINFO of ip(7), IPV6_PKTINFO of ipv6(7)). */
export interface PacketInfo {
  /** The interface's index. */
  interface: number;
  /** The destination in the packet's header, which may be a multicast group or a broadcast address. */
  destination: string;
  /**
   * IPv4: the local address to answer from. IPv6: `undefined`; then answer from `destination` unless it is a multicast group.
   */
  local: string | undefined;
}

/** When a packet was sent or received (SO_TIMESTAMPING). */
export interface Timestamps {
  /** The network stack's time: nanoseconds since 1970. */
  software: bigint | undefined;
  /** The network card's time: nanoseconds of its own clock. */
  hardware: bigint | undefined;
}

/** Returns the control messages that have no field of their own. */
export function controlOf(message: types.ReceivedMessage): ControlMessage[] {
  const { control = [] } = message;
  return control.map(({ level, kind, data: { buffer, byteOffset, byteLength } }) => {
    return { level, type: kind, data: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
  });
}

/** Returns the interface and the addresses, if the message has them. */
export function packetInfoOf({ packetInfo }: types.ReceivedMessage): PacketInfo | undefined {
  if (packetInfo === undefined) return undefined;
  const { interfaceIndex, destination, local } = packetInfo;
  return { interface: interfaceIndex, destination, local };
}

/** Returns the timestamps, if the message has any. */
export function timestampsOf(message: types.ReceivedMessage): Timestamps | undefined {
  const { softwareTimestamp: software, hardwareTimestamp: hardware } = message;
  if (software === undefined && hardware === undefined) return undefined;
  return { software, hardware };
}

/** Returns the received bytes of `into`. A message that fills less than half of it is copied, so that it does not keep all of it in memory. */
export function bytesOf(message: types.ReceivedMessage, into: Chunk): Chunk {
  const length = Math.min(message.length, into.length);
  const bytes = into.subarray(0, length);
  return length * 2 < into.length ? Buffer.from(bytes) : bytes;
}
