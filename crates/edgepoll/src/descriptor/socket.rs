//! Sockets of any family and type. No call here waits, except in the cases that its documentation names.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::address::Address;
use crate::kernel::descriptor::file::{is_blocking, is_ready};
use crate::kernel::descriptor::socket as raw;
use crate::Errno;

pub use crate::kernel::descriptor::socket::{
    interface_index, listen, open, option_bytes, pair, set_option, shutdown,
};

/// Binds a socket to an address (bind(2)).
///
/// # Errors
/// Those of [`Address::encode`], and of bind(2).
pub fn bind(fd: BorrowedFd<'_>, address: &Address) -> Result<(), Errno> {
    raw::bind(fd, &address.encode()?)
}

/// The state of a socket after [`connect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectStatus {
    /// The socket is connected.
    Connected,
    /// The connect is in progress. When it has ended, the socket is writable, and SO_ERROR holds the result.
    InProgress,
    /// The call was not made, because it would wait: the socket is blocking.
    WouldWait,
}

/// Connects without waiting. connect(2) has no flag for that, and poll(2) cannot report whether it would wait. So a blocking
/// socket is connected only if the call cannot wait: a datagram socket, or a connect to AF_UNSPEC. The flags are read just
/// before the call; if another process clears O_NONBLOCK between the two, connect(2) waits.
///
/// # Errors
/// Those of [`Address::encode`], and of connect(2). EAGAIN from a Unix socket means that the listener's backlog is full.
pub fn connect(fd: BorrowedFd<'_>, address: &Address) -> Result<ConnectStatus, Errno> {
    let encoded = address.encode()?;
    if *address != Address::Unspecified && is_blocking(fd)? {
        let kind = option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
        if kind != libc::SOCK_DGRAM && kind != libc::SOCK_RAW {
            return Ok(ConnectStatus::WouldWait);
        }
    }
    Ok(if raw::connect(fd, &encoded)? {
        ConnectStatus::Connected
    } else {
        ConnectStatus::InProgress
    })
}

/// Accepts one connection, and returns it with its peer's address (accept4(2)). accept4(2) has no flag against waiting, so poll(2) checks a
/// blocking listener first. If another process that shares it accepts the connection in between, the call waits.
///
/// # Errors
/// EAGAIN when there is none; the errors of accept4(2).
pub fn accept(fd: BorrowedFd<'_>) -> Result<(OwnedFd, Option<Address>), Errno> {
    if is_blocking(fd)? && !is_ready(fd, libc::POLLIN)? {
        return Err(Errno::EAGAIN);
    }
    let (socket, address) = raw::accept(fd)?;
    Ok((socket, Address::decode(&address)))
}

/// Larger than an integer, so that a longer option is noticed and not taken for an integer.
const OPTION_ROOM: usize = 64;

/// The value of an option that is an integer (getsockopt(2)).
///
/// # Errors
/// EMSGSIZE for an option that is not 4 bytes long, which [`option_bytes`] can read. The errors of getsockopt(2).
pub fn option(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32, Errno> {
    let value = option_bytes(fd, level, name, OPTION_ROOM)?;
    let value = <[u8; 4]>::try_from(value).map_err(|_| Errno::EMSGSIZE)?;
    Ok(i32::from_ne_bytes(value))
}

/// The socket's own address, or its peer's (getsockname(2), getpeername(2)).
///
/// # Errors
/// ENOTCONN, EBADF, ENOTSOCK.
pub fn name(fd: BorrowedFd<'_>, of_peer: bool) -> Result<Option<Address>, Errno> {
    raw::name(fd, of_peer).map(|bytes| Address::decode(&bytes))
}

/// Joins or leaves a multicast group on an interface. With interface 0 the kernel chooses one.
///
/// # Errors
/// EADDRINUSE when the socket is in the group already; EADDRNOTAVAIL, ENODEV; EINVAL for an address that is not multicast.
pub fn membership(
    fd: BorrowedFd<'_>,
    group: std::net::IpAddr,
    interface: u32,
    join: bool,
) -> Result<(), Errno> {
    match group {
        std::net::IpAddr::V4(group) => {
            // struct ip_mreqn: group, local address (unspecified), interface.
            let value = [group.octets(), [0; 4], interface.to_ne_bytes()].concat();
            let name = if join {
                libc::IP_ADD_MEMBERSHIP
            } else {
                libc::IP_DROP_MEMBERSHIP
            };
            raw::set_option(fd, libc::IPPROTO_IP, name, &value)
        }
        std::net::IpAddr::V6(group) => {
            // struct ipv6_mreq: group, interface.
            let value = [&group.octets()[..], &interface.to_ne_bytes()].concat();
            let name = if join {
                libc::IPV6_ADD_MEMBERSHIP
            } else {
                libc::IPV6_DROP_MEMBERSHIP
            };
            raw::set_option(fd, libc::IPPROTO_IPV6, name, &value)
        }
    }
}
