//! Prefixes of internet addresses, as in `192.0.2.0/24` and `2001:db8::/32`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::Address;

/// The addresses that begin with the same bits. An IPv4 address and the IPv6 address that maps it (RFC 4291, 2.5.5.2) are the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    bits: u128,
    length: u8,
}

/// How many bits stand before a mapped IPv4 address.
const MAPPED: u8 = 96;

impl Prefix {
    /// The prefix with the first `length` bits of the address; the other bits are ignored. `None` if the family has fewer bits.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Option<Prefix> {
        let (host, length, most) = match address {
            IpAddr::V4(host) => (host.to_ipv6_mapped(), length.checked_add(MAPPED)?, 128),
            IpAddr::V6(host) => (host, length, 128),
        };
        (length <= most).then(|| Prefix {
            bits: host.to_bits() & mask(length),
            length,
        })
    }

    /// Whether the address begins with the prefix. An address that is not of the internet does not.
    #[must_use]
    pub fn contains(&self, address: &Address) -> bool {
        host_bits(address).is_some_and(|bits| bits & mask(self.length) == self.bits)
    }
}

fn mask(length: u8) -> u128 {
    match length {
        0 => 0,
        length => u128::MAX << (128 - u32::from(length)),
    }
}

/// The bits of an internet address, as an IPv6 address.
pub(crate) fn host_bits(address: &Address) -> Option<u128> {
    match address {
        Address::Inet(host, _) => Some(host.to_ipv6_mapped().to_bits()),
        Address::Inet6 { host, .. } => Some(host.to_bits()),
        _ => None,
    }
}

/// What stands for one client: an IPv4 address, or the /64 of an IPv6 address, because a client has a whole one.
pub(crate) fn client_bits(address: &Address) -> Option<u128> {
    let bits = host_bits(address)?;
    let is_mapped = bits & mask(MAPPED) == Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0).to_bits();
    Some(if is_mapped { bits } else { bits & mask(64) })
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = Ipv6Addr::from_bits(self.bits);
        match host.to_ipv4_mapped() {
            Some(host) if self.length >= MAPPED => write!(f, "{host}/{}", self.length - MAPPED),
            _ => write!(f, "{host}/{}", self.length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str, length: u8) -> Prefix {
        Prefix::new(text.parse().unwrap(), length).unwrap()
    }

    fn address(text: &str) -> Address {
        format!("{text}:1")
            .parse::<std::net::SocketAddr>()
            .unwrap()
            .into()
    }

    #[test]
    fn a_prefix_contains_what_begins_with_it() {
        for (text, length, inside, outside) in [
            ("192.0.2.7", 24, "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", 32, "192.0.2.7", "192.0.2.6"),
            ("2001:db8::", 32, "[2001:db8:ffff::1]", "[2001:db9::1]"),
            ("2001:db8::1", 128, "[2001:db8::1]", "[2001:db8::2]"),
            ("192.0.2.7", 24, "[::ffff:192.0.2.1]", "[::192.0.2.1]"),
        ] {
            let prefix = prefix(text, length);
            assert!(prefix.contains(&address(inside)), "{prefix:?} {inside}");
            assert!(!prefix.contains(&address(outside)), "{prefix:?} {outside}");
        }
        assert!(prefix("0.0.0.0", 0).contains(&address("203.0.113.1")));
        assert!(!prefix("0.0.0.0", 0).contains(&address("[2001:db8::1]")));
        assert!(prefix("::", 0).contains(&address("203.0.113.1")));
        assert!(!prefix("::", 0).contains(&Address::Unspecified));
    }

    #[test]
    fn a_prefix_has_no_more_bits_than_an_address() {
        assert_eq!(Prefix::new("192.0.2.7".parse().unwrap(), 33), None);
        assert_eq!(Prefix::new("192.0.2.7".parse().unwrap(), 255), None);
        assert_eq!(Prefix::new("::".parse().unwrap(), 129), None);
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        assert_eq!(
            client_bits(&address("192.0.2.7")),
            client_bits(&address("[::ffff:192.0.2.7]"))
        );
        assert_ne!(
            client_bits(&address("192.0.2.7")),
            client_bits(&address("192.0.2.8"))
        );
        assert_eq!(
            client_bits(&address("[2001:db8::1]")),
            client_bits(&address("[2001:db8::ffff:2]"))
        );
        assert_ne!(
            client_bits(&address("[2001:db8::1]")),
            client_bits(&address("[2001:db8:0:1::1]"))
        );
    }
}
