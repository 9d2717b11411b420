//! What a poller needs of the kernel: the seam behind which epoll, poll and select look alike.
//!
//! An engine must never know what a registration is for; it knows numbers, bits and tokens. Used by
//! `poller.rs`, implemented by the three engines and by the scripted one of the tests.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::bits;
use crate::kernel::epoll::Epoll;
use crate::{Errno, Token};

/// One event: who, and the kernel's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The registration.
    pub token: Token,
    /// Any of [`bits`]; [`bits::CLOSED`] alone when the descriptor was closed under the poller.
    pub mask: u32,
}

/// Which engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineKind {
    /// epoll(7): every trigger, a cost that depends on what is ready alone.
    #[default]
    Epoll,
    /// poll(2): level and oneshot; takes regular files; a cost that grows with what is watched.
    Poll,
    /// select(2): as poll, for descriptors below 1,024.
    Select,
}

/// Why a descriptor cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The kernel says so; see epoll_ctl(2).
    Kernel(Errno),
    /// The number does not fit into select's sets.
    SetSize,
    /// The engine has no such trigger: poll and select know no edges and nothing exclusive.
    Trigger,
    /// The descriptor was closed under the poller, which the next look tells.
    Closed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Kernel(errno) => write!(f, "the kernel refuses: {}", errno.description()),
            Refusal::SetSize => write!(f, "select(2) takes descriptors below 1,024 alone"),
            Refusal::Trigger => write!(f, "this engine has no edge trigger and nothing exclusive"),
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

/// The triggers that only epoll has.
pub(super) const EPOLL_ONLY: u32 = bits::EDGE | bits::EXCLUSIVE | bits::WAKEUP;

/// A way to ask the kernel about many descriptors at once. One registration per number.
pub trait Engine {
    /// Watches `fd`.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal>;

    /// Checks whether this engine allows such a registration, for a file that the relay watches instead.
    ///
    /// # Errors
    /// A [`Refusal`] that is not the kernel's.
    fn admits(&self, fd: RawFd, interest: u32) -> Result<(), Refusal> {
        let _ = (fd, interest);
        Ok(())
    }

    /// Changes what is watched for, and arms a oneshot registration again.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing changed then.
    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal>;

    /// Watches `fd` no longer, and holds nothing of it: an engine that was armed may not be any more.
    ///
    /// # Errors
    /// ENOENT or EBADF when the descriptor was closed before.
    fn remove(&mut self, fd: RawFd) -> Result<(), Errno>;

    /// Forgets `fd` without a word to the kernel: it was closed, and the number may be somebody else's.
    fn forget(&mut self, fd: RawFd);

    /// Whether the number still stands for the file that was added. An answer that cannot be had is a yes.
    fn holds(&self, fd: RawFd) -> bool;

    /// Writes what is ready now into `found`, without waiting, and gives how many.
    ///
    /// # Errors
    /// Whatever the kernel gives, except EINTR.
    fn look(&mut self, found: &mut [Readiness]) -> Result<usize, Errno>;

    /// Somebody waits: from here on [`Engine::announcer`] becomes readable when something may be ready.
    ///
    /// # Errors
    /// What starting a thread gives, for the engines that need one.
    fn arm(&mut self) -> Result<(), Errno>;

    /// Nobody waits any more: nothing is held of what is watched until the next [`Engine::arm`].
    fn disarm(&mut self) {}

    /// The descriptor that announces.
    fn announcer(&self) -> BorrowedFd<'_>;

    /// All that it has opened for itself.
    fn descriptors(&self) -> Vec<RawFd> {
        vec![self.announcer().as_raw_fd()]
    }

    /// Takes a fresh place in the kernel and leaves what is registered in the old one behind, except `live`;
    /// gives what is to be closed once nobody waits on the old announcer any more. For engines whose kernel
    /// side can hold what nobody can remove; `None` elsewhere.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM, ENOSPC; the old place is kept then.
    fn renew(
        &mut self,
        live: &mut dyn Iterator<Item = (RawFd, u32, Token)>,
    ) -> Result<Option<Retired>, Errno> {
        let _ = live;
        Ok(None)
    }

    /// Goes back to the place that the last [`Engine::renew`] left behind.
    fn restore(&mut self, old: Retired) {
        drop(old);
    }
}

/// The old place of a renewed engine, open until dropped.
#[derive(Debug)]
pub struct Retired {
    pub(super) epoll: Epoll,
}
