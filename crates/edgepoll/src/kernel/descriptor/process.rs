//! pidfd calls.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::call::owned;
use super::file::not_blocking;
use crate::Errno;

/// Opens a process as a descriptor, which is readable once the process has ended (pidfd_open(2)). It is non-blocking and, as
/// every pidfd, close-on-exec.
///
/// # Errors
/// EINVAL, EMFILE, ENFILE, ENOSYS, ESRCH.
pub(crate) fn open(pid: i32) -> Result<OwnedFd, Errno> {
    // PIDFD_NONBLOCK has the value of O_NONBLOCK.
    match open_with(pid, libc::O_NONBLOCK) {
        // Linux 5.3 to 5.9 have no flags. No other code has this descriptor yet, so setting O_NONBLOCK changes nothing for others.
        Err(Errno::EINVAL) => {
            let fd = open_with(pid, 0)?;
            not_blocking(&fd)?;
            Ok(fd)
        }
        result => result,
    }
}

fn open_with(pid: i32, flags: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no pointer.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    owned(libc::c_int::try_from(result).unwrap_or(-1))
}

/// Sends a signal to the process of the descriptor (pidfd_send_signal(2)). Signal 0 sends nothing and checks whether a signal
/// could be sent.
///
/// # Errors
/// EBADF, EINVAL, EPERM, ESRCH.
pub(crate) fn send_signal(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: no siginfo is given: the kernel writes its own.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, info, 0) };
    Errno::result(result).map(drop)
}
