//! Descriptors to watch: made, owned by number, and used without waiting.
//!
//! It must never make a descriptor that blocks or that a child process would inherit, and never look at who is ready:
//! that is [`crate::readiness`]'s. Called by the glue, or by a Rust program that keeps descriptors by number.
//!
//! Everything here gives EAGAIN instead of waiting.

pub mod address;
mod event;
pub mod inotify;
pub mod message;
mod process;
pub mod registry;
pub mod signal;
pub mod socket;
mod timer;

use std::os::fd::{OwnedFd, RawFd};

use nix::fcntl::OFlag;

pub use event::{add_to_counter, eventfd, take_counter};
pub use process::{pidfd, signal_process};
pub use timer::{arm, disarm, remaining, timerfd, When};

use crate::kernel::descriptor as raw;
pub use crate::kernel::descriptor::broken_pipe;
pub use crate::kernel::descriptor::duplicate;
pub use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::Errno;

/// A pipe: the end to read from, the end to write to (pipe2(2)).
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
}

/// The most that is written at once to a descriptor that could wait: what every pipe with room takes whole (PIPE_BUF).
const MOST_GUARDED: usize = libc::PIPE_BUF;

/// Reads without waiting; 0 is the end. `guarded`: the descriptor's flags are somebody else's, so it is asked first.
///
/// # Errors
/// EAGAIN where it would wait, EINVAL for no space, whatever read(2) gives.
pub fn read(fd: RawFd, into: &Space<'_>, guarded: bool) -> Result<usize, Errno> {
    if into.is_empty() {
        // The kernel would answer 0, which reads as the end.
        return Err(Errno::EINVAL);
    }
    if guarded && raw::is_blocking(fd)? && !raw::is_ready(fd, libc::POLLIN)? {
        return Err(Errno::EAGAIN);
    }
    raw::read(fd, into)
}

/// Writes without waiting; gives how much of it. `guarded`: as for [`read`]; at most 4,096 bytes go out at once then.
///
/// # Errors
/// EAGAIN where it would wait, whatever write(2) gives.
pub fn write(fd: RawFd, from: &Source<'_>, guarded: bool) -> Result<usize, Errno> {
    if !guarded || !raw::is_blocking(fd)? {
        return raw::write(fd, from);
    }
    if !raw::is_ready(fd, libc::POLLOUT)? {
        return Err(Errno::EAGAIN);
    }
    raw::write(fd, &from.first(MOST_GUARDED))
}
