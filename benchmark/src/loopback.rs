//! Begins connections that do not wait, from an address of the loopback network.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    bind, connect, setsockopt, socket, sockopt, AddressFamily, SockFlag, SockType, SockaddrStorage,
};

/// The bytes of the kernel's two buffers. The kernel raises them to its minimum.
#[derive(Clone, Copy)]
pub struct KernelBuffers {
    /// SO_RCVBUF.
    pub receive: usize,
    /// SO_SNDBUF.
    pub send: usize,
}

/// Begins to connect. The descriptor becomes writable when the connection is open or has failed.
pub fn begin_connect(
    to: SocketAddr,
    source: Ipv4Addr,
    buffers: Option<KernelBuffers>,
) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK.union(SockFlag::SOCK_CLOEXEC);
    let descriptor = socket(AddressFamily::Inet, SockType::Stream, flags, None)?;
    // The kernel then chooses the port in connect, by the whole address pair.
    setsockopt(&descriptor, sockopt::IpBindAddressNoPort, &true)?;
    if let Some(KernelBuffers { receive, send }) = buffers {
        setsockopt(&descriptor, sockopt::RcvBuf, &receive)?;
        setsockopt(&descriptor, sockopt::SndBuf, &send)?;
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
