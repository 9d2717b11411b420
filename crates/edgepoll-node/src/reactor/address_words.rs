//! A TCP address as numbers, and back.
//!
//! Every close reports two addresses, and most programs never read them, so they are not formatted as text here.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use edgepoll::Address;

/// Bit in the first number of an address, above the port: the address is of IPv6.
const IS_V6: i32 = 1 << 16;

/// An address as three numbers: family and port, zone, and the address itself in words of 32 bits. `None` for an address that is
/// not of the Internet; the reactor serves no such sockets.
pub(crate) fn words_of(address: &Address) -> Option<(i32, u32, [u32; 4])> {
    match *address {
        Address::Inet(host, port) => Some((i32::from(port), 0, [host.to_bits(), 0, 0, 0])),
        Address::Inet6 {
            host, port, scope, ..
        } => {
            let bits = host.to_bits();
            let words = [96, 64, 32, 0].map(|shift| (bits >> shift) as u32);
            Some((i32::from(port) | IS_V6, scope, words))
        }
        _ => None,
    }
}

/// The address whose numbers [`words_of`] gave.
pub(crate) fn address_from(detail: i32, scope: u32, words: [u32; 4]) -> SocketAddr {
    // The port is the lowest 16 bits.
    let port = detail as u16;
    if detail & IS_V6 == 0 {
        return SocketAddr::new(Ipv4Addr::from_bits(words[0]).into(), port);
    }
    let bits = words
        .iter()
        .fold(0, |bits, word| (bits << 32) | u128::from(*word));
    SocketAddrV6::new(Ipv6Addr::from_bits(bits), port, 0, scope).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::IS_LOCAL;

    #[test]
    fn an_address_comes_back_from_its_numbers() {
        for text in [
            "127.0.0.1:1",
            "255.255.255.255:65535",
            "[::1]:65535",
            "[fe80::1%7]:80",
            "[::ffff:192.0.2.1]:443",
            "[ffff:eeee:dddd:cccc:bbbb:aaaa:9999:8888]:0",
        ] {
            let address: SocketAddr = text.parse().expect("an address");
            // In a record, another bit says which of a connection's addresses it is. It is not part of the address.
            for side in [0, IS_LOCAL] {
                let (detail, scope, words) =
                    words_of(&address.into()).expect("it is of the Internet");
                assert_eq!(address_from(detail | side, scope, words), address);
            }
        }
    }

    #[test]
    fn an_address_of_another_family_has_no_numbers() {
        for address in [Address::Unspecified, Address::Unix(b"/tmp/socket".to_vec())] {
            assert_eq!(words_of(&address), None);
        }
    }
}
