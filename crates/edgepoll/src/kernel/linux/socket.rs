//! One TCP socket, and the system calls on it.
#![allow(
    unsafe_code,
    reason = "accept4 with the peer's address and connect to AF_UNSPEC have no safe wrapper, and recv and send are made as raw system calls, to bypass glibc; each block gives its reason"
)]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::sockopt;
use nix::sys::socket::{
    self, AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage,
};

use super::address::{address_of, internet, peer_address};
use crate::kernel::calls::{Buffers, ConnectFlags, ListenFlags};
use crate::kernel::descriptor;
use crate::kernel::descriptor::memory::Space;
use crate::kernel::poll::{poll, poll_entry};
use crate::{Address, Call, Errno};

/// A TCP socket with one owner.
#[derive(Debug)]
pub struct LinuxSocket(pub(super) OwnedFd);

impl LinuxSocket {
    pub(super) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// A socket that is not connected.
    pub(super) fn stream(address: SocketAddr) -> Result<LinuxSocket, Errno> {
        let family = if address.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        socket::socket(family, SockType::Stream, flags, None)
            .map(LinuxSocket)
            .map_err(Errno::from_nix)
    }

    pub(super) fn listen(
        address: &Address,
        backlog: i32,
        flags: ListenFlags,
    ) -> Result<LinuxSocket, (Call, Errno)> {
        let address = internet(address).map_err(|errno| (Call::Socket, errno))?;
        let socket = LinuxSocket::stream(address).map_err(|errno| (Call::Socket, errno))?;
        let options = || -> nix::Result<()> {
            socket::setsockopt(&socket.0, sockopt::ReuseAddr, &true)?;
            if flags.reuse_port {
                socket::setsockopt(&socket.0, sockopt::ReusePort, &true)?;
            }
            if address.is_ipv6() {
                socket::setsockopt(&socket.0, sockopt::Ipv6V6Only, &flags.ipv6_only)?;
            }
            if flags.no_delay {
                socket::setsockopt(&socket.0, sockopt::TcpNoDelay, &true)?;
            }
            Ok(())
        };
        options().map_err(|errno| (Call::SetOption, Errno::from_nix(errno)))?;
        // Before listen(2): the scale of the window that a connection announces depends on its buffer (tcp(7)).
        socket
            .set_buffers(flags.buffers)
            .map_err(|errno| (Call::SetOption, errno))?;
        socket::bind(socket.raw(), &SockaddrStorage::from(address))
            .map_err(|errno| (Call::Bind, Errno::from_nix(errno)))?;
        // nix's own wrapper refuses a backlog that the kernel would cut to net.core.somaxconn.
        descriptor::socket::listen(socket.0.as_fd(), backlog)
            .map_err(|errno| (Call::Listen, errno))?;
        Ok(socket)
    }

    pub(super) fn accept(&self) -> Result<(LinuxSocket, Address), Errno> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: `storage` is a writable block of `length` bytes, and both outlive the call.
        let fd = unsafe {
            libc::accept4(
                self.raw(),
                storage.as_mut_ptr().cast(),
                &raw mut length,
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        };
        let fd = Errno::result(fd)?;
        // SAFETY: accept4 just returned this descriptor, so nothing else owns it.
        let socket = LinuxSocket(unsafe { OwnedFd::from_raw_fd(fd) });
        // SAFETY: the block was zeroed, and every bit pattern is a valid sockaddr_storage.
        let storage = unsafe { storage.assume_init() };
        Ok((socket, peer_address(&storage)))
    }

    /// Bounds what the kernel keeps. Only what is not left to the kernel takes a system call.
    fn set_buffers(&self, buffers: Buffers) -> Result<(), Errno> {
        let Buffers {
            receive,
            send,
            unsent,
        } = buffers;
        let all = [
            (receive, libc::SOL_SOCKET, libc::SO_RCVBUF),
            (send, libc::SOL_SOCKET, libc::SO_SNDBUF),
            (unsent, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT),
        ];
        for (bytes, level, name) in all.into_iter().filter(|(bytes, ..)| *bytes > 0) {
            // The kernel reads a signed number.
            let value = i32::try_from(bytes).unwrap_or(i32::MAX).to_ne_bytes();
            descriptor::socket::set_option(self.0.as_fd(), level, name, &value)?;
        }
        Ok(())
    }

    pub(super) fn buffers(&self) -> Result<Buffers, Errno> {
        let get = |level, name| {
            let bytes = descriptor::socket::option_bytes(self.0.as_fd(), level, name, 4)?;
            let bytes: [u8; 4] = bytes.try_into().map_err(|_| Errno::EINVAL)?;
            Ok::<u32, Errno>(u32::from_ne_bytes(bytes))
        };
        Ok(Buffers {
            // The kernel has doubled these two.
            receive: get(libc::SOL_SOCKET, libc::SO_RCVBUF)? / 2,
            send: get(libc::SOL_SOCKET, libc::SO_SNDBUF)? / 2,
            unsent: get(libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT)?,
        })
    }

    pub(super) fn connect(address: &Address, flags: ConnectFlags) -> Result<LinuxSocket, Errno> {
        let address = internet(address)?;
        let socket = LinuxSocket::stream(address)?;
        if flags.no_delay {
            socket::setsockopt(&socket.0, sockopt::TcpNoDelay, &true).map_err(Errno::from_nix)?;
        }
        socket.set_buffers(flags.buffers)?;
        match socket::connect(socket.raw(), &SockaddrStorage::from(address))
            .map_err(Errno::from_nix)
        {
            // EINTR: the kernel goes on connecting. A second call would fail with EALREADY (connect(2)).
            Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(socket),
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn connected(&self) -> Result<Address, Errno> {
        if let Some(errno) = self.take_error() {
            return Err(errno);
        }
        let peer = match socket::getpeername::<SockaddrStorage>(self.raw()).map_err(Errno::from_nix)
        {
            Ok(peer) => peer,
            Err(Errno::ENOTCONN) => return Err(self.error_without_peer()),
            Err(errno) => return Err(errno),
        };
        let own = socket::getsockname::<SockaddrStorage>(self.raw()).map_err(Errno::from_nix)?;
        if own == peer {
            return Err(Errno::ECONNREFUSED);
        }
        address_of(&peer)
    }

    /// Why a socket whose SO_ERROR was clear has no peer. poll(2) reports nothing before a connect has ended, and a socket is
    /// registered after its connect has begun: so an event is still to come only if poll(2) reports nothing now.
    fn error_without_peer(&self) -> Errno {
        match poll(&mut [poll_entry(self.raw(), libc::POLLOUT)], false) {
            Ok(0) => Errno::EINPROGRESS,
            // The connect ended between the two calls, or the socket has no peer.
            Ok(_) => self.take_error().unwrap_or(Errno::ENOTCONN),
            Err(errno) => errno,
        }
    }

    #[inline]
    pub(super) fn receive(&self, space: &Space<'_>) -> Result<usize, Errno> {
        debug_assert!(
            !space.is_empty(),
            "a receive of 0 bytes returns 0, which means the end of the stream"
        );
        // SAFETY: `space` promises writable memory of that length. No address is requested.
        let result = unsafe {
            libc::syscall(
                libc::SYS_recvfrom,
                self.raw(),
                space.start,
                space.length,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut::<libc::sockaddr>(),
                std::ptr::null_mut::<libc::socklen_t>(),
            )
        };
        length_of(result)
    }

    pub(super) fn has_input(&self) -> Result<bool, Errno> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK;
        match socket::recv(self.raw(), &mut [0], flags).map_err(Errno::from_nix) {
            Ok(length) => Ok(length > 0),
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    #[inline]
    pub(super) fn send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: `bytes` is readable memory of that length and outlives the call. No address is given.
        let result = unsafe {
            libc::syscall(
                libc::SYS_sendto,
                self.raw(),
                bytes.as_ptr(),
                bytes.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                std::ptr::null::<libc::sockaddr>(),
                0,
            )
        };
        length_of(result)
    }

    pub(super) fn send_vectored(&self, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        socket::sendmsg::<()>(self.raw(), buffers, &[], flags, None).map_err(Errno::from_nix)
    }

    pub(super) fn shutdown(&self) -> Result<(), Errno> {
        socket::shutdown(self.raw(), Shutdown::Write).map_err(Errno::from_nix)
    }

    pub(super) fn reset_on_close(&self) -> Result<(), Errno> {
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        match socket::setsockopt(&self.0, sockopt::Linger, &linger) {
            Ok(()) => Ok(()),
            // A seccomp filter may refuse one of these calls and allow the other.
            Err(errno) => self.disconnect().map_err(|_| Errno::from_nix(errno)),
        }
    }

    /// Resets the connection at once. For TCP, a connect to AF_UNSPEC disconnects (connect(2)).
    pub(super) fn disconnect(&self) -> Result<(), Errno> {
        let nowhere = libc::sockaddr {
            sa_family: libc::AF_UNSPEC as libc::sa_family_t,
            sa_data: [0; 14],
        };
        // SAFETY: the address is readable memory of that length and outlives the call.
        let result = unsafe {
            libc::connect(
                self.raw(),
                &raw const nowhere,
                size_of::<libc::sockaddr>() as libc::socklen_t,
            )
        };
        Errno::result(result).map(drop)
    }

    /// The pending error, which this call clears, or the error of the call itself.
    pub(super) fn take_error(&self) -> Option<Errno> {
        match socket::getsockopt(&self.0, sockopt::SocketError) {
            Ok(0) => None,
            Ok(number) => Some(Errno::from_raw_os_error(number)),
            Err(errno) => Some(Errno::from_nix(errno)),
        }
    }

    pub(super) fn local_address(&self) -> Result<Address, Errno> {
        let address = socket::getsockname(self.raw()).map_err(Errno::from_nix)?;
        address_of(&address)
    }
}

/// The result of a raw call that gives a length. recv(3) and send(3) are avoided: in a process with more than one thread, as
/// every JavaScript runtime is, glibc makes each a cancellation point, which costs a twentieth of a message.
#[inline]
fn length_of(result: libc::c_long) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}
