//! Decoding and encoding of control messages (cmsg(3)): timestamps, packet information, entries of a socket's error queue.
//!
//! A control message of another kind, or one that is too short, is returned as bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::Address;
use crate::kernel::descriptor::message::RawControlMessage;

/// The timestamps of a packet (SO_TIMESTAMPING).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// When the kernel's network stack handled the packet, in nanoseconds since 1970.
    pub software: Option<i64>,
    /// When the network card did, in nanoseconds of the card's own clock.
    pub hardware: Option<i64>,
}

/// The interface and the addresses of a received packet (IP_PKTINFO, IPV6_PKTINFO).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// The interface's index.
    pub interface: u32,
    /// The destination address in the packet's header.
    pub destination: IpAddr,
    /// The local address to answer from (`ipi_spec_dst`); IPv4 only.
    pub local: Option<Ipv4Addr>,
}

/// The interface and the address to send a packet from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSource {
    /// The interface's index. With 0 the kernel chooses one.
    pub interface: u32,
    /// The source address. If it is the unspecified address, the kernel chooses one.
    pub address: IpAddr,
}

/// An entry of a socket's error queue (`sock_extended_err`, ip(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedError {
    /// The error's number. It is ENOMSG for a timestamp, and 0 for a zero-copy send that has ended.
    pub errno: u32,
    /// The source of the entry: SO_EE_ORIGIN_LOCAL, _ICMP, _ICMP6, _TIMESTAMPING, _ZEROCOPY, _TXTIME.
    pub origin: u8,
    /// The type of the ICMP message.
    pub kind: u8,
    /// The code of the ICMP message.
    pub code: u8,
    /// For EMSGSIZE the path's MTU, for a timestamp its kind (SCM_TSTAMP_SND …), for zero-copy the number of the first send.
    pub info: u32,
    /// For a timestamp the number of the send (SOF_TIMESTAMPING_OPT_ID), for zero-copy the number of the last send.
    pub data: u32,
    /// The sender of the ICMP message.
    pub offender: Option<Address>,
}

/// A control message that was received.
///
/// A kind that gets a variant no longer arrives as `Other`, so the enum is exhaustive: programs that match it notice the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlMessage {
    /// SO_TIMESTAMP or SO_TIMESTAMPNS, in nanoseconds since 1970.
    Timestamp(i64),
    /// SO_TIMESTAMPING.
    Timestamps(Timestamps),
    /// IP_PKTINFO or IPV6_PKTINFO.
    Packet(PacketInfo),
    /// An entry of the error queue.
    Error(ExtendedError),
    /// A kind that is not decoded, or a control message that is too short for its kind.
    Other {
        /// The level of the protocol.
        level: i32,
        /// The kind, as the level numbers it.
        kind: i32,
        /// The content.
        data: Vec<u8>,
    },
}

/// The forms of SO_TIMESTAMP, SO_TIMESTAMPNS and SO_TIMESTAMPING whose times have 64-bit fields on every machine
/// (<asm-generic/socket.h>). libc does not define them for musl.
const TIMESTAMP_NEW: i32 = 63;
const TIMESTAMPNS_NEW: i32 = 64;
const TIMESTAMPING_NEW: i32 = 65;

/// The size of each field of a time: a C long in the old forms, 64 bits in the new ones.
const LONG: usize = size_of::<libc::c_long>();
const WIDE: usize = size_of::<i64>();

/// Levels and kinds with a `sock_extended_err` that libc does not define: <linux/can.h>, <linux/can/raw.h>,
/// <linux/can/j1939.h>, <linux/vm_sockets.h>.
const SOL_CAN_RAW: i32 = 101;
const SCM_CAN_RAW_ERRQUEUE: i32 = 1;
const SOL_CAN_J1939: i32 = 107;
const SCM_J1939_ERRQUEUE: i32 = 4;
const SOL_VSOCK: i32 = 287;
const VSOCK_RECVERR: i32 = 1;
const PACKET_TX_TIMESTAMP: i32 = 16;

/// The size of a `sock_extended_err`. The offender's address follows it.
const EXTENDED_ERROR: usize = 16;

impl ControlMessage {
    /// Decodes a control message. One that is too short for its kind becomes `Other`.
    #[must_use]
    pub fn decode(raw: RawControlMessage) -> ControlMessage {
        known(&raw).unwrap_or(ControlMessage::Other {
            level: raw.level,
            kind: raw.kind,
            data: raw.content,
        })
    }
}

fn known(raw: &RawControlMessage) -> Option<ControlMessage> {
    let content = raw.content.as_slice();
    match (raw.level, raw.kind) {
        (libc::SOL_SOCKET, libc::SO_TIMESTAMP) => {
            time(content, 0, LONG, 1000).map(ControlMessage::Timestamp)
        }
        (libc::SOL_SOCKET, TIMESTAMP_NEW) => {
            time(content, 0, WIDE, 1000).map(ControlMessage::Timestamp)
        }
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => {
            time(content, 0, LONG, 1).map(ControlMessage::Timestamp)
        }
        (libc::SOL_SOCKET, TIMESTAMPNS_NEW) => {
            time(content, 0, WIDE, 1).map(ControlMessage::Timestamp)
        }
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPING) => timestamps(content, LONG),
        (libc::SOL_SOCKET, TIMESTAMPING_NEW) => timestamps(content, WIDE),
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => Some(ControlMessage::Packet(PacketInfo {
            interface: word(content, 0)?,
            local: Some(Ipv4Addr::from(bytes::<4>(content, 4)?)),
            destination: Ipv4Addr::from(bytes::<4>(content, 8)?).into(),
        })),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => Some(ControlMessage::Packet(PacketInfo {
            interface: word(content, 16)?,
            local: None,
            destination: Ipv6Addr::from(bytes::<16>(content, 0)?).into(),
        })),
        (libc::IPPROTO_IP, libc::IP_RECVERR)
        | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
        | (libc::SOL_PACKET, PACKET_TX_TIMESTAMP)
        | (SOL_CAN_RAW, SCM_CAN_RAW_ERRQUEUE)
        | (SOL_CAN_J1939, SCM_J1939_ERRQUEUE)
        | (SOL_VSOCK, VSOCK_RECVERR) => extended_error(content).map(ControlMessage::Error),
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
        // If there is no offender, the kernel writes an address of family 0.
        offender: offender.filter(|address| !matches!(address, Address::Other(0, _))),
    })
}

/// Three times: software, one that is no longer used, hardware. 0 means that there is none.
fn timestamps(content: &[u8], field: usize) -> Option<ControlMessage> {
    let taken = |index| time(content, index, field, 1).map(|time| (time != 0).then_some(time));
    Some(ControlMessage::Timestamps(Timestamps {
        software: taken(0)?,
        hardware: taken(2)?,
    }))
}

/// Seconds and a fraction in `unit` nanoseconds, with `field` bytes each, as nanoseconds. `index` is the number of the time in the
/// message.
///
/// Seconds of 32 bits end on 19 January 2038 for a program that takes them as signed. No packet is older than 1970, so they are
/// taken as unsigned here, and end in 2106.
fn time(content: &[u8], index: usize, field: usize, unit: i64) -> Option<i64> {
    let at = 2 * index * field;
    let number = |at| match field {
        WIDE => bytes(content, at).map(i64::from_ne_bytes),
        _ => word(content, at).map(i64::from),
    };
    let seconds = number(at)?;
    let part = number(at + field)?;
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

/// The control message that makes the kernel send a packet from an interface and an address (`in_pktinfo`, `in6_pktinfo`).
#[must_use]
pub fn send_from(source: PacketSource) -> RawControlMessage {
    let interface = source.interface.to_ne_bytes();
    match source.address {
        IpAddr::V4(address) => RawControlMessage {
            level: libc::IPPROTO_IP,
            kind: libc::IP_PKTINFO,
            // The last field, the destination in the header, is for received packets.
            content: [interface, address.octets(), [0; 4]].concat(),
        },
        IpAddr::V6(address) => RawControlMessage {
            level: libc::IPPROTO_IPV6,
            kind: libc::IPV6_PKTINFO,
            content: [&address.octets()[..], &interface].concat(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(level: i32, kind: i32, content: &[u8]) -> RawControlMessage {
        RawControlMessage {
            level,
            kind,
            content: content.to_vec(),
        }
    }

    fn wide(seconds: i64, part: i64) -> Vec<u8> {
        [seconds.to_ne_bytes(), part.to_ne_bytes()].concat()
    }

    fn narrow(seconds: u32, part: u32) -> Vec<u8> {
        [seconds.to_ne_bytes(), part.to_ne_bytes()].concat()
    }

    #[test]
    fn times_are_nanoseconds_and_a_time_of_zero_is_none() {
        let read =
            |kind, content: &[u8]| ControlMessage::decode(raw(libc::SOL_SOCKET, kind, content));
        let stamp = ControlMessage::Timestamp(3_000_000_005_000);
        assert_eq!(read(TIMESTAMP_NEW, &wide(3000, 5)), stamp);
        assert_eq!(read(TIMESTAMPNS_NEW, &wide(3000, 5000)), stamp);
        let pair = |seconds: u32, part: u32| match LONG {
            WIDE => wide(seconds.into(), part.into()),
            _ => narrow(seconds, part),
        };
        assert_eq!(read(libc::SO_TIMESTAMP, &pair(3000, 5)), stamp);
        assert_eq!(read(libc::SO_TIMESTAMPNS, &pair(3000, 5000)), stamp);
        let three = [pair(1, 2), pair(9, 9), pair(0, 0)].concat();
        let expected = ControlMessage::Timestamps(Timestamps {
            software: Some(1_000_000_002),
            hardware: None,
        });
        assert_eq!(read(libc::SO_TIMESTAMPING, &three), expected);
        let three = [wide(1, 2), wide(9, 9), wide(0, 0)].concat();
        assert_eq!(read(TIMESTAMPING_NEW, &three), expected);
        let last = read(TIMESTAMPNS_NEW, &wide(i64::MAX, i64::MAX));
        assert_eq!(last, ControlMessage::Timestamp(i64::MAX));
    }

    #[test]
    fn seconds_of_32_bits_are_right_after_2038() {
        let three = [narrow(1 << 31, 5), narrow(9, 9), narrow(u32::MAX, 6)].concat();
        let expected = ControlMessage::Timestamps(Timestamps {
            software: Some((1_i64 << 31) * 1_000_000_000 + 5),
            hardware: Some(i64::from(u32::MAX) * 1_000_000_000 + 6),
        });
        assert_eq!(timestamps(&three, 4), Some(expected));
        assert_eq!(timestamps(&three[..23], 4), None);
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn the_new_forms_have_the_numbers_of_the_headers() {
        assert_eq!(TIMESTAMP_NEW, libc::SO_TIMESTAMP_NEW);
        assert_eq!(TIMESTAMPNS_NEW, libc::SO_TIMESTAMPNS_NEW);
        assert_eq!(TIMESTAMPING_NEW, libc::SO_TIMESTAMPING_NEW);
    }

    #[test]
    fn packet_info_is_sent_in_the_layout_in_which_it_is_received() {
        let source = PacketSource {
            interface: 7,
            address: IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1_u16]),
        };
        let expected = ControlMessage::Packet(PacketInfo {
            interface: 7,
            destination: source.address,
            local: None,
        });
        assert_eq!(ControlMessage::decode(send_from(source)), expected);
        let source = PacketSource {
            interface: 2,
            address: IpAddr::from([127, 0, 0, 1]),
        };
        let expected = ControlMessage::Packet(PacketInfo {
            interface: 2,
            destination: IpAddr::from([0, 0, 0, 0]),
            local: Some([127, 0, 0, 1].into()),
        });
        assert_eq!(ControlMessage::decode(send_from(source)), expected);
    }

    #[test]
    fn an_error_has_its_offender_if_there_is_one() {
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
            let read = ControlMessage::decode(raw(libc::IPPROTO_IP, libc::IP_RECVERR, &content));
            assert_eq!(read, ControlMessage::Error(expected));
        }
    }

    #[test]
    fn a_short_or_unknown_control_message_is_returned_as_bytes() {
        for (level, kind, least) in [
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 6 * LONG),
            (libc::SOL_SOCKET, TIMESTAMPING_NEW, 48),
            (libc::SOL_SOCKET, libc::SO_TIMESTAMP, 2 * LONG),
            (libc::SOL_SOCKET, TIMESTAMP_NEW, 16),
            (libc::IPPROTO_IP, libc::IP_PKTINFO, 12),
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
            (libc::IPPROTO_IP, libc::IP_RECVERR, 16),
            (libc::SOL_UDP, libc::UDP_GRO, 1000),
        ] {
            for length in 0..least {
                let data = vec![1; length];
                let expected = ControlMessage::Other {
                    level,
                    kind,
                    data: data.clone(),
                };
                assert_eq!(ControlMessage::decode(raw(level, kind, &data)), expected);
            }
        }
    }
}
