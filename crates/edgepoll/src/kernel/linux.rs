//! Linux: mio's `Poll` for readiness, nix and libc for the calls on sockets.
//!
//! It must never hold state about a connection, and never retry. Called by the reactor alone.
#![allow(
    unsafe_code,
    reason = "accept4 with the peer's address and connect to no address have no safe wrapper, and recv and send go past glibc's; each block gives its reason"
)]

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use nix::sys::socket::sockopt;
use nix::sys::socket::{
    self, AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrStorage,
};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{clock_gettime, ClockId as Clock};

use super::poll::{poll, poll_entry};
use super::{descriptor, Interest, Kernel, ListenFlags, Space, MOST_EVENTS};
use crate::{Call, Errno, Ready, Token};

/// Tokens of the kernel's own two descriptors; no slot ever has this index.
const WAKER: Token = Token {
    index: u32::MAX,
    generation: 0,
};
const ALARM: Token = Token {
    index: u32::MAX,
    generation: 1,
};

/// What a stream socket is always watched for: bytes, the peer's end, and TCP's urgent mark.
const INPUT: mio::Interest = mio::Interest::READABLE.add(mio::Interest::PRIORITY);

/// A TCP socket with one owner.
#[derive(Debug)]
pub struct LinuxSocket(OwnedFd);

impl LinuxSocket {
    fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The operating system itself.
pub struct LinuxKernel {
    poll: mio::Poll,
    events: mio::Events,
    waker: mio::Waker,
    alarm: TimerFd,
}

impl LinuxKernel {
    /// Opens the epoll descriptor, its waker and its alarm; `events` bounds one wait's batch; 0 is
    /// taken for 1, because the kernel refuses to wait for none, and more than 65,536 for 65,536.
    ///
    /// # Errors
    /// Whatever epoll_create1(2), eventfd(2), timerfd_create(2) or epoll_ctl(2) give: EMFILE, ENFILE, ENOMEM.
    pub fn new(events: usize) -> Result<LinuxKernel, Errno> {
        let poll = mio::Poll::new().map_err(|error| Errno::from_io(&error))?;
        let waker = mio::Waker::new(poll.registry(), mio_token(WAKER))
            .map_err(|error| Errno::from_io(&error))?;
        let alarm = TimerFd::new(
            ClockId::CLOCK_MONOTONIC,
            TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK,
        )
        .map_err(Errno::from_nix)?;
        let raw = alarm.as_fd().as_raw_fd();
        poll.registry()
            .register(
                &mut SourceFd(&raw),
                mio_token(ALARM),
                mio::Interest::READABLE,
            )
            .map_err(|error| Errno::from_io(&error))?;
        Ok(LinuxKernel {
            poll,
            events: mio::Events::with_capacity(events.clamp(1, MOST_EVENTS)),
            waker,
            alarm,
        })
    }
}

impl AsRawFd for LinuxKernel {
    /// The epoll descriptor: readable whenever a wait would return at once.
    fn as_raw_fd(&self) -> RawFd {
        self.poll.as_raw_fd()
    }
}

impl Kernel for LinuxKernel {
    type Socket = LinuxSocket;

    fn wait(
        &mut self,
        timeout: Option<Duration>,
        each: &mut dyn FnMut(Token, Ready),
    ) -> Result<(), Errno> {
        match self
            .poll
            .poll(&mut self.events, timeout)
            .map_err(|error| Errno::from_io(&error))
        {
            Ok(()) => {}
            Err(Errno::EINTR) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        for event in &self.events {
            let token = Token::from_bits(event.token().0 as u64);
            if token.index != WAKER.index {
                each(token, ready_of(event));
            }
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), Errno> {
        // A full counter is no error: mio empties it.
        self.waker.wake().map_err(|error| Errno::from_io(&error))
    }

    fn set_alarm(&mut self, deadline: Option<u64>) -> Result<(), Errno> {
        let set = match deadline {
            Some(at) => {
                // Zero would disarm it: a deadline in the distant past is one nanosecond after the start.
                let at = Duration::from_nanos(at.max(1));
                self.alarm.set(
                    Expiration::OneShot(at.into()),
                    TimerSetTimeFlags::TFD_TIMER_ABSTIME,
                )
            }
            None => self.alarm.unset(),
        };
        set.map_err(Errno::from_nix)
    }

    fn now(&self) -> u64 {
        let time = clock_gettime(Clock::CLOCK_MONOTONIC).expect("every Linux has CLOCK_MONOTONIC");
        u64::try_from(Duration::from(time).as_nanos()).unwrap_or(u64::MAX)
    }

    fn register(
        &mut self,
        socket: &LinuxSocket,
        token: Token,
        interest: Interest,
    ) -> Result<(), Errno> {
        let interest = match interest {
            Interest::Listener => mio::Interest::READABLE,
            Interest::Stream => INPUT,
            Interest::Connecting => INPUT | mio::Interest::WRITABLE,
        };
        self.poll
            .registry()
            .register(&mut SourceFd(&socket.raw()), mio_token(token), interest)
            .map_err(|error| Errno::from_io(&error))
    }

    fn watch_writable(&mut self, socket: &LinuxSocket, token: Token) -> Result<(), Errno> {
        let both = INPUT | mio::Interest::WRITABLE;
        self.poll
            .registry()
            .reregister(&mut SourceFd(&socket.raw()), mio_token(token), both)
            .map_err(|error| Errno::from_io(&error))
    }

    fn close(&mut self, socket: LinuxSocket) {
        // ENOENT is what a socket gives whose registration failed; nothing is left to take out then.
        let _ = self
            .poll
            .registry()
            .deregister(&mut SourceFd(&socket.raw()));
        drop(socket);
    }

    fn reset_on_close(&mut self, socket: &LinuxSocket) -> Result<(), Errno> {
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        match socket::setsockopt(&socket.0, sockopt::Linger, &linger) {
            Ok(()) => Ok(()),
            // A seccomp filter may refuse one of these calls and allow the other.
            Err(errno) => disconnect(socket).map_err(|_| Errno::from_nix(errno)),
        }
    }

    fn listen(
        &mut self,
        address: SocketAddr,
        backlog: i32,
        flags: ListenFlags,
    ) -> Result<LinuxSocket, (Call, Errno)> {
        let socket = stream_socket(address).map_err(|errno| (Call::Socket, errno))?;
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
        socket::bind(socket.raw(), &SockaddrStorage::from(address))
            .map_err(|errno| (Call::Bind, Errno::from_nix(errno)))?;
        // Not nix's: it refuses what the kernel would cut to net.core.somaxconn.
        descriptor::socket::listen(socket.0.as_fd(), backlog)
            .map_err(|errno| (Call::Listen, errno))?;
        Ok(socket)
    }

    fn accept(&mut self, listener: &LinuxSocket) -> Result<(LinuxSocket, SocketAddr), Errno> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: `storage` is a writable block of `length` bytes, and both outlive the call.
        let fd = unsafe {
            libc::accept4(
                listener.raw(),
                storage.as_mut_ptr().cast(),
                &raw mut length,
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        };
        let fd = Errno::result(fd)?;
        // SAFETY: accept4 just returned this descriptor, so nobody else owns it.
        let socket = LinuxSocket(unsafe { OwnedFd::from_raw_fd(fd) });
        // SAFETY: the block was zeroed, and every bit pattern is a valid sockaddr_storage.
        let storage = unsafe { storage.assume_init() };
        Ok((socket, peer_address(&storage)))
    }

    fn connect(&mut self, address: SocketAddr, no_delay: bool) -> Result<LinuxSocket, Errno> {
        let socket = stream_socket(address)?;
        if no_delay {
            socket::setsockopt(&socket.0, sockopt::TcpNoDelay, &true).map_err(Errno::from_nix)?;
        }
        match socket::connect(socket.raw(), &SockaddrStorage::from(address))
            .map_err(Errno::from_nix)
        {
            // EINTR: the kernel goes on connecting; calling again would answer EALREADY (connect(2)).
            Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(socket),
            Err(errno) => Err(errno),
        }
    }

    fn connected(&mut self, socket: &LinuxSocket) -> Result<SocketAddr, Errno> {
        if let Some(errno) = socket_error(socket) {
            return Err(errno);
        }
        let peer =
            match socket::getpeername::<SockaddrStorage>(socket.raw()).map_err(Errno::from_nix) {
                Ok(peer) => peer,
                Err(Errno::ENOTCONN) => return Err(without_peer(socket)),
                Err(errno) => return Err(errno),
            };
        let own = socket::getsockname::<SockaddrStorage>(socket.raw()).map_err(Errno::from_nix)?;
        if own == peer {
            return Err(Errno::ECONNREFUSED);
        }
        address_of(&peer)
    }

    #[inline]
    fn receive(&mut self, socket: &LinuxSocket, space: Space<'_>) -> Result<usize, Errno> {
        debug_assert!(
            !space.is_empty(),
            "a receive into nothing answers 0, which reads as the end"
        );
        // SAFETY: `space` is writable memory of that length, as it promises; no address is asked for.
        let result = unsafe {
            libc::syscall(
                libc::SYS_recvfrom,
                socket.raw(),
                space.start,
                space.length,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut::<libc::sockaddr>(),
                std::ptr::null_mut::<libc::socklen_t>(),
            )
        };
        length_of(result)
    }

    fn has_input(&mut self, socket: &LinuxSocket) -> Result<bool, Errno> {
        match socket::recv(
            socket.raw(),
            &mut [0],
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK,
        )
        .map_err(Errno::from_nix)
        {
            Ok(length) => Ok(length > 0),
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    #[inline]
    fn send(&mut self, socket: &LinuxSocket, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: `bytes` is readable memory of that length and outlives the call; no address is given.
        let result = unsafe {
            libc::syscall(
                libc::SYS_sendto,
                socket.raw(),
                bytes.as_ptr(),
                bytes.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                std::ptr::null::<libc::sockaddr>(),
                0,
            )
        };
        length_of(result)
    }

    fn send_vectored(
        &mut self,
        socket: &LinuxSocket,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Errno> {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        socket::sendmsg::<()>(socket.raw(), buffers, &[], flags, None).map_err(Errno::from_nix)
    }

    fn shutdown(&mut self, socket: &LinuxSocket) -> Result<(), Errno> {
        socket::shutdown(socket.raw(), Shutdown::Write).map_err(Errno::from_nix)
    }

    fn take_error(&mut self, socket: &LinuxSocket) -> Option<Errno> {
        socket_error(socket)
    }

    fn local_address(&self, socket: &LinuxSocket) -> Result<SocketAddr, Errno> {
        let address = socket::getsockname(socket.raw()).map_err(Errno::from_nix)?;
        address_of(&address)
    }
}

/// The result of a raw call that gives a length. recv(3) and send(3) would do, but in a process with more than one
/// thread, as every host of JavaScript is, glibc makes each a cancellation point at a twentieth of a message's cost.
#[inline]
fn length_of(result: libc::c_long) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

/// Resets the connection at once: for TCP, to connect to no address is to disconnect (connect(2)).
fn disconnect(socket: &LinuxSocket) -> Result<(), Errno> {
    let nowhere = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        sa_data: [0; 14],
    };
    // SAFETY: the address is readable memory of that length and outlives the call.
    let result = unsafe {
        libc::connect(
            socket.raw(),
            &raw const nowhere,
            size_of::<libc::sockaddr>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

/// Why a socket whose SO_ERROR was clear has no peer. poll(2) reports nothing before a connect has ended, and a socket is
/// registered after its connect has begun: so an event is still to come only if poll(2) reports nothing now.
fn without_peer(socket: &LinuxSocket) -> Errno {
    match poll(&mut [poll_entry(socket.raw(), libc::POLLOUT)], false) {
        Ok(0) => Errno::EINPROGRESS,
        // The connect ended between the two calls, or the socket has no peer.
        Ok(_) => socket_error(socket).unwrap_or(Errno::ENOTCONN),
        Err(errno) => errno,
    }
}

/// The socket's pending error, which this call clears, or the error of the call itself.
fn socket_error(socket: &LinuxSocket) -> Option<Errno> {
    match socket::getsockopt(&socket.0, sockopt::SocketError) {
        Ok(0) => None,
        Ok(number) => Some(Errno::from_raw_os_error(number)),
        Err(errno) => Some(Errno::from_nix(errno)),
    }
}

fn stream_socket(address: SocketAddr) -> Result<LinuxSocket, Errno> {
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

fn address_of(storage: &SockaddrStorage) -> Result<SocketAddr, Errno> {
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

/// The address that accept4 wrote. getpeername would fail for a client that has reset already.
fn peer_address(storage: &libc::sockaddr_storage) -> SocketAddr {
    let block = std::ptr::from_ref(storage);
    match i32::from(storage.ss_family) {
        libc::AF_INET6 => {
            // SAFETY: for AF_INET6 the kernel wrote a sockaddr_in6, which is smaller than the block and not stricter aligned.
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
            // SAFETY: for AF_INET the kernel wrote a sockaddr_in, which is smaller than the block and not stricter aligned.
            let address = unsafe { *block.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
            SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(address.sin_port)))
        }
        _ => SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
    }
}

fn ready_of(event: &mio::event::Event) -> Ready {
    let mut ready = Ready::empty();
    if event.is_readable() {
        ready.insert(Ready::READABLE);
    }
    if event.is_writable() {
        ready.insert(Ready::WRITABLE);
    }
    if event.is_priority() {
        ready.insert(Ready::PRIORITY | Ready::READABLE);
    }
    if event.is_read_closed() {
        ready.insert(Ready::READ_CLOSED | Ready::READABLE);
    }
    // mio calls EPOLLHUP, and EPOLLERR without a reader, «write closed».
    if event.is_write_closed() {
        ready.insert(Ready::HANGUP | Ready::READABLE | Ready::WRITABLE);
    }
    if event.is_error() {
        ready.insert(Ready::ERROR | Ready::READABLE | Ready::WRITABLE);
    }
    ready
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "lib.rs refuses targets whose usize has not 64 bits"
)]
fn mio_token(token: Token) -> mio::Token {
    mio::Token(token.to_bits() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    const TOKEN: Token = Token {
        index: 0,
        generation: 0,
    };

    fn loopback() -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
    }

    /// A socket of the kernel's, and the other end.
    fn pair(kernel: &mut LinuxKernel) -> (LinuxSocket, TcpStream) {
        let listener = kernel
            .listen(
                loopback(),
                1,
                ListenFlags {
                    no_delay: true,
                    reuse_port: false,
                    ipv6_only: false,
                },
            )
            .expect("a port of its own");
        let address = kernel.local_address(&listener).expect("it is bound");
        let peer = TcpStream::connect(address).expect("somebody listens");
        let (socket, _) = kernel.accept(&listener).expect("somebody connected");
        (socket, peer)
    }

    /// Two sockets that connect to each other at the same time need no listener (simultaneous open, RFC 9293, 3.5). One socket
    /// that connects to its own address does the same with itself.
    #[test]
    fn socket_that_met_itself_is_refused() {
        let mut kernel = LinuxKernel::new(1).expect("descriptors");
        let socket = stream_socket(loopback()).expect("a socket");
        socket::bind(socket.raw(), &SockaddrStorage::from(loopback())).expect("a port");
        let own = kernel.local_address(&socket).expect("it is bound");
        // Both ends are on this machine, so the connect has ended when the call returns.
        let _ = socket::connect(socket.raw(), &SockaddrStorage::from(own));
        let peer = socket::getpeername::<SockaddrStorage>(socket.raw()).expect("it is connected");
        assert_eq!(address_of(&peer), Ok(own));
        assert_eq!(kernel.connected(&socket), Err(Errno::ECONNREFUSED));
    }

    #[test]
    fn socket_without_a_peer_is_connecting_or_has_none() {
        let mut kernel = LinuxKernel::new(1).expect("descriptors");
        // Its backlog has room for one, so the next but one gets no answer.
        let listener = TcpListener::bind(loopback()).expect("a port");
        descriptor::socket::listen(listener.as_fd(), 0).expect("a backlog of one");
        let address = listener.local_addr().expect("it is bound");
        let _first = TcpStream::connect(address).expect("it waits in the backlog");
        let waiting = kernel.connect(address, false).expect("it begins");
        assert_eq!(kernel.connected(&waiting), Err(Errno::EINPROGRESS));
        let never = stream_socket(address).expect("a socket");
        assert_eq!(kernel.connected(&never), Err(Errno::ENOTCONN));
    }

    /// A registration belongs to the open file, which another number may keep alive (epoll(7)).
    #[test]
    fn closed_socket_is_not_reported_though_a_duplicate_lives() {
        let mut kernel = LinuxKernel::new(8).expect("descriptors");
        let (socket, mut peer) = pair(&mut kernel);
        kernel
            .register(&socket, TOKEN, Interest::Stream)
            .expect("it is new");
        let duplicate = socket.0.try_clone().expect("a descriptor");
        kernel.close(socket);
        peer.write_all(b"late")
            .expect("the duplicate holds it open");
        let mut entry = [poll_entry(duplicate.as_raw_fd(), libc::POLLIN)];
        assert_eq!(poll(&mut entry, true), Ok(1), "the bytes are there");
        let mut told = Vec::new();
        kernel
            .wait(Some(Duration::ZERO), &mut |token, _| told.push(token))
            .expect("a wait");
        assert_eq!(told, []);
    }

    fn end_of(mut peer: TcpStream) -> std::io::Result<usize> {
        peer.read(&mut [0; 10])
    }

    #[test]
    fn close_is_an_end_or_a_reset() {
        let mut kernel = LinuxKernel::new(1).expect("descriptors");
        let (socket, peer) = pair(&mut kernel);
        kernel.close(socket);
        assert_eq!(end_of(peer).expect("a clean end"), 0);

        let (socket, peer) = pair(&mut kernel);
        kernel.reset_on_close(&socket).expect("SO_LINGER");
        kernel.close(socket);
        let error = end_of(peer).expect_err("a reset");
        assert_eq!(Errno::from_io(&error), Errno::ECONNRESET);
    }

    #[test]
    fn disconnecting_resets_as_well() {
        let mut kernel = LinuxKernel::new(1).expect("descriptors");
        let (socket, peer) = pair(&mut kernel);
        disconnect(&socket).expect("to no address");
        let error = end_of(peer).expect_err("a reset");
        assert_eq!(Errno::from_io(&error), Errno::ECONNRESET);
        kernel.close(socket);
    }
}
