//! Sockets of any family and type.
//!
//! It must never wait, and never make a socket that a child would inherit. Called by the glue.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::address::Address;
use crate::kernel::descriptor::socket as raw;
use crate::kernel::descriptor::{is_blocking, is_ready};
use crate::Errno;

pub use crate::kernel::descriptor::socket::{
    interface_index, listen, open, option_bytes, pair, set_option, shutdown,
};

/// Gives a socket its address (bind(2)).
///
/// # Errors
/// ENAMETOOLONG and EINVAL before the call; whatever bind(2) gives.
pub fn bind(fd: BorrowedFd<'_>, address: &Address) -> Result<(), Errno> {
    raw::bind(fd, &address.encode()?)
}

/// What became of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connecting {
    /// It is connected.
    Done,
    /// Its outcome will be told by writability and SO_ERROR.
    GoesOn,
    /// The call would wait, so it was not made: the socket blocks, and its flags are somebody else's.
    WouldWait,
}

/// Connects without waiting. connect(2) has no flag for that, and poll(2) cannot report whether it would wait. So a blocking
/// socket is connected only if the call cannot wait: a datagram socket, or a connect to AF_UNSPEC. The flags are read just
/// before the call; if another process clears O_NONBLOCK between the two, connect(2) waits.
///
/// # Errors
/// ENAMETOOLONG and EINVAL before the call; whatever connect(2) gives. EAGAIN of a Unix socket: the backlog is full.
pub fn connect(fd: BorrowedFd<'_>, address: &Address) -> Result<Connecting, Errno> {
    let encoded = address.encode()?;
    if *address != Address::Unspecified && is_blocking(fd)? {
        let kind = option(fd, libc::SOL_SOCKET, libc::SO_TYPE)?;
        if kind != libc::SOCK_DGRAM && kind != libc::SOCK_RAW {
            return Ok(Connecting::WouldWait);
        }
    }
    Ok(if raw::connect(fd, &encoded)? {
        Connecting::Done
    } else {
        Connecting::GoesOn
    })
}

/// Accepts one connection (accept4(2)) and gives its peer's address. accept4(2) has no flag against waiting, so poll(2) checks a
/// blocking listener first. If another process that shares it accepts the connection in between, the call waits.
///
/// # Errors
/// EAGAIN when there is none; whatever accept4(2) gives.
pub fn accept(fd: BorrowedFd<'_>) -> Result<(OwnedFd, Option<Address>), Errno> {
    if is_blocking(fd)? && !is_ready(fd, libc::POLLIN)? {
        return Err(Errno::EAGAIN);
    }
    let (socket, address) = raw::accept(fd)?;
    Ok((socket, Address::decode(&address)))
}

/// Room for more than an integer, so that a longer structure is noticed and not taken for one.
const OPTION_ROOM: usize = 64;

/// An option that is an integer (getsockopt(2)).
///
/// # Errors
/// EMSGSIZE for an option that does not have 4 bytes, which [`option_bytes`] can read. The errors of getsockopt(2).
pub fn option(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<i32, Errno> {
    let value = option_bytes(fd, level, name, OPTION_ROOM)?;
    let value = <[u8; 4]>::try_from(value).map_err(|_| Errno::EMSGSIZE)?;
    Ok(i32::from_ne_bytes(value))
}

/// Its own address, or its peer's.
///
/// # Errors
/// ENOTCONN, EBADF, ENOTSOCK.
pub fn name(fd: BorrowedFd<'_>, of_peer: bool) -> Result<Option<Address>, Errno> {
    raw::name(fd, of_peer).map(|bytes| Address::decode(&bytes))
}

/// Joins or leaves a multicast group; interface 0 is the kernel's choice.
///
/// # Errors
/// EADDRINUSE when it is in the group already, EADDRNOTAVAIL, ENODEV, EINVAL for no multicast address.
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
