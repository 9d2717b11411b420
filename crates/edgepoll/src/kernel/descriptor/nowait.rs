//! Reads and writes with a flag against waiting, and what has to be known of a file that does not support such a flag.
//!
//! No call here changes a descriptor's flags: they belong to the open file, which other processes may share.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::call::{owned, uninterrupted};
use super::file;
use super::memory::{Source, Space};
use crate::kernel::epoll::status;
use crate::Errno;

/// The offset that means the file's own position, in both halves of the raw call's argument.
const OWN_POSITION: libc::c_long = -1;

/// Reads with RWF_NOWAIT (preadv2(2)); 0 is the end of the file.
///
/// # Errors
/// EOPNOTSUPP when the file does not support the flag, ENOSYS before Linux 4.6, EAGAIN when the call would wait; the errors of
/// read(2).
pub(crate) fn read(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: into.start.cast(),
        iov_len: into.length,
    };
    uninterrupted(|| {
        // SAFETY: one entry, which outlives the call, and a `Space` promises writable memory.
        let length = unsafe {
            libc::syscall(
                libc::SYS_preadv2,
                fd.as_raw_fd(),
                &raw const vector,
                1_usize,
                OWN_POSITION,
                OWN_POSITION,
                libc::RWF_NOWAIT,
            )
        };
        length as isize
    })
}

/// Writes with RWF_NOWAIT (pwritev2(2)) and returns the number of bytes written.
///
/// # Errors
/// EOPNOTSUPP when the file does not support the flag, ENOSYS before Linux 4.6, EAGAIN when the call would wait; the errors of
/// write(2).
pub(crate) fn write(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: from.start.cast_mut().cast(),
        iov_len: from.length,
    };
    uninterrupted(|| {
        // SAFETY: one entry, which outlives the call, and a `Source` promises readable memory.
        let length = unsafe {
            libc::syscall(
                libc::SYS_pwritev2,
                fd.as_raw_fd(),
                &raw const vector,
                1_usize,
                OWN_POSITION,
                OWN_POSITION,
                libc::RWF_NOWAIT,
            )
        };
        length as isize
    })
}

/// Receives from a socket with MSG_DONTWAIT (recv(2)); 0 is the end of a stream.
///
/// # Errors
/// EAGAIN when the call would wait; the errors of recv(2).
pub(crate) fn receive(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    // SAFETY: a `Space` promises writable memory.
    uninterrupted(|| unsafe {
        libc::recv(
            fd.as_raw_fd(),
            into.start.cast(),
            into.length,
            libc::MSG_DONTWAIT,
        )
    })
}

/// Sends to a socket with MSG_DONTWAIT and without SIGPIPE (send(2)), and returns the number of bytes sent.
///
/// # Errors
/// EAGAIN when the call would wait; the errors of send(2).
pub(crate) fn send(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: a `Source` promises readable memory.
    uninterrupted(|| unsafe { libc::send(fd.as_raw_fd(), from.start.cast(), from.length, flags) })
}

/// The kind of file of a descriptor (fstat(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A socket.
    Socket,
    /// A regular file, a directory or a block device: O_NONBLOCK has no effect (open(2)), and poll(2) always reports it as ready.
    Regular,
    /// A terminal, a serial line or another character device.
    Character,
    /// An anonymous inode: eventfd, timerfd, signalfd, inotify and the like.
    Anonymous,
    /// A pipe or a FIFO.
    Pipe,
}

/// The kind of file that a descriptor stands for.
///
/// # Errors
/// EBADF.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Result<FileKind, Errno> {
    Ok(match status(fd.as_raw_fd())?.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => FileKind::Regular,
        libc::S_IFCHR => FileKind::Character,
        libc::S_IFIFO => FileKind::Pipe,
        _ => FileKind::Anonymous,
    })
}

/// Whether a character device is a terminal (isatty(3)).
#[must_use]
pub(crate) fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: the call takes no pointer.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}

/// Whether a terminal is the master side of a pseudoterminal (TIOCGPTN, ioctl_tty(2)).
#[must_use]
pub(crate) fn is_terminal_master(fd: BorrowedFd<'_>) -> bool {
    let mut number: libc::c_uint = 0;
    // SAFETY: `number` is writable and outlives the call.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN, &raw mut number) == 0 }
}

/// Opens a terminal again, for writing and non-blocking. The new descriptor has an open file of its own, so no other process can
/// change its flags.
///
/// # Errors
/// The errors of open(2): ENOENT without /proc, EACCES, EMFILE, ENFILE.
fn reopen_terminal(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}\0", fd.as_raw_fd());
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the path ends with NUL and outlives the call.
    owned(unsafe { libc::open(path.as_ptr().cast(), flags) })
}

/// Opens the terminal again and writes to the new descriptor, without waiting.
///
/// # Errors
/// The errors of open(2), as ENOENT without /proc; EAGAIN when the call would wait; the errors of write(2).
pub(crate) fn write_reopened(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let own = reopen_terminal(fd)?;
    file::write(own.as_fd(), from)
}
