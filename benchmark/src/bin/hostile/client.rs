//! One hostile client: its connection, and the steps of its script.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{getsockopt, recv, send, setsockopt, shutdown, sockopt, MsgFlags, Shutdown};

use crate::counters::Counters;
use crate::kind::{Ends, Kind, Reads, Script, Sends};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits until it connects again.
    Apart,
    Connecting,
    Open,
}

/// What becomes of the connection after a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Keep,
    /// It has more to send or to read at once.
    More,
    /// Closes and connects again after the script's pause.
    Again,
}

pub(crate) struct Client {
    pub(crate) kind: Kind,
    pub(crate) script: Script,
    pub(crate) source: Ipv4Addr,
    pub(crate) state: State,
    pub(crate) socket: Option<OwnedFd>,
    /// Counts the client's connections. A timer or an event with an earlier number is stale.
    pub(crate) generation: u32,
    /// It is in the queue of those that have more to do.
    pub(crate) queued: bool,
    /// Where the next flood begins in its bytes: a line stays whole over short sends.
    offset: usize,
}

/// How many receives of one client follow each other.
const RECEIVES: u32 = 4;

impl Client {
    pub(crate) fn new(kind: Kind, source: Ipv4Addr) -> Self {
        Self {
            kind,
            script: kind.script(),
            source,
            state: State::Apart,
            socket: None,
            generation: 0,
            queued: false,
            offset: 0,
        }
    }

    pub(crate) fn interest(&self) -> EpollFlags {
        let reading = if self.script.reads == Reads::All {
            EpollFlags::EPOLLIN
        } else {
            EpollFlags::empty()
        };
        EpollFlags::EPOLLET
            .union(EpollFlags::EPOLLOUT)
            .union(EpollFlags::EPOLLRDHUP)
            .union(reading)
    }

    pub(crate) fn on_event(
        &mut self,
        flags: EpollFlags,
        buffer: &mut [u8],
        counters: &mut Counters,
    ) -> nix::Result<Next> {
        if self.state == State::Connecting {
            if !flags.intersects(
                EpollFlags::EPOLLOUT
                    .union(EpollFlags::EPOLLERR)
                    .union(EpollFlags::EPOLLHUP),
            ) {
                return Ok(Next::Keep);
            }
            let Some(socket) = &self.socket else {
                return Ok(Next::Keep);
            };
            if getsockopt(socket, sockopt::SocketError)? != 0 {
                counters.failed += 1;
                return Ok(Next::Again);
            }
            self.state = State::Open;
            self.offset = 0;
            counters.opened += 1;
            if self.opened(counters)? == Next::Again {
                return Ok(Next::Again);
            }
        }
        self.step(flags.intersects(EpollFlags::EPOLLRDHUP), buffer, counters)
    }

    /// The first thing that it does with an open connection.
    fn opened(&mut self, counters: &mut Counters) -> nix::Result<Next> {
        self.beat(counters)?;
        let Some(socket) = &self.socket else {
            return Ok(Next::Keep);
        };
        match self.script.ends {
            Ends::Never => Ok(Next::Keep),
            Ends::Close => Ok(Next::Again),
            Ends::Reset => {
                let at_once = nix::libc::linger {
                    l_onoff: 1,
                    l_linger: 0,
                };
                setsockopt(socket, sockopt::Linger, &at_once)?;
                Ok(Next::Again)
            }
            Ends::Fin => match shutdown(socket.as_raw_fd(), Shutdown::Write) {
                Ok(()) => Ok(Next::Keep),
                // The server was first.
                Err(_) => Ok(Next::Again),
            },
        }
    }

    /// Sends and reads what the script has for each beat.
    pub(crate) fn beat(&mut self, counters: &mut Counters) -> nix::Result<Next> {
        let Some(socket) = &self.socket else {
            return Ok(Next::Keep);
        };
        let descriptor = socket.as_raw_fd();
        let sent = match self.script.sends {
            Sends::Beat(bytes) => send(descriptor, bytes, MsgFlags::MSG_NOSIGNAL),
            Sends::Urgent(line) => {
                send(descriptor, line, MsgFlags::MSG_NOSIGNAL).and_then(|count| {
                    let flags = MsgFlags::MSG_NOSIGNAL.union(MsgFlags::MSG_OOB);
                    send(descriptor, b"!", flags).map(|urgent| count + urgent)
                })
            }
            Sends::Nothing | Sends::Flood(_) => Ok(0),
        };
        match sent {
            Ok(count) => counters.sent += count as u64,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => {
                counters.was_reset += 1;
                return Ok(Next::Again);
            }
        }
        if self.script.reads == Reads::Sips {
            let mut byte = [0];
            return Ok(count_receive(recv(descriptor, &mut byte, MsgFlags::empty()), counters).0);
        }
        Ok(Next::Keep)
    }

    /// Reads and floods, as far as the script does.
    pub(crate) fn step(
        &mut self,
        ended: bool,
        buffer: &mut [u8],
        counters: &mut Counters,
    ) -> nix::Result<Next> {
        let Some(socket) = &self.socket else {
            return Ok(Next::Keep);
        };
        let descriptor = socket.as_raw_fd();
        let mut next = Next::Keep;
        if self.script.reads == Reads::All {
            next = Next::More;
            for _ in 0..RECEIVES {
                let received = recv(descriptor, buffer, MsgFlags::empty());
                let (after, length) = count_receive(received, counters);
                if after == Next::Again {
                    return Ok(Next::Again);
                }
                if length == 0 || (length < buffer.len() && !ended) {
                    next = Next::Keep;
                    break;
                }
            }
        } else if ended {
            counters.ended += 1;
            return Ok(Next::Again);
        }
        if let Sends::Flood(bytes) = self.script.sends {
            match send(descriptor, &bytes[self.offset..], MsgFlags::MSG_NOSIGNAL) {
                Ok(count) => {
                    counters.sent += count as u64;
                    self.offset = (self.offset + count) % bytes.len();
                    next = Next::More;
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(_) => {
                    counters.was_reset += 1;
                    return Ok(Next::Again);
                }
            }
        }
        Ok(next)
    }
}

/// The length is 0 when nothing is there.
fn count_receive(received: nix::Result<usize>, counters: &mut Counters) -> (Next, usize) {
    match received {
        Ok(0) => {
            counters.ended += 1;
            (Next::Again, 0)
        }
        Ok(length) => {
            counters.received += length as u64;
            (Next::Keep, length)
        }
        Err(Errno::EAGAIN | Errno::EINTR) => (Next::Keep, 0),
        Err(_) => {
            counters.was_reset += 1;
            (Next::Again, 0)
        }
    }
}
