//! The engine on epoll(7).
//!
//! An event carries the token of its registration. The poller compares it with the live registrations.

use std::os::fd::{AsFd, BorrowedFd, RawFd};

use super::bits;
use super::engine::{Engine, Readiness, Refusal, Retired};
use crate::kernel::epoll::{Epoll, EpollEvent, Operation};
use crate::{Errno, Token};

/// The bits of an interest that epoll_ctl(2) takes.
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

    // The kernel dropped the registration when the file was closed. If the file lives on elsewhere, this number cannot remove it.
    fn forget(&mut self, _fd: RawFd) {}

    fn is_same_file(&self, fd: RawFd) -> bool {
        self.epoll.is_same_file(fd)
    }

    fn try_wait(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let room = found.len().min(self.events.len());
        let count = match self.epoll.try_wait(&mut self.events[..room]) {
            // The call does not block, so after a signal nothing is lost: the next call reports the events.
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

    // An epoll descriptor is readable by itself when an event is ready.
    fn begin_wait(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    fn wait_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    fn renew(
        &mut self,
        live: &mut dyn Iterator<Item = (RawFd, u32, Token)>,
    ) -> Result<Option<Retired>, Errno> {
        let fresh = Epoll::new()?;
        for (fd, interest, token) in live {
            // The descriptor was closed, and its number may stand for another file. The next check finds and reports that.
            if !self.is_same_file(fd) {
                continue;
            }
            let added =
                fresh.control_number(Operation::Add, fd, interest & INTEREST, token.to_bits());
            match added {
                // EBADF and EPERM: it was closed between the two calls.
                Ok(()) | Err(Errno::EBADF | Errno::EPERM) => {}
                // ENOMEM or ENOSPC: a registration that is left out would never report an event again.
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
