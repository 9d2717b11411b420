//! Watching by number, as the tests do it.
#![allow(unsafe_code, reason = "Poller::register takes a number")]

use std::os::fd::RawFd;

use edgepoll::readiness::{Poller, Refusal};
use edgepoll::Token;

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
