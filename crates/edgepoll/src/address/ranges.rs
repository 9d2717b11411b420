//! Sets of internet addresses, made of addresses, prefixes and ranges. A search takes the logarithm of their number.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::Address;

/// How many bits stand before a mapped IPv4 address.
const MAPPED: u8 = 96;

/// The addresses from one to another. An IPv4 address is the same as the IPv6 address that maps it (RFC 4291, 2.5.5.2).
///
/// It is read from `192.0.2.1`, from a prefix as `192.0.2.0/24`, or from a range as `192.0.2.1-192.0.2.9`. The bits of a prefix
/// behind its length are ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    first: u128,
    last: u128,
}

/// A text is not an address, a prefix or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARange;

impl fmt::Display for NotARange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an address, a prefix or a range of addresses")
    }
}

impl std::error::Error for NotARange {}

impl AddressRange {
    /// The addresses whose first `length` bits are those of `address`. `None` if the family has fewer bits.
    #[must_use]
    pub fn prefix(address: IpAddr, length: u8) -> Option<AddressRange> {
        let length = match address {
            IpAddr::V4(_) => length.checked_add(MAPPED)?,
            IpAddr::V6(_) => length,
        };
        let others = match length {
            0 => u128::MAX,
            1..=128 => u128::MAX.checked_shr(length.into()).unwrap_or(0),
            _ => return None,
        };
        let bits = bits_of(address);
        Some(AddressRange {
            first: bits & !others,
            last: bits | others,
        })
    }
}

impl FromStr for AddressRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<AddressRange, NotARange> {
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| NotARange);
        if let Some((host, length)) = text.split_once('/') {
            let length = length.parse().map_err(|_| NotARange)?;
            return AddressRange::prefix(address(host)?, length).ok_or(NotARange);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (bits_of(address(first)?), bits_of(address(last)?));
        let range = AddressRange { first, last };
        (first <= last).then_some(range).ok_or(NotARange)
    }
}

impl fmt::Debug for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |bits| IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical();
        write!(f, "{}-{}", host(self.first), host(self.last))
    }
}

/// A set of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet {
    /// In their order. No two touch.
    ranges: Vec<AddressRange>,
}

impl AddressSet {
    /// True if the set has the address. It has no address that is not of the internet.
    #[must_use]
    pub fn contains(&self, address: &Address) -> bool {
        if self.ranges.is_empty() {
            return false;
        }
        host_bits(address).is_some_and(|bits| {
            let behind = self.ranges.partition_point(|range| range.first <= bits);
            behind > 0 && bits <= self.ranges[behind - 1].last
        })
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<T: IntoIterator<Item = AddressRange>>(ranges: T) -> AddressSet {
        let mut ranges: Vec<AddressRange> = ranges.into_iter().collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let touches = next.first <= before.last.saturating_add(1);
            if touches {
                before.last = before.last.max(next.last);
            }
            touches
        });
        ranges.shrink_to_fit();
        AddressSet { ranges }
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(host) => host.to_ipv6_mapped().to_bits(),
        IpAddr::V6(host) => host.to_bits(),
    }
}

/// The bits of an internet address, as an IPv6 address.
fn host_bits(address: &Address) -> Option<u128> {
    match *address {
        Address::Inet(host, _) => Some(bits_of(host.into())),
        Address::Inet6 { host, .. } => Some(host.to_bits()),
        _ => None,
    }
}

/// What stands for one client: an IPv4 address, or the first 64 bits of an IPv6 address, because a client usually has all addresses
/// with these bits. `None` if the address is not of the internet.
pub(crate) fn client_of(address: &Address) -> Option<u64> {
    let bits = host_bits(address)?;
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    // An IPv4 address takes the place of a /64 in 0::/8. No client has an address of that /64, because 0::/8 is reserved (RFC 4291).
    let is_mapped = high == 0 && low >> 32 == 0xffff;
    Some(if is_mapped { low } else { high })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        let host: IpAddr = text.parse().expect("an address");
        std::net::SocketAddr::new(host, 1).into()
    }

    fn set(texts: &[&str]) -> AddressSet {
        texts
            .iter()
            .map(|text| text.parse::<AddressRange>().expect("a range"))
            .collect()
    }

    #[test]
    fn a_set_has_its_addresses_alone() {
        for (text, inside, outside) in [
            ("192.0.2.7/24", "192.0.2.0", "192.0.1.255"),
            ("192.0.2.7/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
            ("192.0.2.7-192.0.2.9", "192.0.2.9", "192.0.2.10"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
            ("192.0.2.7/24", "::ffff:192.0.2.1", "::192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.2.1", "192.0.3.1"),
            ("0.0.0.0/0", "203.0.113.1", "2001:db8::1"),
        ] {
            let set = set(&["198.51.100.1", text, "fe80::/10"]);
            assert!(set.contains(&address(inside)), "{text} has {inside}");
            assert!(!set.contains(&address(outside)), "{text} has {outside}");
        }
        assert!(set(&["::/0"]).contains(&address("203.0.113.1")));
        assert!(!set(&["::/0"]).contains(&Address::Unspecified));
        assert!(!set(&[]).contains(&address("::")));
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.1/33",
            "192.0.2.1/256",
            "::/129",
            "::/-1",
            "192.0.2.1/",
            "fe80::1%lo",
            "192.0.2.9-192.0.2.7",
            "192.0.2.1-",
            "localhost",
        ] {
            assert_eq!(text.parse::<AddressRange>(), Err(NotARange), "{text}");
        }
    }

    #[test]
    fn ranges_that_touch_are_one() {
        let merged = set(&["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "10.0.0.1"]);
        assert_eq!(merged, set(&["10.0.0.0/8"]));
        assert_eq!(format!("{merged:?}").matches('-').count(), 1);
        let all = set(&["::/0", "255.255.255.255", "::1"]);
        assert_eq!(all, set(&["::/0"]));
        assert_ne!(set(&["10.0.0.1", "10.0.0.3"]), set(&["10.0.0.1-10.0.0.3"]));
    }

    #[test]
    fn a_search_among_a_hundred_thousand_is_like_one_among_few() {
        let net = |number: u32| {
            AddressRange::prefix(IpAddr::V4((number << 8).into()), 25).expect("a prefix")
        };
        let set: AddressSet = (0..100_000).rev().map(net).collect();
        for number in (0..100_000_u32).step_by(997) {
            assert!(set.contains(&Address::Inet((number << 8).into(), 1)));
            assert!(!set.contains(&Address::Inet((number << 8 | 128).into(), 1)));
        }
    }

    #[test]
    fn a_client_is_an_address_or_a_64() {
        let client = |text| client_of(&address(text)).expect("an internet address");
        assert_eq!(client("192.0.2.7"), client("::ffff:192.0.2.7"));
        assert_ne!(client("192.0.2.7"), client("192.0.2.8"));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client_of(&Address::Unspecified), None);
    }
}
