//! The trait [`Kernel`]: every system call that the reactor makes.

use std::io::IoSlice;
use std::time::Duration;

use super::descriptor::memory::Space;
use super::token_bits::TokenBits;
use crate::sealed::Sealed;
use crate::{Address, Call, Errno, Ready, Token};

/// The most events that one wait reports, whatever was asked for. A larger batch would take its memory at once, and
/// epoll_wait(2) refuses a batch of more than 178,956,970 events.
pub(crate) const MOST_EVENTS: usize = 65_536;

/// What a socket is registered for. Registrations are always edge-triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A listening socket: readability only.
    Listener,
    /// A connected stream socket: readability and TCP's urgent mark. Writability follows with [`Kernel::watch_writable`],
    /// because nearly every socket is writable at all times, and would stay on epoll's ready list until a wait removes it.
    Stream,
    /// A stream socket that is connecting: writability as well, because the kernel reports the end of the connect by it.
    Connecting,
}

/// How much the kernel keeps for a connection at most, in bytes. 0 leaves the choice to the kernel.
///
/// Later versions add fields. Write `Buffers { send: 65_536, ..Buffers::default() }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// Received bytes (SO_RCVBUF). The kernel doubles the number for its own structures, and does not adapt it to the path any more. It
    /// cuts a number above net.core.rmem_max to that, without an error.
    pub receive: u32,
    /// Bytes to be sent, including those that are sent and not acknowledged (SO_SNDBUF). As `receive`, with net.core.wmem_max.
    pub send: u32,
    /// Bytes that are not sent yet (TCP_NOTSENT_LOWAT). The kernel goes on adapting the number of bytes that are sent and not
    /// acknowledged. One send may exceed it by what fits into one buffer of the kernel.
    pub unsent: u32,
}

/// The options of a socket that connects.
#[derive(Clone, Copy, Debug)]
pub struct ConnectFlags {
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// What the kernel keeps for the connection.
    pub buffers: Buffers,
}

/// The options of a listening socket.
#[derive(Clone, Copy, Debug)]
pub struct ListenFlags {
    /// TCP_NODELAY for every accepted connection.
    pub no_delay: bool,
    /// What the kernel keeps for each accepted connection.
    pub buffers: Buffers,
    /// SO_REUSEPORT: several listeners may share the address.
    pub reuse_port: bool,
    /// IPV6_V6ONLY for an IPv6 address.
    pub ipv6_only: bool,
}

/// The system calls that the reactor makes.
///
/// Errors are the kernel's error numbers. No call blocks, except [`Kernel::wait`] with a timeout above zero.
///
/// This trait is sealed: only this crate implements it.
pub trait Kernel: Sealed {
    /// An open descriptor with one owner. [`Kernel::close`] closes it, and so does dropping it.
    type Socket;

    /// How the kernel keeps the tokens of registrations. No slot may have the index [`TokenBits::own_index`] or a higher one.
    fn token_bits(&self) -> TokenBits;

    /// Waits for events and passes each to `each`, with those bits of the token that the kernel keeps. `None` waits without a
    /// limit.
    ///
    /// A timeout is rounded up to the kernel's granularity, never down (epoll_wait(2)).
    ///
    /// # Errors
    /// The errors of epoll_wait(2), except EINTR, after which no event is reported.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        each: &mut dyn FnMut(Token, Ready),
    ) -> Result<(), Errno>;

    /// Makes the next [`Kernel::wait`] return at once. The poll descriptor is readable until then.
    ///
    /// # Errors
    /// The errors of write(2): EBADF when the program closed a descriptor that it does not own.
    fn wake(&mut self) -> Result<(), Errno>;

    /// Sets the alarm, of which there is one: a wait returns at `deadline`, in nanoseconds of [`Kernel::now`]. It goes off once.
    ///
    /// # Errors
    /// The errors of timerfd_settime(2). The alarm is then unchanged.
    fn set_alarm(&mut self, deadline: u64) -> Result<(), Errno>;

    /// Nanoseconds of a clock that never jumps (CLOCK_MONOTONIC).
    fn now(&self) -> u64;

    /// Registers the socket, edge-triggered (EPOLL_CTL_ADD).
    ///
    /// # Errors
    /// The errors of epoll_ctl(2). Nothing is registered then.
    fn register(
        &mut self,
        socket: &Self::Socket,
        token: Token,
        interest: Interest,
    ) -> Result<(), Errno>;

    /// Watches a stream socket for writability as well (EPOLL_CTL_MOD). Reports also the room that there is already.
    ///
    /// # Errors
    /// The errors of epoll_ctl(2). Nothing has changed then.
    fn watch_writable(&mut self, socket: &Self::Socket, token: Token) -> Result<(), Errno>;

    /// Removes the registration and then closes the socket. The order matters: a duplicate of the descriptor elsewhere would
    /// keep the registration alive (epoll(7)).
    fn close(&mut self, socket: Self::Socket);

    /// Makes the close of this socket a reset: the peer receives RST instead of FIN, and what the kernel has not sent
    /// is discarded (SO_LINGER with a time of 0, socket(7)). This also holds when the end of the process closes the socket.
    ///
    /// # Errors
    /// The errors of setsockopt(2), if no other call can reset the connection either. The close then sends FIN.
    fn reset_on_close(&mut self, socket: &Self::Socket) -> Result<(), Errno>;

    /// Opens a listening TCP socket. Accepted connections inherit its TCP_NODELAY and its [`Buffers`].
    ///
    /// # Errors
    /// The failed call and its error number.
    fn listen(
        &mut self,
        address: &Address,
        backlog: i32,
        flags: ListenFlags,
    ) -> Result<Self::Socket, (Call, Errno)>;

    /// Takes one connection from the backlog.
    ///
    /// # Errors
    /// The errors of accept4(2); EAGAIN when the backlog is empty.
    fn accept(&mut self, listener: &Self::Socket) -> Result<(Self::Socket, Address), Errno>;

    /// Starts to connect. Writability reports the end of the connect, and [`Kernel::connected`] gives its outcome.
    ///
    /// # Errors
    /// The immediate errors of socket(2) and connect(2), except EINPROGRESS and EINTR.
    fn connect(&mut self, address: &Address, flags: ConnectFlags) -> Result<Self::Socket, Errno>;

    /// What the kernel keeps for a listener's connections, or for a connection, as it was set: it is less than what was asked for if
    /// the kernel has cut it.
    ///
    /// # Errors
    /// The errors of getsockopt(2).
    fn buffers(&self, socket: &Self::Socket) -> Result<Buffers, Errno>;

    /// Returns the outcome of a connect: the peer's address, or the error, which this call clears (SO_ERROR). The peer's address
    /// may differ from the one that was asked for: the unspecified address stands for this machine.
    ///
    /// # Errors
    /// - The connect's error.
    /// - EINPROGRESS while the connect has not ended. An event will report its end.
    /// - ENOTCONN when the connect has ended and there is no peer.
    /// - ECONNREFUSED for a socket that is connected to itself (a TCP simultaneous open on one port).
    fn connected(&mut self, socket: &Self::Socket) -> Result<Address, Errno>;

    /// Receives into `space`, which is never empty. 0 is the end of the stream. A byte that the peer sent as urgent is
    /// not part of the stream: a receive stops before it, and the next receive skips it (tcp(7)).
    ///
    /// # Errors
    /// The errors of recv(2).
    fn receive(&mut self, socket: &Self::Socket, space: Space<'_>) -> Result<usize, Errno>;

    /// True when there are bytes to receive. Takes none of them.
    ///
    /// # Errors
    /// The errors of recv(2), except EAGAIN.
    fn has_input(&mut self, socket: &Self::Socket) -> Result<bool, Errno>;

    /// Sends from `bytes`, which are never empty.
    ///
    /// # Errors
    /// The errors of send(2). SIGPIPE is never raised.
    fn send(&mut self, socket: &Self::Socket, bytes: &[u8]) -> Result<usize, Errno>;

    /// Sends from several buffers in one call.
    ///
    /// # Errors
    /// The errors of sendmsg(2). SIGPIPE is never raised.
    fn send_vectored(
        &mut self,
        socket: &Self::Socket,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Errno>;

    /// Sends FIN after everything that was sent before (SHUT_WR).
    ///
    /// # Errors
    /// The errors of shutdown(2).
    fn shutdown(&mut self, socket: &Self::Socket) -> Result<(), Errno>;

    /// Returns the socket's pending error and clears it (SO_ERROR). Later receives give the bytes that came before the error
    /// and then 0, as if the stream had ended: so only a caller that remembers the error may use this.
    fn take_error(&mut self, socket: &Self::Socket) -> Option<Errno>;

    /// The socket's local address.
    ///
    /// # Errors
    /// The errors of getsockname(2).
    fn local_address(&self, socket: &Self::Socket) -> Result<Address, Errno>;
}
