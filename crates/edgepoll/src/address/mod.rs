//! Socket addresses of every family.

mod bytes;
mod inet;
mod ranges;

use std::net::{Ipv4Addr, Ipv6Addr};

pub use inet::NotInternet;
pub(crate) use ranges::client_of;
pub use ranges::{AddressRange, AddressSet, NotARange};

/// The address of a socket.
///
/// Unlike other enums of this crate, it is not `#[non_exhaustive]`: [`Address::Other`] has every family without a variant. A family
/// that gets a variant no longer arrives as `Other`, and a program that matches the enum must be changed, which the compiler then
/// reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// AF_UNSPEC. A connect to it ends the association of a datagram socket.
    Unspecified,
    /// AF_UNIX: a path, or nothing for a socket without a name. If the first byte is 0, it is an abstract name, which may contain
    /// any byte.
    Unix(Vec<u8>),
    /// AF_INET
    Inet(Ipv4Addr, u16),
    /// AF_INET6
    Inet6 {
        /// The host.
        host: Ipv6Addr,
        /// The port.
        port: u16,
        /// The flow information (`sin6_flowinfo`), in the host's byte order.
        flow: u32,
        /// The interface of a link-local address.
        scope: u32,
    },
    /// AF_NETLINK
    Netlink {
        /// The port number. 0 is the kernel; in bind(2) it makes the kernel choose one.
        pid: u32,
        /// The multicast groups, one bit each.
        groups: u32,
    },
    /// AF_CAN
    Can {
        /// The interface's index; 0 means all interfaces.
        interface: i32,
        /// The receiving id (ISO-TP).
        receive_id: u32,
        /// The sending id (ISO-TP).
        send_id: u32,
    },
    /// AF_VSOCK
    Vsock {
        /// The machine.
        cid: u32,
        /// The port.
        port: u32,
    },
    /// AF_PACKET
    Packet {
        /// The protocol's number in the link-layer header (ETH_P_…), in the host's byte order.
        protocol: u16,
        /// The interface's index; 0 means all interfaces.
        interface: i32,
        /// The kind of hardware (ARPHRD_…). Only in received addresses.
        hardware: u16,
        /// The kind of destination: PACKET_HOST, _BROADCAST, _MULTICAST, _OTHERHOST, _OUTGOING. Only in received addresses.
        kind: u8,
        /// The link-layer address: at most 32 bytes.
        address: Box<[u8]>,
    },
    /// Any other family: its number, and the bytes after it.
    Other(u16, Vec<u8>),
}
