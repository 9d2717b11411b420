//! The kernel of the operating system: mio's `Poll` waits, and nix and libc make the calls on sockets.
//!
//! It keeps no state of a connection and repeats no call.

mod address;
mod socket;
#[cfg(test)]
mod tests;

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{clock_gettime, ClockId as Clock};

pub use socket::LinuxSocket;

use super::calls::{Buffers, ConnectFlags, Interest, Kernel, ListenFlags, MOST_EVENTS};
use super::descriptor::memory::Space;
use super::token_bits::TokenBits;
use crate::sealed::Sealed;
use crate::{Address, Call, Errno, Ready, Token};

/// How mio's token, a usize, holds a token.
const BITS: TokenBits = TokenBits::OF_USIZE;

/// The tokens of the kernel's own two descriptors. No slot has this index.
const WAKER: Token = Token {
    index: BITS.own_index(),
    generation: 0,
};
const ALARM: Token = Token {
    index: BITS.own_index(),
    generation: 1,
};

/// What a stream socket is always watched for: readability, the peer's end, and TCP's urgent mark.
const INPUT: mio::Interest = mio::Interest::READABLE.add(mio::Interest::PRIORITY);

/// The kernel of the operating system.
#[derive(Debug)]
pub struct LinuxKernel {
    poll: mio::Poll,
    events: mio::Events,
    waker: mio::Waker,
    alarm: TimerFd,
}

impl LinuxKernel {
    /// Opens the epoll descriptor, its waker and its alarm. One wait reports at most `events` events; 0 is taken for 1,
    /// because epoll_wait(2) refuses 0, and more than 65,536 for 65,536.
    ///
    /// # Errors
    /// The call that failed and its error number: EMFILE, ENFILE, ENOMEM; ENOSYS or EPERM in a sandbox that forbids the call.
    pub fn new(events: usize) -> Result<LinuxKernel, (Call, Errno)> {
        let failed = |call| move |error: std::io::Error| (call, Errno::from_io(&error));
        let poll = mio::Poll::new().map_err(failed(Call::OpenEpoll))?;
        let waker =
            mio::Waker::new(poll.registry(), mio_token(WAKER)).map_err(failed(Call::OpenEvent))?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let alarm = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)
            .map_err(|errno| (Call::OpenTimer, Errno::from_nix(errno)))?;
        let raw = alarm.as_fd().as_raw_fd();
        poll.registry()
            .register(
                &mut SourceFd(&raw),
                mio_token(ALARM),
                mio::Interest::READABLE,
            )
            .map_err(failed(Call::Register))?;
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

impl Sealed for LinuxKernel {}

impl Kernel for LinuxKernel {
    type Socket = LinuxSocket;

    #[inline]
    fn token_bits(&self) -> TokenBits {
        BITS
    }

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
            let token = BITS.unpack(event.token().0 as u64);
            if token.index != WAKER.index {
                each(token, ready_of(event));
            }
        }
        Ok(())
    }

    fn wake(&mut self) -> Result<(), Errno> {
        // A full counter is not an error: mio empties it.
        self.waker.wake().map_err(|error| Errno::from_io(&error))
    }

    fn set_alarm(&mut self, deadline: u64) -> Result<(), Errno> {
        // Zero would disarm the timer, so the earliest deadline is one nanosecond.
        let at = Duration::from_nanos(deadline.max(1));
        let at = Expiration::OneShot(at.into());
        let set = self.alarm.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME);
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
        // A socket whose registration failed gives ENOENT: there is nothing to remove then.
        let _ = self
            .poll
            .registry()
            .deregister(&mut SourceFd(&socket.raw()));
        drop(socket);
    }

    fn reset_on_close(&mut self, socket: &LinuxSocket) -> Result<(), Errno> {
        socket.reset_on_close()
    }

    fn listen(
        &mut self,
        address: &Address,
        backlog: i32,
        flags: ListenFlags,
    ) -> Result<LinuxSocket, (Call, Errno)> {
        LinuxSocket::listen(address, backlog, flags)
    }

    fn accept(&mut self, listener: &LinuxSocket) -> Result<(LinuxSocket, Address), Errno> {
        listener.accept()
    }

    fn connect(&mut self, address: &Address, flags: ConnectFlags) -> Result<LinuxSocket, Errno> {
        LinuxSocket::connect(address, flags)
    }

    fn buffers(&self, socket: &LinuxSocket) -> Result<Buffers, Errno> {
        socket.buffers()
    }

    fn connected(&mut self, socket: &LinuxSocket) -> Result<Address, Errno> {
        socket.connected()
    }

    #[inline]
    fn receive(&mut self, socket: &LinuxSocket, space: Space<'_>) -> Result<usize, Errno> {
        socket.receive(&space)
    }

    fn has_input(&mut self, socket: &LinuxSocket) -> Result<bool, Errno> {
        socket.has_input()
    }

    #[inline]
    fn send(&mut self, socket: &LinuxSocket, bytes: &[u8]) -> Result<usize, Errno> {
        socket.send(bytes)
    }

    fn send_vectored(
        &mut self,
        socket: &LinuxSocket,
        buffers: &[IoSlice<'_>],
    ) -> Result<usize, Errno> {
        socket.send_vectored(buffers)
    }

    fn shutdown(&mut self, socket: &LinuxSocket) -> Result<(), Errno> {
        socket.shutdown()
    }

    fn take_error(&mut self, socket: &LinuxSocket) -> Option<Errno> {
        socket.take_error()
    }

    fn local_address(&self, socket: &LinuxSocket) -> Result<Address, Errno> {
        socket.local_address()
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
    // mio's "write closed" is EPOLLHUP, or EPOLLERR without a reader.
    if event.is_write_closed() {
        ready.insert(Ready::HANGUP | Ready::READABLE | Ready::WRITABLE);
    }
    if event.is_error() {
        ready.insert(Ready::ERROR | Ready::READABLE | Ready::WRITABLE);
    }
    ready
}

/// The token as mio stores it.
fn mio_token(token: Token) -> mio::Token {
    // No bit is cut off: `BITS` is the form that fits.
    mio::Token(BITS.pack(token) as usize)
}
