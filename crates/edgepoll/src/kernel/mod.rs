//! The seam between the rules and the operating system: one trait, every system call of the reactor
//! behind it.
//!
//! It must never decide anything: no retries, no policies, no buffers. The reactor is generic over
//! it, so the same rules run on Linux and on a simulated kernel that replays failures from a seed.

pub(crate) mod descriptor;
pub mod epoll;
mod errno;
mod linux;
pub(crate) mod poll;
pub(crate) mod select;
#[cfg(feature = "simulation")]
pub mod simulated;

use std::io::IoSlice;
use std::net::SocketAddr;
use std::time::Duration;

use crate::{Call, Errno, Ready, Token};

pub use descriptor::memory::Space;
pub use linux::{LinuxKernel, LinuxSocket};

/// The most events that one wait or look has room for, whatever was asked for: memory for more would be taken at once, and
/// epoll_wait(2) refuses room for more than 178,956,970.
pub(crate) const MOST_EVENTS: usize = 65_536;

/// What a socket is registered for. Always edge-triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// A listening socket: readable alone.
    Listener,
    /// A connected stream socket: readability and TCP's urgent mark, and writability only after [`Kernel::watch_writable`]. Nearly
    /// every socket is writable at all times, and each would stay on epoll's ready list until a wait removes it.
    Stream,
    /// A stream socket whose connect is under way: writability as well, because the kernel reports the end of the connect by it.
    Connecting,
}

/// Everything the reactor asks of an operating system.
///
/// Errors are the kernel's own numbers. No call blocks, except [`Kernel::wait`] when it is given time.
pub trait Kernel {
    /// An open descriptor with one owner. It is closed by [`Kernel::close`], or when it is dropped.
    type Socket;

    /// Waits for events and hands each to `each`; `None` waits without limit.
    ///
    /// A timeout is rounded up to the kernel's grain, never down (epoll_wait(2)).
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives, except EINTR, which is an empty result.
    fn wait(
        &mut self,
        timeout: Option<Duration>,
        each: &mut dyn FnMut(Token, Ready),
    ) -> Result<(), Errno>;

    /// Makes the next [`Kernel::wait`] return at once, and the poll descriptor readable until then.
    ///
    /// # Errors
    /// Whatever write(2) gives: EBADF when the program closed a descriptor that is not its own.
    fn wake(&mut self) -> Result<(), Errno>;

    /// Sets the one alarm: at `deadline` (nanoseconds of [`Kernel::now`]) a wait returns. `None` clears it.
    ///
    /// # Errors
    /// Whatever timerfd_settime(2) gives; the alarm is then what it was.
    fn set_alarm(&mut self, deadline: Option<u64>) -> Result<(), Errno>;

    /// Nanoseconds of a clock that never jumps (CLOCK_MONOTONIC).
    fn now(&self) -> u64;

    /// Adds the socket to the interest set, edge-triggered (EPOLL_CTL_ADD).
    ///
    /// # Errors
    /// Whatever epoll_ctl(2) gives; nothing is registered then.
    fn register(
        &mut self,
        socket: &Self::Socket,
        token: Token,
        interest: Interest,
    ) -> Result<(), Errno>;

    /// Watches a stream socket for room as well, from now on (EPOLL_CTL_MOD). Room that is there already is told.
    ///
    /// # Errors
    /// Whatever epoll_ctl(2) gives; nothing has changed then.
    fn watch_writable(&mut self, socket: &Self::Socket, token: Token) -> Result<(), Errno>;

    /// Takes the socket out of the interest set and closes it, in this order: a duplicate elsewhere
    /// would otherwise keep the registration alive (epoll(7)).
    fn close(&mut self, socket: Self::Socket);

    /// Makes the close of this socket a reset: the peer receives RST instead of FIN, and what the kernel has not sent
    /// is thrown away (SO_LINGER with a time of 0, socket(7)). It also holds when the end of the process closes it.
    ///
    /// # Errors
    /// Whatever setsockopt(2) gives, when no other call can reset the connection either. The close then sends FIN.
    fn reset_on_close(&mut self, socket: &Self::Socket) -> Result<(), Errno>;

    /// A listening TCP socket; TCP_NODELAY on it is inherited by what it accepts.
    ///
    /// # Errors
    /// The failed call and its error number.
    fn listen(
        &mut self,
        address: SocketAddr,
        backlog: i32,
        options: ListenFlags,
    ) -> Result<Self::Socket, (Call, Errno)>;

    /// Takes one connection from the backlog.
    ///
    /// # Errors
    /// Whatever accept4(2) gives; EAGAIN when the backlog is empty.
    fn accept(&mut self, listener: &Self::Socket) -> Result<(Self::Socket, SocketAddr), Errno>;

    /// Starts to connect. The outcome is told by writability and [`Kernel::connected`].
    ///
    /// # Errors
    /// Whatever socket(2) or connect(2) gives at once, except EINPROGRESS and EINTR.
    fn connect(&mut self, address: SocketAddr, no_delay: bool) -> Result<Self::Socket, Errno>;

    /// How a connect ended, read once: SO_ERROR, then who the peer is, which must not be ourselves. Its address is not
    /// always the one that was asked for: the unspecified one stands for this machine.
    ///
    /// # Errors
    /// The connect's error; EINPROGRESS when it has not ended yet, and then an event will report its end; ENOTCONN when it
    /// has ended and there is no peer; ECONNREFUSED for a socket that met itself (a TCP simultaneous open on one port).
    fn connected(&mut self, socket: &Self::Socket) -> Result<SocketAddr, Errno>;

    /// Receives into `space`, which is never empty; 0 is the end of the stream. The byte that the peer sent as urgent is
    /// not part of the stream: a receive stops before it, and the next one steps over it (tcp(7)).
    ///
    /// # Errors
    /// Whatever recv(2) gives.
    fn receive(&mut self, socket: &Self::Socket, space: Space<'_>) -> Result<usize, Errno>;

    /// Whether bytes wait to be received; takes none of them.
    ///
    /// # Errors
    /// Whatever recv(2) gives, EAGAIN excepted.
    fn has_input(&mut self, socket: &Self::Socket) -> Result<bool, Errno>;

    /// Sends from `bytes`, which are never empty.
    ///
    /// # Errors
    /// Whatever send(2) gives; SIGPIPE is never raised.
    fn send(&mut self, socket: &Self::Socket, bytes: &[u8]) -> Result<usize, Errno>;

    /// Sends from several buffers in one call.
    ///
    /// # Errors
    /// Whatever sendmsg(2) gives; SIGPIPE is never raised.
    fn send_vectored(
        &mut self,
        socket: &Self::Socket,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Errno>;

    /// Sends FIN after what was sent before (SHUT_WR).
    ///
    /// # Errors
    /// Whatever shutdown(2) gives.
    fn shutdown(&mut self, socket: &Self::Socket) -> Result<(), Errno>;

    /// The socket's pending error, which this call clears (SO_ERROR). A receive after it reads the bytes that came
    /// before the error, and then 0 as if the stream had ended: only for a caller that keeps the error.
    fn take_error(&mut self, socket: &Self::Socket) -> Option<Errno>;

    /// The socket's own address.
    ///
    /// # Errors
    /// Whatever getsockname(2) gives.
    fn local_address(&self, socket: &Self::Socket) -> Result<SocketAddr, Errno>;
}

/// What a listening socket is made with.
#[derive(Clone, Copy, Debug)]
pub struct ListenFlags {
    /// TCP_NODELAY for every accepted connection.
    pub no_delay: bool,
    /// SO_REUSEPORT: several listeners may share the address.
    pub reuse_port: bool,
    /// IPV6_V6ONLY for an IPv6 address.
    pub ipv6_only: bool,
}
