//! Socket addresses as plain objects: the family's number and the fields of that family.
//!
//! A missing field is an error; there are no defaults.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use edgepoll::Address;
use napi::bindgen_prelude::Buffer;
use napi::{Error, Result};
use napi_derive::napi;

/// The address of a socket. The comment of a field names its families.
#[napi(object, namespace = "fd")]
#[derive(Default)]
pub struct SocketAddress {
    /// AF_…
    pub family: u32,
    /// AF_UNIX: the path or abstract name, if it is UTF-8
    pub path: Option<String>,
    /// AF_UNIX: the bytes of the path or abstract name, if they are not UTF-8
    pub path_bytes: Option<Buffer>,
    /// AF_INET, AF_INET6
    pub address: Option<String>,
    /// AF_INET, AF_INET6, AF_VSOCK
    pub port: Option<u32>,
    /// AF_INET6
    pub flow_info: Option<u32>,
    /// AF_INET6
    pub scope_id: Option<u32>,
    /// AF_NETLINK
    pub pid: Option<u32>,
    /// AF_NETLINK
    pub groups: Option<u32>,
    /// AF_CAN, AF_PACKET
    pub interface_index: Option<i32>,
    /// AF_CAN
    pub receive_id: Option<u32>,
    /// AF_CAN
    pub send_id: Option<u32>,
    /// AF_VSOCK
    pub cid: Option<u32>,
    /// AF_PACKET: the protocol's number in the link-layer header, in the host's byte order
    pub protocol: Option<u32>,
    /// AF_PACKET: ARPHRD_…
    pub hardware: Option<u32>,
    /// AF_PACKET: PACKET_HOST …
    pub packet_kind: Option<u32>,
    /// AF_PACKET: the link-layer address. A family that is not named here: all bytes after the family.
    pub data: Option<Buffer>,
}

impl fmt::Debug for SocketAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SocketAddress")
            .field("family", &self.family)
            .field("path", &self.path)
            .field("address", &self.address)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn missing(field: &str) -> Error {
    Error::from_reason(format!("the address lacks {field}"))
}

fn has<T>(value: Option<T>, field: &str) -> Result<T> {
    value.ok_or_else(|| missing(field))
}

fn port_of(value: Option<u32>) -> Result<u16> {
    u16::try_from(has(value, "port")?).map_err(|_| missing("a port up to 65,535"))
}

impl SocketAddress {
    /// Converts to the core's address.
    pub(super) fn read(self) -> Result<Address> {
        let family = i32::try_from(self.family).unwrap_or(-1);
        let text = self.address.as_deref().unwrap_or_default();
        Ok(match family {
            libc::AF_UNSPEC => Address::Unspecified,
            libc::AF_UNIX => Address::Unix(match self.path_bytes {
                Some(bytes) => bytes.to_vec(),
                None => has(self.path, "path")?.into_bytes(),
            }),
            libc::AF_INET => {
                let host: Ipv4Addr = text.parse().map_err(|_| missing("an IPv4 address"))?;
                Address::Inet(host, port_of(self.port)?)
            }
            libc::AF_INET6 => {
                let host: Ipv6Addr = text.parse().map_err(|_| missing("an IPv6 address"))?;
                Address::Inet6 {
                    host,
                    port: port_of(self.port)?,
                    flow: has(self.flow_info, "flowInfo")?,
                    scope: has(self.scope_id, "scopeId")?,
                }
            }
            libc::AF_NETLINK => Address::Netlink {
                pid: has(self.pid, "pid")?,
                groups: has(self.groups, "groups")?,
            },
            libc::AF_CAN => Address::Can {
                interface: has(self.interface_index, "interfaceIndex")?,
                receive_id: has(self.receive_id, "receiveId")?,
                send_id: has(self.send_id, "sendId")?,
            },
            libc::AF_VSOCK => Address::Vsock {
                cid: has(self.cid, "cid")?,
                port: has(self.port, "port")?,
            },
            libc::AF_PACKET => Address::Packet {
                protocol: u16::try_from(has(self.protocol, "protocol")?)
                    .map_err(|_| missing("a protocol up to 65,535"))?,
                interface: has(self.interface_index, "interfaceIndex")?,
                hardware: 0,
                kind: 0,
                address: has(self.data, "data")?.as_ref().into(),
            },
            _ => {
                let family = u16::try_from(self.family).map_err(|_| missing("a family"))?;
                Address::Other(family, has(self.data, "data")?.to_vec())
            }
        })
    }
}

fn of_family(family: i32) -> SocketAddress {
    SocketAddress {
        family: family.cast_unsigned(),
        ..SocketAddress::default()
    }
}

impl From<Address> for SocketAddress {
    fn from(address: Address) -> SocketAddress {
        match address {
            Address::Unspecified => of_family(libc::AF_UNSPEC),
            Address::Unix(path) => match String::from_utf8(path) {
                Ok(path) => SocketAddress {
                    path: Some(path),
                    ..of_family(libc::AF_UNIX)
                },
                Err(error) => SocketAddress {
                    path_bytes: Some(Buffer::from(error.into_bytes())),
                    ..of_family(libc::AF_UNIX)
                },
            },
            Address::Inet(host, port) => SocketAddress {
                address: Some(host.to_string()),
                port: Some(u32::from(port)),
                ..of_family(libc::AF_INET)
            },
            Address::Inet6 {
                host,
                port,
                flow,
                scope,
            } => SocketAddress {
                address: Some(host.to_string()),
                port: Some(u32::from(port)),
                flow_info: Some(flow),
                scope_id: Some(scope),
                ..of_family(libc::AF_INET6)
            },
            Address::Netlink { pid, groups } => SocketAddress {
                pid: Some(pid),
                groups: Some(groups),
                ..of_family(libc::AF_NETLINK)
            },
            Address::Can {
                interface,
                receive_id,
                send_id,
            } => SocketAddress {
                interface_index: Some(interface),
                receive_id: Some(receive_id),
                send_id: Some(send_id),
                ..of_family(libc::AF_CAN)
            },
            Address::Vsock { cid, port } => SocketAddress {
                cid: Some(cid),
                port: Some(port),
                ..of_family(libc::AF_VSOCK)
            },
            Address::Packet {
                protocol,
                interface,
                hardware,
                kind,
                address,
            } => SocketAddress {
                protocol: Some(u32::from(protocol)),
                interface_index: Some(interface),
                hardware: Some(u32::from(hardware)),
                packet_kind: Some(u32::from(kind)),
                data: Some(Buffer::from(address.into_vec())),
                ..of_family(libc::AF_PACKET)
            },
            Address::Other(family, data) => SocketAddress {
                data: Some(Buffer::from(data)),
                ..of_family(i32::from(family))
            },
        }
    }
}
