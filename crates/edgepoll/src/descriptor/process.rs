//! pidfd: a process as a descriptor that becomes readable when the process ends. The parent still has to reap its child.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::kernel::descriptor::process;
use crate::Errno;

/// Opens a process by its number (pidfd_open(2)).
///
/// # Errors
/// ESRCH when there is no such process, EINVAL for a thread, EMFILE, ENFILE, ENOSYS.
pub fn pidfd(pid: i32) -> Result<OwnedFd, Errno> {
    process::open(pid)
}

/// Sends a signal to the process (pidfd_send_signal(2)). A later process with the same number does not get it.
///
/// # Errors
/// ESRCH when the process has ended, EPERM, EINVAL, EBADF.
pub fn signal_process(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    process::send_signal(fd, signal)
}
