/** The types of socket addresses, one per family. */

/** A family that has a name here; any other goes by its number. */
export type FamilyName = 'unix' | 'inet' | 'inet6' | 'netlink' | 'packet' | 'can' | 'vsock';

/** AF_UNIX (unix(7)). */
export interface UnixAddress {
  family: 'unix';
  /**
   * A path of up to 107 bytes, or an abstract name, which begins with `\\0`. Empty for a socket without a name. A received path
   * is a string if it is UTF-8, else a `Buffer` of its bytes; `path.toString()` of that has replacement characters.
   */
  path: string | Buffer;
}

/** AF_INET (ip(7)). */
export interface InetAddress {
  family: 'inet';
  /** An IPv4 address, not a host's name. */
  address: string;
  /** 0 to 65,535; of a raw socket the protocol. */
  port: number;
}

/** AF_INET6 (ipv6(7)). */
export interface Inet6Address {
  family: 'inet6';
  /** An IPv6 address, not a host's name. */
  address: string;
  /** 0 to 65,535. */
  port: number;
  /** Default 0. */
  flowInfo?: number | undefined;
  /** The interface's index, for link-local addresses. Default 0. */
  scopeId?: number | undefined;
}

/** AF_NETLINK (netlink(7)). */
export interface NetlinkAddress {
  family: 'netlink';
  /** The port's number: 0 is the kernel, or when binding «choose one». */
  pid: number;
  /** Multicast groups, a bit each. */
  groups: number;
}

/** The kind of a packet's destination. A kind without a name here is a number. */
export type PacketType = 'host' | 'broadcast' | 'multicast' | 'otherhost' | 'outgoing';

/** AF_PACKET (packet(7)). */
export interface PacketAddress {
  family: 'packet';
  /** The interface's name or index; 0 stands for every interface. In a received address: the index. */
  interface: string | number;
  /** The protocol's number in the link layer's header, in the host's order (`constants.ETH_P_IP`). Default 0. */
  protocol?: number | undefined;
  /** The address in the link layer, up to 32 bytes; Ethernet's have 6. Default: none. */
  address?: Uint8Array | undefined;
  /** The kind of hardware (ARPHRD_…). Only in received addresses. */
  hardwareType?: number | undefined;
  /** The kind of the packet's destination. Only in received addresses. */
  packetType?: PacketType | number | undefined;
}

/** AF_CAN. */
export interface CanAddress {
  family: 'can';
  /** The interface's name or index; 0 stands for every interface. In a received address: the index. */
  interface: string | number;
  /** ISO-TP. Default 0. */
  receiveId?: number | undefined;
  /** ISO-TP. Default 0. */
  sendId?: number | undefined;
}

/** AF_VSOCK (vsock(7)). */
export interface VsockAddress {
  family: 'vsock';
  /** The machine: 2 is the host, 4,294,967,295 any. */
  cid: number;
  /** 0 to 4,294,967,295; the last is any. */
  port: number;
}

/** No address: connecting a datagram socket to it ends its association. */
export interface UnspecifiedAddress {
  family: 'unspecified';
}

/** Any other family: the bytes after the family's number (sockaddr(3type)). */
export interface OtherAddress {
  /** One that has no name here; one that has goes by it. */
  family: number;
  data: Uint8Array;
}

/** Where a socket is, by its family. */
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
