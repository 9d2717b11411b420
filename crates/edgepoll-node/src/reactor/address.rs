//! A TCP address as text and a port.

use std::net::{IpAddr, SocketAddr};

use edgepoll::descriptor::socket::interface_index;
use edgepoll::Errno;
use napi_derive::napi;

/// An address and a port.
#[napi(object)]
#[derive(Debug)]
pub struct Address {
    /// The IP address as text. A link-local IPv6 address has its zone behind a `%`.
    pub address: String,
    /// The port.
    pub port: u16,
    /// 'IPv4' or 'IPv6'.
    pub family: String,
}

/// Reads an IP address. An IPv6 address may name its zone, as in RFC 4007: `fe80::1%eth0` or `fe80::1%2`.
///
/// # Errors
/// ENODEV when there is no such zone.
pub(crate) fn socket_address(address: &str, port: u16) -> Result<SocketAddr, Errno> {
    let (numbers, zone) = match address.split_once('%') {
        Some((numbers, zone)) => (numbers, Some(zone)),
        None => (address, None),
    };
    let ip: IpAddr = numbers.parse().map_err(|_| Errno::EINVAL)?;
    let mut found = SocketAddr::new(ip, port);
    if let (SocketAddr::V6(v6), Some(zone)) = (&mut found, zone) {
        v6.set_scope_id(zone.parse().or_else(|_| interface_index(zone))?);
    }
    Ok(found)
}

/// The address as text. A link-local IPv6 address is ambiguous without its zone.
pub(crate) fn address_of(address: SocketAddr) -> Address {
    let zone = match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() != 0 => {
            format!("%{}", v6.scope_id())
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => String::new(),
    };
    Address {
        address: format!("{}{zone}", address.ip()),
        port: address.port(),
        family: if address.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
    }
}
