//! Reads and writes that do not wait, even if O_NONBLOCK is clear.
//!
//! O_NONBLOCK belongs to the open file, not to the descriptor. A child process that got the same file as its standard input may
//! clear the flag, and then a plain read(2) in this process waits until there is input. So each call here has a flag of its own
//! against waiting where there is one. No call sets O_NONBLOCK, because the process that cleared it expects its own calls to wait.
//!
//! A call may still wait, but only for files that do not support RWF_NOWAIT (FIFOs opened by name, terminals, inotify; writes of an
//! eventfd): between the check whether the call would wait and the call itself, another process that shares the open file may
//! clear the flag, read the data or fill the room.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};

use super::counter_room;
use crate::kernel::descriptor::file;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::descriptor::nowait::{self, FileKind};
use crate::Errno;

/// How reads, or writes, of a file are kept from waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// Not determined yet: the first transfer determines it.
    Unknown,
    /// The flag RWF_NOWAIT.
    NoWaitFlag,
    /// The flag MSG_DONTWAIT, for sockets.
    DontWaitFlag,
    /// The flags are read before each call. If O_NONBLOCK is clear, poll(2) checks whether the call would wait.
    CheckFirst,
    /// A plain call, for regular files, on which O_NONBLOCK has no effect.
    Direct,
}

impl Method {
    fn from_code(code: u8) -> Method {
        match code {
            1 => Method::NoWaitFlag,
            2 => Method::DontWaitFlag,
            3 => Method::CheckFirst,
            4 => Method::Direct,
            _ => Method::Unknown,
        }
    }

    fn for_kind(kind: FileKind) -> Method {
        match kind {
            FileKind::Socket => Method::DontWaitFlag,
            FileKind::Regular => Method::Direct,
            FileKind::Character | FileKind::Anonymous | FileKind::Pipe => Method::NoWaitFlag,
        }
    }
}

/// How reads and writes of a file are kept from waiting. Keep one value per descriptor for as long as it stands for the same file.
/// A new value costs an fstat(2), and for a file that does not support RWF_NOWAIT also a refused call.
#[derive(Debug, Default)]
pub struct TransferMethods {
    reading: AtomicU8,
    writing: AtomicU8,
}

impl TransferMethods {
    /// Nothing is determined yet.
    #[must_use]
    pub const fn new() -> TransferMethods {
        TransferMethods::both(Method::Unknown)
    }

    /// For anonymous inodes: RWF_NOWAIT is tried first.
    pub(super) const fn no_wait_flag() -> TransferMethods {
        TransferMethods::both(Method::NoWaitFlag)
    }

    /// For files that do not support RWF_NOWAIT.
    pub(super) const fn check_first() -> TransferMethods {
        TransferMethods::both(Method::CheckFirst)
    }

    const fn both(method: Method) -> TransferMethods {
        TransferMethods {
            reading: AtomicU8::new(method as u8),
            writing: AtomicU8::new(method as u8),
        }
    }

    /// Forgets the methods. To be called when the descriptor's number stands for another file.
    pub fn reset(&self) {
        self.reading.store(Method::Unknown as u8, Ordering::Relaxed);
        self.writing.store(Method::Unknown as u8, Ordering::Relaxed);
    }
}

/// The method that an earlier call stored. The first call determines it by fstat(2).
fn method(stored: &AtomicU8, fd: BorrowedFd<'_>) -> Result<Method, Errno> {
    let known = Method::from_code(stored.load(Ordering::Relaxed));
    if known != Method::Unknown {
        return Ok(known);
    }
    let method = Method::for_kind(nowait::kind(fd)?);
    stored.store(method as u8, Ordering::Relaxed);
    Ok(method)
}

/// Whether the error means that the file or the kernel does not support RWF_NOWAIT, or that a sandbox forbids the call: then it
/// gives ENOSYS or EPERM. If the file itself gives EPERM, so does the plain call that follows.
fn is_unsupported(errno: Errno) -> bool {
    matches!(errno, Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EPERM)
}

/// Reads without waiting; 0 is the end of the file.
///
/// # Errors
/// EAGAIN when the call would wait, EINVAL for an empty space, and the errors of read(2).
pub fn read(
    fd: BorrowedFd<'_>,
    into: &Space<'_>,
    methods: &TransferMethods,
) -> Result<usize, Errno> {
    if into.is_empty() {
        // The kernel would return 0, which means the end of the file.
        return Err(Errno::EINVAL);
    }
    match method(&methods.reading, fd)? {
        Method::DontWaitFlag => nowait::receive(fd, into),
        Method::Direct => file::read(fd, into),
        Method::CheckFirst => read_if_ready(fd, into),
        Method::NoWaitFlag | Method::Unknown => match nowait::read(fd, into) {
            Err(errno) if is_unsupported(errno) => {
                let method = Method::CheckFirst as u8;
                methods.reading.store(method, Ordering::Relaxed);
                read_if_ready(fd, into)
            }
            result => result,
        },
    }
}

fn read_if_ready(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    if file::is_blocking(fd)? && !file::is_ready(fd, libc::POLLIN)? {
        return Err(Errno::EAGAIN);
    }
    file::read(fd, into)
}

/// Writes without waiting, and returns the number of bytes written. To a blocking file that does not support RWF_NOWAIT one call
/// writes at most 4,096 bytes.
///
/// # Errors
/// EAGAIN when the call would wait, and the errors of write(2).
pub fn write(
    fd: BorrowedFd<'_>,
    from: &Source<'_>,
    methods: &TransferMethods,
) -> Result<usize, Errno> {
    match method(&methods.writing, fd)? {
        Method::DontWaitFlag => nowait::send(fd, from),
        Method::Direct => file::write(fd, from),
        Method::CheckFirst => write_if_ready(fd, from),
        Method::NoWaitFlag | Method::Unknown => match nowait::write(fd, from) {
            Err(errno) if is_unsupported(errno) => {
                let method = Method::CheckFirst as u8;
                methods.writing.store(method, Ordering::Relaxed);
                write_if_ready(fd, from)
            }
            result => result,
        },
    }
}

/// The number of bytes that a pipe takes without waiting when poll(2) reports it as writable (PIPE_BUF, pipe(7)).
const PIPE_ROOM: usize = libc::PIPE_BUF;

fn write_if_ready(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    if !file::is_blocking(fd)? {
        return file::write(fd, from);
    }
    if !file::is_ready(fd, libc::POLLOUT)? {
        return Err(Errno::EAGAIN);
    }
    match nowait::kind(fd)? {
        FileKind::Anonymous if !counter_room::takes_at_once(fd, from)? => Err(Errno::EAGAIN),
        FileKind::Character if nowait::is_terminal(fd) => write_to_terminal(fd, from),
        _ => file::write(fd, &from.first(PIPE_ROOM)),
    }
}

/// poll(2) reports a terminal as writable when it has room for one byte, and a blocking write then waits until all bytes are
/// written. So the slave side is opened again, non-blocking. A master cannot be opened again, so one byte is written per call.
fn write_to_terminal(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    if !nowait::is_terminal_master(fd) {
        match nowait::write_reopened(fd, from) {
            // There is no /proc, no right to open the terminal, or no free descriptor.
            Err(Errno::ENOENT | Errno::EACCES | Errno::ENXIO | Errno::EMFILE | Errno::ENFILE) => {}
            result => return result,
        }
    }
    file::write(fd, &from.first(1))
}
