//! Internet addresses as the kernel writes them.
#![allow(
    unsafe_code,
    reason = "the kernel writes addresses into untyped memory; each block gives its reason"
)]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::sys::socket::SockaddrStorage;

use crate::{Address, Errno};

/// The address for a call on an Internet socket. The reactor serves no other family.
///
/// # Errors
/// EAFNOSUPPORT for an address of another family.
pub(super) fn internet(address: &Address) -> Result<SocketAddr, Errno> {
    SocketAddr::try_from(address).map_err(|_| Errno::EAFNOSUPPORT)
}

pub(super) fn address_of(storage: &SockaddrStorage) -> Result<Address, Errno> {
    if let Some(address) = storage.as_sockaddr_in() {
        return Ok(Address::Inet(address.ip(), address.port()));
    }
    if let Some(address) = storage.as_sockaddr_in6() {
        return Ok(Address::Inet6 {
            host: address.ip(),
            port: address.port(),
            flow: 0,
            scope: address.scope_id(),
        });
    }
    Err(Errno::EAFNOSUPPORT)
}

/// The address that accept4(2) wrote. getpeername(2) would fail for a client that has already reset the connection.
pub(super) fn peer_address(storage: &libc::sockaddr_storage) -> Address {
    let block = std::ptr::from_ref(storage);
    match i32::from(storage.ss_family) {
        libc::AF_INET6 => {
            // SAFETY: for AF_INET6 the kernel wrote a sockaddr_in6. It is smaller than the block, and its alignment is no stricter.
            let address = unsafe { *block.cast::<libc::sockaddr_in6>() };
            Address::Inet6 {
                host: Ipv6Addr::from(address.sin6_addr.s6_addr),
                port: u16::from_be(address.sin6_port),
                flow: 0,
                scope: address.sin6_scope_id,
            }
        }
        libc::AF_INET => {
            // SAFETY: for AF_INET the kernel wrote a sockaddr_in. It is smaller than the block, and its alignment is no stricter.
            let address = unsafe { *block.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            Address::Inet(ip, u16::from_be(address.sin_port))
        }
        _ => Address::Unspecified,
    }
}
