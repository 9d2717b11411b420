//! An address as the kernel's bytes, and back.
//!
//! No path is cut, and no byte is read that the kernel did not write.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Address;
use crate::Errno;

/// The longest path of a Unix socket. The kernel's field has 108 bytes, the last one for NUL (unix(7)).
const LONGEST_PATH: usize = 107;

/// The longest link-layer address (MAX_ADDR_LEN of <linux/netdevice.h>).
const LONGEST_LINK: u8 = 32;

fn family(number: i32) -> Vec<u8> {
    u16::try_from(number).unwrap_or(0).to_ne_bytes().to_vec()
}

impl Address {
    /// The bytes that bind(2), connect(2) and sendmsg(2) take.
    ///
    /// # Errors
    /// ENAMETOOLONG for a path that does not fit; EINVAL for a path that contains NUL, and for a link-layer address of more than
    /// 32 bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Errno> {
        Ok(match self {
            Address::Unspecified => [family(libc::AF_UNSPEC), vec![0; 14]].concat(),
            Address::Unix(path) => {
                let is_abstract = path.first() == Some(&0);
                // An abstract name may fill the field, because its length is passed and no NUL ends it.
                if path.len() > LONGEST_PATH + usize::from(is_abstract) {
                    return Err(Errno::ENAMETOOLONG);
                }
                if !is_abstract && path.contains(&0) {
                    return Err(Errno::EINVAL);
                }
                let end: &[u8] = if is_abstract || path.is_empty() {
                    &[]
                } else {
                    &[0]
                };
                [&family(libc::AF_UNIX), path.as_slice(), end].concat()
            }
            Address::Inet(host, port) => {
                let (port, host) = (port.to_be_bytes(), host.octets());
                [&family(libc::AF_INET)[..], &port, &host, &[0; 8]].concat()
            }
            Address::Inet6 {
                host,
                port,
                flow,
                scope,
            } => [
                &family(libc::AF_INET6)[..],
                &port.to_be_bytes(),
                &flow.to_be_bytes(),
                &host.octets(),
                &scope.to_ne_bytes(),
            ]
            .concat(),
            Address::Netlink { pid, groups } => [
                &family(libc::AF_NETLINK)[..],
                &[0; 2],
                &pid.to_ne_bytes(),
                &groups.to_ne_bytes(),
            ]
            .concat(),
            Address::Can {
                interface,
                receive_id,
                send_id,
            } => [
                &family(libc::AF_CAN)[..],
                &[0; 2],
                &interface.to_ne_bytes(),
                &receive_id.to_ne_bytes(),
                &send_id.to_ne_bytes(),
                &[0; 8],
            ]
            .concat(),
            Address::Vsock { cid, port } => [
                &family(libc::AF_VSOCK)[..],
                &[0; 2],
                &port.to_ne_bytes(),
                &cid.to_ne_bytes(),
                &[0; 4],
            ]
            .concat(),
            Address::Packet {
                protocol,
                interface,
                hardware,
                kind,
                address,
            } => {
                let length = u8::try_from(address.len()).map_err(|_| Errno::EINVAL)?;
                if length > LONGEST_LINK {
                    return Err(Errno::EINVAL);
                }
                // The structure's field has 8 bytes. A longer address extends beyond the structure (packet(7)).
                let padding = vec![0; 8_usize.saturating_sub(address.len())];
                [
                    &family(libc::AF_PACKET)[..],
                    &protocol.to_be_bytes(),
                    &interface.to_ne_bytes(),
                    &hardware.to_ne_bytes(),
                    &[*kind, length],
                    address,
                    &padding,
                ]
                .concat()
            }
            Address::Other(number, data) => [&number.to_ne_bytes()[..], data].concat(),
        })
    }

    /// Decodes the bytes that the kernel wrote; `None` if it wrote no address.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Address> {
        let (number, data) = bytes.split_first_chunk::<2>()?;
        let number = u16::from_ne_bytes(*number);
        let known = Address::decode_known(i32::from(number), data);
        Some(known.unwrap_or_else(|| Address::Other(number, data.to_vec())))
    }

    fn decode_known(number: i32, data: &[u8]) -> Option<Address> {
        Some(match number {
            libc::AF_UNIX => {
                let end = match data.first() {
                    Some(0) | None => data.len(),
                    Some(_) => data
                        .iter()
                        .position(|byte| *byte == 0)
                        .unwrap_or(data.len()),
                };
                Address::Unix(data[..end].to_vec())
            }
            libc::AF_INET => {
                let host = Ipv4Addr::from(chunk::<4>(data, 2)?);
                Address::Inet(host, u16::from_be_bytes(chunk(data, 0)?))
            }
            libc::AF_INET6 => Address::Inet6 {
                port: u16::from_be_bytes(chunk(data, 0)?),
                flow: u32::from_be_bytes(chunk(data, 2)?),
                host: Ipv6Addr::from(chunk::<16>(data, 6)?),
                scope: number_at(data, 22)?,
            },
            libc::AF_NETLINK => Address::Netlink {
                pid: number_at(data, 2)?,
                groups: number_at(data, 6)?,
            },
            libc::AF_CAN => Address::Can {
                interface: number_at(data, 2)?.cast_signed(),
                receive_id: number_at(data, 6).unwrap_or(0),
                send_id: number_at(data, 10).unwrap_or(0),
            },
            libc::AF_VSOCK => Address::Vsock {
                port: number_at(data, 2)?,
                cid: number_at(data, 6)?,
            },
            libc::AF_PACKET => {
                let [kind, length] = chunk(data, 8)?;
                let address = data.get(10..)?;
                Address::Packet {
                    protocol: u16::from_be_bytes(chunk(data, 0)?),
                    interface: number_at(data, 2)?.cast_signed(),
                    hardware: u16::from_ne_bytes(chunk(data, 6)?),
                    kind,
                    address: address[..usize::from(length).min(address.len())].into(),
                }
            }
            _ => return None,
        })
    }
}

fn chunk<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk().copied()
}

fn number_at(data: &[u8], at: usize) -> Option<u32> {
    chunk(data, at).map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_decoded_as_it_was_encoded() {
        let addresses = [
            Address::Unix(b"/run/some.sock".to_vec()),
            Address::Unix(Vec::new()),
            Address::Unix(b"\0abstract\0with nul".to_vec()),
            Address::Unix([vec![0], vec![b'a'; 107]].concat()),
            Address::Unix(vec![b'a'; 107]),
            Address::Inet([192, 0, 2, 1].into(), 65_535),
            Address::Inet6 {
                host: [0xfe80, 0, 0, 0, 0, 0, 0, 1].into(),
                port: 53,
                flow: 7,
                scope: 2,
            },
            Address::Netlink { pid: 9, groups: 17 },
            Address::Can {
                interface: 3,
                receive_id: 0x123,
                send_id: 0x456,
            },
            Address::Vsock { cid: 2, port: 1024 },
            Address::Packet {
                protocol: 0x0800,
                interface: 3,
                hardware: 1,
                kind: 4,
                address: [1, 2, 3, 4, 5, 6].into(),
            },
            Address::Packet {
                protocol: 3,
                interface: 0,
                hardware: 32,
                kind: 0,
                address: [9; 20].into(),
            },
            Address::Other(18, vec![1, 2, 3]),
        ];
        for address in addresses {
            let bytes = address.encode();
            assert_eq!(
                bytes.map(|bytes| Address::decode(&bytes)),
                Ok(Some(address))
            );
        }
    }

    #[test]
    fn the_sizes_are_those_of_the_c_library() {
        let sizes = [
            (
                Address::Inet([127, 0, 0, 1].into(), 1),
                size_of::<libc::sockaddr_in>(),
            ),
            (
                Address::Netlink { pid: 0, groups: 0 },
                size_of::<libc::sockaddr_nl>(),
            ),
            (
                Address::Can {
                    interface: 0,
                    receive_id: 0,
                    send_id: 0,
                },
                size_of::<libc::sockaddr_can>(),
            ),
            (
                Address::Packet {
                    protocol: 0,
                    interface: 0,
                    hardware: 0,
                    kind: 0,
                    address: Box::default(),
                },
                size_of::<libc::sockaddr_ll>(),
            ),
            (
                Address::Vsock { cid: 0, port: 0 },
                size_of::<libc::sockaddr_vm>(),
            ),
        ];
        for (address, size) in sizes {
            assert_eq!(
                address.encode().map(|bytes| bytes.len()),
                Ok(size),
                "{address:?}"
            );
        }
    }

    #[test]
    fn no_path_is_cut_and_no_short_address_is_read_past() {
        let long = Address::Unix(vec![b'a'; 108]).encode();
        assert_eq!(long, Err(Errno::ENAMETOOLONG));
        let long = Address::Unix([vec![0], vec![b'a'; 108]].concat()).encode();
        assert_eq!(long, Err(Errno::ENAMETOOLONG));
        assert_eq!(Address::Unix(b"a\0b".to_vec()).encode(), Err(Errno::EINVAL));
        assert_eq!(Address::decode(&[]), None);
        for number in 0..50_u8 {
            for length in 0..30 {
                let bytes = [&[number, 0][..], &vec![1; length]].concat();
                assert!(Address::decode(&bytes).is_some());
            }
        }
    }
}
