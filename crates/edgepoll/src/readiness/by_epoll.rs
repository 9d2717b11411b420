//! The engine on epoll(7).
//!
//! It must never take the kernel's word for who is meant: events carry tokens, and the poller compares them.
//! Called by `poller.rs`.

use std::os::fd::{AsFd, BorrowedFd, RawFd};

use super::bits;
use super::engine::{Engine, Readiness, Refusal, Retired};
use crate::kernel::epoll::{Epoll, EpollEvent, Operation};
use crate::{Errno, Token};

/// What the kernel may be asked for.
const INTEREST: u32 = bits::READABLE
    | bits::PRIORITY
    | bits::WRITABLE
    | bits::READ_HANGUP
    | bits::EDGE
    | bits::ONESHOT
    | bits::EXCLUSIVE
    | bits::WAKEUP;

pub(super) struct ByEpoll {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl ByEpoll {
    pub(super) fn new(max_events: usize) -> Result<ByEpoll, Errno> {
        Ok(ByEpoll {
            epoll: Epoll::new()?,
            events: vec![EpollEvent { events: 0, u64: 0 }; max_events],
        })
    }
}

impl Engine for ByEpoll {
    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let interest = interest & INTEREST;
        Ok(self
            .epoll
            .control_number(Operation::Add, fd, interest, token.to_bits())?)
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let interest = interest & INTEREST;
        Ok(self
            .epoll
            .control_number(Operation::Modify, fd, interest, token.to_bits())?)
    }

    fn remove(&mut self, fd: RawFd) -> Result<(), Errno> {
        self.epoll.control_number(Operation::Delete, fd, 0, 0)
    }

    // The kernel forgot it when it was closed; what it did not forget nobody can remove by this number.
    fn forget(&mut self, _fd: RawFd) {}

    fn holds(&self, fd: RawFd) -> bool {
        self.epoll.holds(fd)
    }

    fn look(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let room = found.len().min(self.events.len());
        let count = match self.epoll.look(&mut self.events[..room]) {
            // A signal that comes just then is no news.
            Err(Errno::EINTR) => 0,
            result => result?,
        };
        for (found, event) in found.iter_mut().zip(&self.events[..count]) {
            *found = Readiness {
                token: Token::from_bits(event.u64),
                mask: event.events,
            };
        }
        Ok(count)
    }

    /// An epoll descriptor announces by itself.
    fn arm(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn announcer(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    fn renew(
        &mut self,
        live: &mut dyn Iterator<Item = (RawFd, u32, Token)>,
    ) -> Result<Option<Retired>, Errno> {
        let fresh = Epoll::new()?;
        for (fd, interest, token) in live {
            // It was closed, which the next check finds and tells: the number alone may be another file's by now.
            if !self.holds(fd) {
                continue;
            }
            let added =
                fresh.control_number(Operation::Add, fd, interest & INTEREST, token.to_bits());
            match added {
                // The same, between the two calls.
                Ok(()) | Err(Errno::EBADF | Errno::EPERM) => {}
                // ENOMEM or ENOSPC: who is left out now would be told of nothing any more.
                Err(errno) => return Err(errno),
            }
        }
        let epoll = std::mem::replace(&mut self.epoll, fresh);
        Ok(Some(Retired { epoll }))
    }

    fn restore(&mut self, old: Retired) {
        self.epoll = old.epoll;
    }
}
