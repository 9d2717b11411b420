//! Readiness of descriptors that belong to somebody else, level- or edge-triggered, by epoll.
//!
//! It must never read, write, close or re-flag what it watches. Called by the glue, or by a Rust program
//! that nests its descriptor in another loop.

use std::os::fd::{AsRawFd, RawFd};

use crate::kernel::epoll::{Epoll, EpollEvent, Operation};
use crate::kernel::{Errno, Token};
use crate::reactor::Slots;

/// The readiness bits, with epoll's own values.
pub mod bits {
    /// Something can be received, or an end (EPOLLIN).
    pub const READABLE: u32 = libc::EPOLLIN as u32;
    /// Urgent data or an exceptional condition (EPOLLPRI).
    pub const PRIORITY: u32 = libc::EPOLLPRI as u32;
    /// Something can be sent (EPOLLOUT).
    pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
    /// An error; always reported (EPOLLERR).
    pub const ERROR: u32 = libc::EPOLLERR as u32;
    /// Both sides are gone; always reported (EPOLLHUP).
    pub const HANGUP: u32 = libc::EPOLLHUP as u32;
    /// The peer will send no more (EPOLLRDHUP).
    pub const READ_HANGUP: u32 = libc::EPOLLRDHUP as u32;
    /// Reported once per change instead of for as long as it lasts (EPOLLET).
    pub const EDGE: u32 = libc::EPOLLET as u32;
}

/// What may be asked for.
const INTEREST: u32 =
    bits::READABLE | bits::PRIORITY | bits::WRITABLE | bits::READ_HANGUP | bits::EDGE;

/// One event: who, and the kernel's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The registration.
    pub token: Token,
    /// Any of [`bits`].
    pub mask: u32,
}

/// A set of watched descriptors.
///
/// Its own descriptor ([`AsRawFd`]) is readable while an event waits. One registration per descriptor.
pub struct Poller {
    epoll: Epoll,
    registrations: Slots<RawFd>,
    events: Vec<EpollEvent>,
    stale: u64,
}

impl Poller {
    /// A poller whose looks give at most `max_events` events each; the rest come with the next look.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new(max_events: usize) -> Result<Poller, Errno> {
        let events = vec![EpollEvent { events: 0, u64: 0 }; max_events.max(1)];
        Ok(Poller {
            epoll: Epoll::new()?,
            registrations: Slots::new(),
            events,
            stale: 0,
        })
    }

    /// Watches `fd` for `interest`, any of [`bits`] except ERROR and HANGUP, which are always told.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): EPERM for a regular file, EEXIST for a descriptor that is watched already.
    pub fn register(&mut self, fd: RawFd, interest: u32) -> Result<Token, Errno> {
        let token = self.registrations.insert(fd).ok_or(Errno::ENOMEM)?;
        let added = self
            .epoll
            .control(Operation::Add, fd, interest & INTEREST, token.to_bits());
        if let Err(errno) = added {
            self.registrations.remove(token);
            return Err(errno);
        }
        Ok(token)
    }

    /// Changes what is watched for. The kernel looks anew: a condition that holds is reported again, edge or not.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); ENOENT when the registration is gone.
    pub fn modify(&mut self, token: Token, interest: u32) -> Result<(), Errno> {
        let fd = *self.registrations.get(token).ok_or(Errno::ENOENT)?;
        self.epoll
            .control(Operation::Modify, fd, interest & INTEREST, token.to_bits())
    }

    /// Watches no longer. The token is stale from here on, whatever the result.
    ///
    /// # Errors
    /// EBADF or ENOENT when the descriptor was closed before: the kernel has forgotten it already.
    pub fn unregister(&mut self, token: Token) -> Result<(), Errno> {
        let fd = self.registrations.remove(token).ok_or(Errno::ENOENT)?;
        self.epoll.control(Operation::Delete, fd, 0, 0)
    }

    /// Hands what is ready now to `each`, at most `room` events, without waiting; gives how many.
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives.
    pub fn look(&mut self, room: usize, mut each: impl FnMut(Readiness)) -> Result<usize, Errno> {
        let room = room.clamp(1, self.events.len());
        let count = self.epoll.look(&mut self.events[..room])?;
        let mut told = 0;
        for event in &self.events[..count] {
            let token = Token::from_bits(event.u64);
            if self.registrations.get(token).is_some() {
                each(Readiness {
                    token,
                    mask: event.events,
                });
                told += 1;
            } else {
                self.stale += 1;
            }
        }
        Ok(told)
    }

    /// Events whose registration was gone; they were dropped.
    #[must_use]
    pub fn stale(&self) -> u64 {
        self.stale
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd;

    fn masks(poller: &mut Poller) -> Vec<u32> {
        let mut found = Vec::new();
        poller
            .look(8, |event| found.push(event.mask))
            .expect("look");
        found
    }

    #[test]
    fn level_repeats_and_edge_does_not() {
        let (reader, writer) = unistd::pipe().expect("pipe");
        for (trigger, again) in [(0, vec![bits::READABLE]), (bits::EDGE, vec![])] {
            let mut poller = Poller::new(8).expect("poller");
            let token = poller
                .register(reader.as_raw_fd(), bits::READABLE | trigger)
                .expect("register");
            unistd::write(&writer, &[0; 2048]).expect("write");
            assert_eq!(masks(&mut poller), [bits::READABLE]);
            unistd::read(&reader, &mut [0; 1024]).expect("read");
            assert_eq!(masks(&mut poller), again);
            poller.unregister(token).expect("unregister");
            unistd::read(&reader, &mut [0; 1024]).expect("read");
            assert_eq!(masks(&mut poller), Vec::<u32>::new());
        }
    }

    #[test]
    fn failed_registration_leaves_nothing() {
        let mut poller = Poller::new(8).expect("poller");
        let file = std::fs::File::open("/proc/self/exe").expect("a file");
        assert_eq!(
            poller.register(file.as_raw_fd(), bits::READABLE),
            Err(Errno::EPERM)
        );
        let (reader, _writer) = unistd::pipe().expect("pipe");
        let token = poller
            .register(reader.as_raw_fd(), bits::READABLE)
            .expect("register");
        assert_eq!(
            poller.register(reader.as_raw_fd(), bits::READABLE),
            Err(Errno::EEXIST)
        );
        assert_eq!(poller.unregister(token), Ok(()));
        assert_eq!(poller.unregister(token), Err(Errno::ENOENT));
    }
}
