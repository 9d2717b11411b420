//! inotify calls.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// Watches a path (inotify_add_watch(2)) and returns the number of the watch.
///
/// # Errors
/// EACCES, EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR.
pub(crate) fn add_watch(fd: BorrowedFd<'_>, path: &CStr, mask: u32) -> Result<i32, Errno> {
    // SAFETY: the path ends with NUL and outlives the call.
    Errno::result(unsafe { libc::inotify_add_watch(fd.as_raw_fd(), path.as_ptr(), mask) })
}

/// Ends a watch (inotify_rm_watch(2)).
///
/// # Errors
/// EBADF, EINVAL.
pub(crate) fn remove_watch(fd: BorrowedFd<'_>, watch: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::inotify_rm_watch(fd.as_raw_fd(), watch) }).map(drop)
}
