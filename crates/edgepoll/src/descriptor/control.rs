//! Decoding and encoding of control messages (cmsg(3)): timestamps, packet information, entries of a socket's error queue.
//!
//! It must never read past a message's content, and never drop one that it does not know. Called by `message.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::Address;
use crate::kernel::descriptor::message::Control as Raw;

/// A kind of timestamp; nanoseconds since 1970 for those of this machine's clock, and the card's own count for hardware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// When the kernel's network stack saw the packet.
    pub software: Option<i64>,
    /// When the network card did.
    pub hardware: Option<i64>,
}

/// The interface and the addresses of a received packet (IP_PKTINFO, IPV6_PKTINFO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// The interface's index.
    pub interface: u32,
    /// The destination in the packet's header.
    pub destination: IpAddr,
    /// The local address to answer from (`ipi_spec_dst`); IPv4 only.
    pub local: Option<Ipv4Addr>,
}

/// Where a packet is to be sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The interface's index; 0 is the kernel's choice.
    pub interface: u32,
    /// The source address; unspecified is the kernel's choice.
    pub source: IpAddr,
}

/// An entry of a socket's error queue (`sock_extended_err`, ip(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// The error's number; ENOMSG for a timestamp, 0 for a finished zero-copy send.
    pub errno: u32,
    /// The source of the entry: SO_EE_ORIGIN_LOCAL, _ICMP, _ICMP6, _TIMESTAMPING, _ZEROCOPY, _TXTIME.
    pub origin: u8,
    /// ICMP's type.
    pub kind: u8,
    /// ICMP's code.
    pub code: u8,
    /// EMSGSIZE: the path's MTU. A timestamp: when it was taken (SCM_TSTAMP_SND …). Zero-copy: the first send's number.
    pub info: u32,
    /// A timestamp: the send's number (SOF_TIMESTAMPING_OPT_ID). Zero-copy: the last send's number.
    pub data: u32,
    /// The sender of the ICMP message.
    pub offender: Option<Address>,
}

/// A control message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// SO_TIMESTAMP or SO_TIMESTAMPNS: nanoseconds since 1970.
    Timestamp(i64),
    /// SO_TIMESTAMPING.
    Timestamps(Timestamps),
    /// IP_PKTINFO or IPV6_PKTINFO.
    Packet(PacketInfo),
    /// An entry of the error queue.
    Error(ExtendedError),
    /// Any other.
    Other {
        /// The protocol's level.
        level: i32,
        /// The kind, in the level's own numbering.
        kind: i32,
        /// The content.
        data: Vec<u8>,
    },
}

/// SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING with 64-bit seconds, which 32-bit programs use.
const TIMESTAMP_NEW: i32 = libc::SO_TIMESTAMP_NEW;
const TIMESTAMPNS_NEW: i32 = libc::SO_TIMESTAMPNS_NEW;
const TIMESTAMPING_NEW: i32 = libc::SO_TIMESTAMPING_NEW;

/// Levels and kinds that carry a `sock_extended_err`, where libc has no name for them: <linux/can.h>, <linux/can/raw.h>,
/// <linux/can/j1939.h>, <linux/vm_sockets.h>.
const SOL_CAN_RAW: i32 = 101;
const SCM_CAN_RAW_ERRQUEUE: i32 = 1;
const SOL_CAN_J1939: i32 = 107;
const SCM_J1939_ERRQUEUE: i32 = 4;
const SOL_VSOCK: i32 = 287;
const VSOCK_RECVERR: i32 = 1;
const PACKET_TX_TIMESTAMP: i32 = 16;

/// Bytes of a `sock_extended_err`; the offender's address follows.
const EXTENDED_ERROR: usize = 16;

impl Control {
    /// Decodes a control message. One that is too short for its kind becomes `Other`.
    #[must_use]
    pub fn read(raw: Raw) -> Control {
        known(&raw).unwrap_or(Control::Other {
            level: raw.level,
            kind: raw.kind,
            data: raw.content,
        })
    }
}

fn known(raw: &Raw) -> Option<Control> {
    let content = raw.content.as_slice();
    match (raw.level, raw.kind) {
        (libc::SOL_SOCKET, libc::SO_TIMESTAMP | TIMESTAMP_NEW) => {
            time(content, 0, 1000).map(Control::Timestamp)
        }
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS | TIMESTAMPNS_NEW) => {
            time(content, 0, 1).map(Control::Timestamp)
        }
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING | TIMESTAMPING_NEW) => {
            // Software, one that is not used any more, hardware; 0 is none.
            let taken = |at| time(content, at, 1).map(|time| (time != 0).then_some(time));
            Some(Control::Timestamps(Timestamps {
                software: taken(0)?,
                hardware: taken(32)?,
            }))
        }
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => Some(Control::Packet(PacketInfo {
            interface: word(content, 0)?,
            local: Some(Ipv4Addr::from(bytes::<4>(content, 4)?)),
            destination: Ipv4Addr::from(bytes::<4>(content, 8)?).into(),
        })),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => Some(Control::Packet(PacketInfo {
            interface: word(content, 16)?,
            local: None,
            destination: Ipv6Addr::from(bytes::<16>(content, 0)?).into(),
        })),
        (libc::IPPROTO_IP, libc::IP_RECVERR)
        | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        | (libc::SOL_PACKET, PACKET_TX_TIMESTAMP)
        | (SOL_CAN_RAW, SCM_CAN_RAW_ERRQUEUE)
        | (SOL_CAN_J1939, SCM_J1939_ERRQUEUE)
        | (SOL_VSOCK, VSOCK_RECVERR) => extended_error(content).map(Control::Error),
        _ => None,
    }
}

fn extended_error(content: &[u8]) -> Option<ExtendedError> {
    let offender = content.get(EXTENDED_ERROR..).and_then(Address::decode);
    Some(ExtendedError {
        errno: word(content, 0)?,
        origin: *content.get(4)?,
        kind: *content.get(5)?,
        code: *content.get(6)?,
        info: word(content, 8)?,
        data: word(content, 12)?,
        // Without an offender the kernel sends an address of family 0.
        offender: offender.filter(|address| !matches!(address, Address::Other(0, _))),
    })
}

/// Seconds and a part of one, both 64 bits, in nanoseconds.
fn time(content: &[u8], at: usize, unit: i64) -> Option<i64> {
    let seconds = i64::from_ne_bytes(bytes(content, at)?);
    let part = i64::from_ne_bytes(bytes(content, at + 8)?);
    Some(
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(part.saturating_mul(unit)),
    )
}

fn bytes<const N: usize>(content: &[u8], at: usize) -> Option<[u8; N]> {
    content.get(at..)?.first_chunk().copied()
}

fn word(content: &[u8], at: usize) -> Option<u32> {
    bytes(content, at).map(u32::from_ne_bytes)
}

/// The control message that has a packet sent from an interface and an address (`in_pktinfo`, `in6_pktinfo`).
#[must_use]
pub fn send_from(origin: Origin) -> Raw {
    let interface = origin.interface.to_ne_bytes();
    match origin.source {
        IpAddr::V4(source) => Raw {
            level: libc::IPPROTO_IP,
            kind: libc::IP_PKTINFO,
            // The kernel fills in the header's destination.
            content: [interface, source.octets(), [0; 4]].concat(),
        },
        IpAddr::V6(source) => Raw {
            level: libc::IPPROTO_IPV6,
            kind: libc::IPV6_PKTINFO,
            content: [&source.octets()[..], &interface].concat(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(level: i32, kind: i32, content: &[u8]) -> Raw {
        Raw {
            level,
            kind,
            content: content.to_vec(),
        }
    }

    fn pair(seconds: i64, part: i64) -> Vec<u8> {
        [seconds.to_ne_bytes(), part.to_ne_bytes()].concat()
    }

    #[test]
    fn times_are_nanoseconds_and_a_time_of_zero_is_none() {
        let read = |kind, content: &[u8]| Control::read(raw(libc::SOL_SOCKET, kind, content));
        let stamp = Control::Timestamp(3_000_000_005_000);
        assert_eq!(read(libc::SO_TIMESTAMP, &pair(3000, 5)), stamp);
        assert_eq!(read(libc::SO_TIMESTAMPNS, &pair(3000, 5000)), stamp);
        let three = [pair(1, 2), pair(9, 9), pair(0, 0)].concat();
        let expected = Control::Timestamps(Timestamps {
            software: Some(1_000_000_002),
            hardware: None,
        });
        assert_eq!(read(libc::SO_TIMESTAMPING, &three), expected);
        let last = read(libc::SO_TIMESTAMPNS, &pair(i64::MAX, i64::MAX));
        assert_eq!(last, Control::Timestamp(i64::MAX));
    }

    #[test]
    fn packets_go_out_by_the_layout_that_they_come_in_by() {
        let origin = Origin {
            interface: 7,
            source: IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1_u16]),
        };
        let expected = Control::Packet(PacketInfo {
            interface: 7,
            destination: origin.source,
            local: None,
        });
        assert_eq!(Control::read(send_from(origin)), expected);
        let origin = Origin {
            interface: 2,
            source: IpAddr::from([127, 0, 0, 1]),
        };
        let expected = Control::Packet(PacketInfo {
            interface: 2,
            destination: IpAddr::from([0, 0, 0, 0]),
            local: Some([127, 0, 0, 1].into()),
        });
        assert_eq!(Control::read(send_from(origin)), expected);
    }

    #[test]
    fn an_error_has_its_offender_and_none_where_nobody_is_to_blame() {
        let fields = [
            111_u32.to_ne_bytes(),
            [2, 3, 4, 0],
            [5, 0, 0, 0],
            [6, 0, 0, 0],
        ]
        .concat();
        let offender = Address::Inet([127, 0, 0, 1].into(), 0);
        for (address, offender) in [
            (offender.encode(), Some(offender.clone())),
            (Address::Unspecified.encode(), None),
            (Ok(Vec::new()), None),
        ] {
            let content = [fields.clone(), address.expect("it is short")].concat();
            let expected = ExtendedError {
                errno: 111,
                origin: 2,
                kind: 3,
                code: 4,
                info: u32::from_ne_bytes([5, 0, 0, 0]),
                data: u32::from_ne_bytes([6, 0, 0, 0]),
                offender,
            };
            let read = Control::read(raw(libc::IPPROTO_IP, libc::IP_RECVERR, &content));
            assert_eq!(read, Control::Error(expected));
        }
    }

    #[test]
    fn what_is_short_or_unknown_is_told_as_it_is() {
        for (level, kind, least) in [
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 48),
            (libc::SOL_SOCKET, libc::SO_TIMESTAMP, 16),
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 12),
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
            (libc::IPPROTO_IP, libc::IP_RECVERR, 16),
            (libc::SOL_UDP, libc::UDP_GRO, 1000),
        ] {
            for length in 0..least {
                let data = vec![1; length];
                let expected = Control::Other {
                    level,
                    kind,
                    data: data.clone(),
                };
                assert_eq!(Control::read(raw(level, kind, &data)), expected);
            }
        }
    }
}
