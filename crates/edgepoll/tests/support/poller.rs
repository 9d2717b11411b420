//! What the tests of the poller share: the engines, a pipe, and registration by number.
#![allow(unsafe_code, reason = "Poller::register is an unsafe function")]

use std::os::fd::{OwnedFd, RawFd};

use edgepoll::readiness::{EngineKind, Poller, Refusal};
use edgepoll::Token;
use nix::fcntl::OFlag;

pub(crate) const KINDS: [EngineKind; 3] = [EngineKind::Epoll, EngineKind::Poll, EngineKind::Select];

/// Both ends of a non-blocking pipe.
pub(crate) fn pipe() -> (OwnedFd, OwnedFd) {
    nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap()
}

pub(crate) trait Watch {
    /// As [`Poller::register`].
    fn watch(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal>;
}

impl Watch for Poller {
    fn watch(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal> {
        // SAFETY: the test owns the numbers. If it closes one while it is watched, it checks what the poller does then.
        unsafe { self.register(fd, interest) }
    }
}
