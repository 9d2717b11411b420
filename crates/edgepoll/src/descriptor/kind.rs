//! The kind of a descriptor, from /proc (proc_pid_fd(5), proc_pid_fdinfo(5)).

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

/// The target of the descriptor's link in /proc/self/fd: `anon_inode:[eventfd]`, `pipe:[123]`, `socket:[123]`, a path.
///
/// # Errors
/// EBADF when the descriptor is not open, ENOENT without /proc.
pub fn link(fd: BorrowedFd<'_>) -> Result<String, Errno> {
    let number = fd.as_raw_fd();
    match std::fs::read_link(format!("/proc/self/fd/{number}")) {
        Ok(link) => Ok(link.to_string_lossy().into_owned()),
        Err(_) if !crate::kernel::epoll::is_open(number) => Err(Errno::EBADF),
        Err(error) => Err(Errno::from_io(&error)),
    }
}

/// A field of /proc/self/fdinfo, without the white space around it; `None` if there is no such field or no /proc.
#[must_use]
pub fn field(fd: BorrowedFd<'_>, name: &str) -> Option<String> {
    let path = format!("/proc/self/fdinfo/{}", fd.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    lines.find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then(|| value.trim().to_owned())
    })
}
