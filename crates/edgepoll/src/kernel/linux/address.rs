//! Internet addresses as the kernel writes them.
#![allow(
    unsafe_code,
    reason = "the kernel writes addresses into untyped memory; each block gives its reason"
)]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use nix::sys::socket::SockaddrStorage;

use crate::Errno;

pub(super) fn address_of(storage: &SockaddrStorage) -> Result<SocketAddr, Errno> {
    if let Some(address) = storage.as_sockaddr_in() {
        return Ok(SocketAddr::V4(SocketAddrV4::new(
            address.ip(),
            address.port(),
        )));
    }
    if let Some(address) = storage.as_sockaddr_in6() {
        return Ok(SocketAddr::V6(SocketAddrV6::new(
            address.ip(),
            address.port(),
            0,
            address.scope_id(),
        )));
    }
    Err(Errno::EAFNOSUPPORT)
}

/// The address that accept4(2) wrote. getpeername(2) would fail for a client that has already reset the connection.
pub(super) fn peer_address(storage: &libc::sockaddr_storage) -> SocketAddr {
    let block = std::ptr::from_ref(storage);
    match i32::from(storage.ss_family) {
        libc::AF_INET6 => {
            // SAFETY: for AF_INET6 the kernel wrote a sockaddr_in6. It is smaller than the block, and its alignment is no stricter.
            let address = unsafe { *block.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(address.sin6_addr.s6_addr);
            SocketAddr::V6(SocketAddrV6::new(
                ip,
                u16::from_be(address.sin6_port),
                0,
                address.sin6_scope_id,
            ))
        }
        libc::AF_INET => {
            // SAFETY: for AF_INET the kernel wrote a sockaddr_in. It is smaller than the block, and its alignment is no stricter.
            let address = unsafe { *block.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(address.sin_port)))
        }
        _ => SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
    }
}
