//! Watching by number, as the tests do it.
#![allow(unsafe_code, reason = "Poller::register takes a number")]

use std::os::fd::RawFd;

use edgepoll::kernel::Token;
use edgepoll::readiness::{Poller, Refusal};

pub(crate) trait Watch {
    /// As [`Poller::register`].
    fn watch(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal>;
}

impl Watch for Poller {
    fn watch(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal> {
        // SAFETY: the numbers are the test's own. What it closes while it is watched it closes to see what the poller does.
        unsafe { self.register(fd, interest) }
    }
}
