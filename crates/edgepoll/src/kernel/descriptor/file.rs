//! Calls on a descriptor of any kind: read, write, close, duplicate, and what poll(2) and fcntl(2) report of it.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use super::call::{owned, uninterrupted};
use super::memory::{Source, Space};
use crate::Errno;

/// Reads (read(2)); 0 is the end of the file.
///
/// # Errors
/// The errors of read(2), EINTR excepted.
pub(crate) fn read(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    // SAFETY: a `Space` promises writable memory.
    uninterrupted(|| unsafe { libc::read(fd.as_raw_fd(), into.start.cast(), into.length) })
}

/// Writes (write(2)) and returns the number of bytes written.
///
/// # Errors
/// The errors of write(2), EINTR excepted.
pub(crate) fn write(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    // SAFETY: a `Source` promises readable memory.
    uninterrupted(|| unsafe { libc::write(fd.as_raw_fd(), from.start.cast(), from.length) })
}

/// Whether one of the poll(2) events holds now. Errors and hang-ups count too, because the call that follows reports them.
///
/// # Errors
/// The errors of poll(2), EINTR excepted.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, events: i16) -> Result<bool, Errno> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one writable entry, which outlives the call. With a timeout of 0 the call does not wait.
    let found = uninterrupted(|| unsafe { libc::poll(&raw mut entry, 1, 0) } as isize)?;
    Ok(found > 0)
}

/// Closes a descriptor and returns the error that a drop would hide (close(2)). The descriptor is closed after any result, so
/// EINTR counts as success.
///
/// # Errors
/// EBADF, EIO, ENOSPC, EDQUOT.
pub fn close(fd: OwnedFd) -> Result<(), Errno> {
    // SAFETY: the number comes out of its owner, so it is closed once.
    match Errno::result(unsafe { libc::close(fd.into_raw_fd()) }) {
        Err(Errno::EINTR) => Ok(()),
        result => result.map(drop),
    }
}

/// Opens a second descriptor of the same open file (fcntl(2), F_DUPFD_CLOEXEC). It is close-on-exec, and its number is above
/// those of standard input, output and error.
///
/// # Errors
/// EBADF, EMFILE.
pub fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no pointer.
    owned(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
}

/// Makes a descriptor close-on-exec (fcntl(2), FD_CLOEXEC).
///
/// # Errors
/// None for an open descriptor.
pub(super) fn close_on_exec(fd: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Sets O_NONBLOCK (fcntl(2), F_SETFL) of a descriptor that was opened here and that no other code has.
///
/// # Errors
/// None for an open descriptor.
pub(super) fn not_blocking(fd: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: neither call takes a pointer.
    let flags = Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    let flags = flags | libc::O_NONBLOCK;
    // SAFETY: as above.
    Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) }).map(drop)
}

/// Whether reads and writes may wait: O_NONBLOCK is not set (fcntl(2), F_GETFL).
///
/// # Errors
/// EBADF.
pub(crate) fn is_blocking(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    // SAFETY: the call takes no pointer and changes nothing.
    let flags = Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK == 0)
}
