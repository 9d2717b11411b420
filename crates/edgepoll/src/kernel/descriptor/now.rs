//! Reads and writes with a flag against waiting, and what has to be known of a file that does not support such a flag.
//!
//! It must never change a descriptor's flags: they belong to the open file, which other processes may share. Called by
//! `descriptor/transfer.rs`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::memory::{Source, Space};
use super::{fresh, unbroken};
use crate::Errno;

/// The offset that means the file's own position, in both halves of the raw call's argument.
const OWN_POSITION: libc::c_long = -1;

/// Reads with RWF_NOWAIT (preadv2(2)); 0 is the end.
///
/// # Errors
/// EOPNOTSUPP when the file does not know the flag, ENOSYS before Linux 4.6, EAGAIN when it would wait; what read(2) gives.
pub(crate) fn read(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: into.start.cast(),
        iov_len: into.length,
    };
    unbroken(|| {
        // SAFETY: one entry, which outlives the call, of memory that is writable, as a `Space` promises.
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

/// Writes with RWF_NOWAIT (pwritev2(2)); gives how much of it.
///
/// # Errors
/// EOPNOTSUPP when the file does not know the flag, ENOSYS before Linux 4.6, EAGAIN when it would wait; what write(2) gives.
pub(crate) fn write(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let vector = libc::iovec {
        iov_base: from.start.cast_mut().cast(),
        iov_len: from.length,
    };
    unbroken(|| {
        // SAFETY: one entry, which outlives the call, of memory that is readable, as a `Source` promises.
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

/// Receives from a socket with MSG_DONTWAIT (recv(2)); of a stream 0 is the end.
///
/// # Errors
/// EAGAIN when it would wait; what recv(2) gives.
pub(crate) fn receive(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    // SAFETY: writable memory, as a `Space` promises.
    unbroken(|| unsafe {
        libc::recv(
            fd.as_raw_fd(),
            into.start.cast(),
            into.length,
            libc::MSG_DONTWAIT,
        )
    })
}

/// Sends to a socket with MSG_DONTWAIT, without SIGPIPE (send(2)); gives how much of it.
///
/// # Errors
/// EAGAIN when it would wait; what send(2) gives.
pub(crate) fn send(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: readable memory, as a `Source` promises.
    unbroken(|| unsafe { libc::send(fd.as_raw_fd(), from.start.cast(), from.length, flags) })
}

/// The kind of file of a descriptor (fstat(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A socket.
    Socket,
    /// A regular file, a folder or a block device: O_NONBLOCK has no effect (open(2)), and poll(2) always reports it as ready.
    Plain,
    /// A terminal, a serial line or another character device.
    Character,
    /// An anonymous inode: eventfd, timerfd, signalfd, inotify and the like.
    Anonymous,
    /// A pipe or a FIFO.
    Pipe,
}

/// Determines the kind of file of a descriptor.
///
/// # Errors
/// EBADF.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Result<FileKind, Errno> {
    // SAFETY: a stat of zeros is a valid value; the kernel overwrites it.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: `stat` is writable and outlives the call.
    Errno::result(unsafe { libc::fstat(fd.as_raw_fd(), &raw mut stat) })?;
    Ok(match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => FileKind::Socket,
        libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => FileKind::Plain,
        libc::S_IFCHR => FileKind::Character,
        libc::S_IFIFO => FileKind::Pipe,
        _ => FileKind::Anonymous,
    })
}

/// Whether a character device is a terminal (isatty(3)).
#[must_use]
pub(crate) fn is_terminal(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: the call takes no pointer of ours.
    unsafe { libc::isatty(fd.as_raw_fd()) == 1 }
}

/// Whether it is the master of a pseudoterminal (TIOCGPTN, ioctl_tty(2)).
#[must_use]
pub(crate) fn is_terminal_master(fd: BorrowedFd<'_>) -> bool {
    let mut number: libc::c_uint = 0;
    // SAFETY: `number` is writable and outlives the call.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGPTN, &raw mut number) == 0 }
}

/// Opens a terminal once more, for writing and non-blocking: this makes an open file of its own, so no other
/// process can change its flags.
///
/// # Errors
/// What open(2) gives: ENOENT without /proc, EACCES, EMFILE, ENFILE.
pub(crate) fn reopen_terminal(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}\0", fd.as_raw_fd());
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the path ends with NUL and outlives the call.
    fresh(unsafe { libc::open(path.as_ptr().cast(), flags) })
}

/// Writes to a second descriptor of the same terminal.
///
/// # Errors
/// As [`reopen_terminal`]; EAGAIN when it would wait; what write(2) gives.
pub(crate) fn write_reopened(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    let own = reopen_terminal(fd)?;
    super::write(own.as_fd(), from)
}
