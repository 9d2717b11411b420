/** The types of socket addresses, one per family. */

/** The name of a family (address_families(7)). Pass a number for any other family. */
export type FamilyName = 'unix' | 'inet' | 'inet6' | 'netlink' | 'packet' | 'can' | 'vsock';

/** AF_UNIX (unix(7)). */
export interface UnixAddress {
  family: 'unix';
  /**
   * A path of up to 107 bytes, or an abstract name, which begins with `\\0`. Empty for a socket without a name. A received path
   * is a string if it is UTF-8, otherwise a `Buffer` of its bytes.
   */
  path: string | Buffer;
}

/** AF_INET (ip(7)). */
export interface InetAddress {
  family: 'inet';
  /** An IPv4 address, not a host name. */
  address: string;
  /** 0 to 65,535. For a raw socket the protocol. */
  port: number;
}

/** AF_INET6 (ipv6(7)). */
export interface Inet6Address {
  family: 'inet6';
  /** An IPv6 address, not a host name. It has no zone: see `scopeId`. */
  address: string;
  /** 0 to 65,535. */
  port: number;
  /** The flow label and the traffic class (ipv6(7)). Default 0. */
  flowInfo?: number | undefined;
  /** The index of the interface, for link-local addresses. Default 0. */
  scopeId?: number | undefined;
}

/** AF_NETLINK (netlink(7)). */
export interface NetlinkAddress {
  family: 'netlink';
  /** The port ID. 0 is the kernel; for `bind()` it means that the kernel chooses one. */
  pid: number;
  /** Multicast groups, one bit per group. */
  groups: number;
}

/** The kind of a packet's destination (packet(7)). A kind without a name here is a number. */
export type PacketType = 'host' | 'broadcast' | 'multicast' | 'otherhost' | 'outgoing';

/** AF_PACKET (packet(7)). */
export interface PacketAddress {
  family: 'packet';
  /** The name or the index of the interface; 0 stands for all interfaces. In a received address: the index. */
  interface: string | number;
  /** The protocol in the header of the link layer, in host byte order (`constants.ETH_P_IP`). Default 0. */
  protocol?: number | undefined;
  /** The address in the link layer, up to 32 bytes; 6 bytes for Ethernet. Default: none. */
  address?: Uint8Array | undefined;
  /** The type of the hardware (ARPHRD_…). Only in received addresses. */
  hardwareType?: number | undefined;
  /** The kind of the packet's destination. Only in received addresses. */
  packetType?: PacketType | number | undefined;
}

/** AF_CAN (<linux/can.h>). */
export interface CanAddress {
  family: 'can';
  /** The name or the index of the interface; 0 stands for all interfaces. In a received address: the index. */
  interface: string | number;
  /** For ISO-TP: the CAN identifier of received frames. Default 0. */
  receiveId?: number | undefined;
  /** For ISO-TP: the CAN identifier of sent frames. Default 0. */
  sendId?: number | undefined;
}

/** AF_VSOCK (vsock(7)). */
export interface VsockAddress {
  family: 'vsock';
  /** The context identifier of the machine: 2 is the host, 4,294,967,295 is any. */
  cid: number;
  /** 0 to 4,294,967,295. 4,294,967,295 is any. */
  port: number;
}

/** AF_UNSPEC: no address. Connecting a datagram socket to it removes its peer (connect(2)). */
export interface UnspecifiedAddress {
  family: 'unspecified';
}

/** An address of any other family (sockaddr(3type)). */
export interface OtherAddress {
  /** The number of the family. A family that has a name here is refused. */
  family: number;
  /** The bytes after the family's number, at most 126. */
  data: Uint8Array;
}

/** The address of a socket; `family` says which type it has. */
export type SocketAddress =
  | UnixAddress
  | InetAddress
  | Inet6Address
  | NetlinkAddress
  | PacketAddress
  | CanAddress
  | VsockAddress
  | UnspecifiedAddress
  | OtherAddress;
