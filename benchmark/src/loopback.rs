//! Begins connections that do not wait, from an address of the loopback network.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    bind, connect, setsockopt, socket, sockopt, AddressFamily, SockFlag, SockType, SockaddrStorage,
};

/// Begins to connect. The kernel raises a receive buffer that is too small to its minimum. The descriptor becomes writable when the connection is open or has failed.
pub fn begin_connect(
    to: SocketAddr,
    source: Ipv4Addr,
    receive_buffer: Option<usize>,
) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK.union(SockFlag::SOCK_CLOEXEC);
    let descriptor = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    // The kernel then chooses the port in connect, by the whole address pair.
    setsockopt(&descriptor, sockopt::IpBindAddressNoPort, &true)?;
    if let Some(size) = receive_buffer {
        setsockopt(&descriptor, sockopt::RcvBuf, &size)?;
    }
    bind(
        descriptor.as_raw_fd(),
        &SockaddrStorage::from(SocketAddr::from((source, 0))),
    )?;
    match connect(descriptor.as_raw_fd(), &SockaddrStorage::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(descriptor),
        Err(error) => Err(error),
    }
}
