//! pidfd(2): a process as a descriptor that becomes readable when the process ends.
//!
//! It must never reap: the end is its parent's to take. Called by the glue.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::kernel::descriptor as raw;
use crate::Errno;

/// A process by its number.
///
/// # Errors
/// ESRCH when there is none, EINVAL for a thread, EMFILE, ENFILE, ENOSYS.
pub fn pidfd(pid: i32) -> Result<OwnedFd, Errno> {
    raw::open_process(pid)
}

/// Sends a signal to that process and to no other that has got its number since.
///
/// # Errors
/// ESRCH when it has ended, EPERM, EINVAL, EBADF.
pub fn signal_process(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    raw::signal_process(fd, signal)
}
