//! Conversions between an address and the standard library's address of an Internet socket.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use super::Address;

/// The address is neither AF_INET nor AF_INET6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotInternet(());

impl fmt::Display for NotInternet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is neither an IPv4 nor an IPv6 address")
    }
}

impl std::error::Error for NotInternet {}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        match address {
            SocketAddr::V4(v4) => v4.into(),
            SocketAddr::V6(v6) => v6.into(),
        }
    }
}

impl From<SocketAddrV4> for Address {
    fn from(address: SocketAddrV4) -> Address {
        Address::Inet(*address.ip(), address.port())
    }
}

impl From<SocketAddrV6> for Address {
    fn from(address: SocketAddrV6) -> Address {
        Address::Inet6 {
            host: *address.ip(),
            port: address.port(),
            flow: address.flowinfo(),
            scope: address.scope_id(),
        }
    }
}

impl Address {
    /// Whether a socket that is bound to it takes connections for every address of the machine (INADDR_ANY, in6addr_any).
    #[must_use]
    pub fn is_any_host(&self) -> bool {
        match self {
            Address::Inet(host, _) => host.is_unspecified(),
            Address::Inet6 { host, .. } => host.is_unspecified(),
            _ => false,
        }
    }
}

impl TryFrom<&Address> for SocketAddr {
    type Error = NotInternet;

    fn try_from(address: &Address) -> Result<SocketAddr, NotInternet> {
        match *address {
            Address::Inet(host, port) => Ok(SocketAddrV4::new(host, port).into()),
            Address::Inet6 {
                host,
                port,
                flow,
                scope,
            } => Ok(SocketAddrV6::new(host, port, flow, scope).into()),
            _ => Err(NotInternet(())),
        }
    }
}

impl TryFrom<Address> for SocketAddr {
    type Error = NotInternet;

    fn try_from(address: Address) -> Result<SocketAddr, NotInternet> {
        SocketAddr::try_from(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internet_addresses_are_converted_without_a_loss() {
        let v6 = SocketAddrV6::new([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), 53, 7, 2);
        let v4 = SocketAddrV4::new([192, 0, 2, 1].into(), 65_535);
        for address in [SocketAddr::from(v6), v4.into()] {
            assert_eq!(SocketAddr::try_from(Address::from(address)), Ok(address));
        }
    }

    #[test]
    fn an_address_of_another_family_is_refused() {
        for address in [
            Address::Unspecified,
            Address::Unix(b"/run/some.sock".to_vec()),
            Address::Vsock { cid: 2, port: 1024 },
            Address::Other(18, vec![1, 2, 3]),
        ] {
            assert_eq!(SocketAddr::try_from(address), Err(NotInternet(())));
        }
    }

    #[test]
    fn an_address_takes_no_more_memory_than_the_standard_library_s() {
        assert_eq!(size_of::<Address>(), size_of::<SocketAddr>());
        assert_eq!(size_of::<Option<Address>>(), size_of::<SocketAddr>());
    }
}
