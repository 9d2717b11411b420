//! The interface of the engines: epoll, poll and select.
//!
//! An engine handles descriptor numbers, bits and tokens. The poller interprets the tokens.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use crate::kernel::epoll::{self, Epoll};
use crate::{Errno, Token};

/// An event: a registration, and what its descriptor is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The registration.
    pub token: Token,
    /// Any of [`bits`](super::bits); [`bits::CLOSED`](super::bits::CLOSED) alone if the descriptor was closed while it was watched.
    pub mask: u32,
}

/// The system call that a poller uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// epoll(7): has every trigger, and its cost depends only on what is ready.
    #[default]
    Epoll,
    /// poll(2): level and oneshot triggers. Takes regular files. Its cost grows with the number of watched descriptors.
    Poll,
    /// select(2): as poll, for descriptors below 1,024.
    Select,
}

/// Why a descriptor cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The kernel refuses; see epoll_ctl(2).
    Kernel(Errno),
    /// The number does not fit into select's sets.
    SetSize,
    /// The engine has no such trigger: poll and select have no edge trigger and no exclusive wake-up.
    Trigger,
    /// The descriptor was closed while it was watched. The next wait reports that.
    Closed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Kernel(errno) => write!(f, "the kernel refuses: {}", errno.description()),
            Refusal::SetSize => write!(f, "select(2) takes only descriptors below 1,024"),
            Refusal::Trigger => write!(
                f,
                "this engine has no edge trigger and no exclusive wake-up"
            ),
            Refusal::Closed => write!(f, "the descriptor was closed while it was watched"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        Refusal::Kernel(errno)
    }
}

/// A set of descriptors to wait for, each registered once.
pub(super) trait Engine {
    /// Watches `fd`.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing has changed then.
    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal>;

    /// Checks whether this engine supports such a registration, for a file that the relay watches instead.
    ///
    /// # Errors
    /// A [`Refusal`] other than the kernel's.
    fn supports(&self, fd: RawFd, interest: u32) -> Result<(), Refusal> {
        let _ = (fd, interest);
        Ok(())
    }

    /// Changes the interest, and rearms a oneshot registration.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing has changed then.
    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal>;

    /// Ends the registration and keeps nothing of the file open. Another [`Engine::begin_wait`] may be needed.
    ///
    /// # Errors
    /// ENOENT or EBADF if the descriptor was closed before.
    fn remove(&mut self, fd: RawFd) -> Result<(), Errno>;

    /// Drops the registration of a descriptor that was closed, without a system call: the number may stand for another file.
    fn forget(&mut self, fd: RawFd);

    /// Whether the number still stands for the file that was added. Returns true if the kernel cannot tell.
    fn is_same_file(&self, fd: RawFd) -> bool;

    /// Whether poll(2) on the file consumes the event that it reports, so that the relay must watch it. Returns false if the kernel
    /// cannot tell.
    fn poll_consumes(&self, fd: RawFd) -> bool {
        epoll::poll_consumes(fd)
    }

    /// Writes the events that are ready now into `found`, without blocking, and returns their number.
    ///
    /// # Errors
    /// The kernel's errors, except EINTR.
    fn try_wait(&mut self, found: &mut [Readiness]) -> Result<usize, Errno>;

    /// Makes [`Engine::wait_fd`] readable as soon as an event may be ready.
    ///
    /// # Errors
    /// The errors of starting a thread, for an engine that needs one.
    fn begin_wait(&mut self) -> Result<(), Errno>;

    /// Ends the wait. Until the next [`Engine::begin_wait`] nothing of the watched files is kept open.
    fn end_wait(&mut self) {}

    /// The descriptor to wait on.
    fn wait_fd(&self) -> BorrowedFd<'_>;

    /// The descriptors that the engine has opened for itself.
    fn own_descriptors(&self) -> Vec<RawFd> {
        vec![self.wait_fd().as_raw_fd()]
    }

    /// Registers `live` in a new kernel object and abandons the old one with everything else in it. The caller closes the old one
    /// once nothing waits on the old [`Engine::wait_fd`]. This is for an engine whose kernel object can hold registrations that
    /// cannot be removed; other engines return `None`.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM, ENOSPC; the old object is kept then.
    fn renew(
        &mut self,
        live: &mut dyn Iterator<Item = (RawFd, u32, Token)>,
    ) -> Result<Option<Retired>, Errno> {
        let _ = live;
        Ok(None)
    }

    /// Goes back to the kernel object that the last [`Engine::renew`] abandoned.
    fn restore(&mut self, old: Retired) {
        drop(old);
    }
}

/// The old kernel object of a renewed engine, open until it is dropped.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) epoll: Epoll,
}
