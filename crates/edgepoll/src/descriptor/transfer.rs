//! Reads and writes that never wait, whatever the descriptor's flags are.
//!
//! O_NONBLOCK belongs to the open file, not to the descriptor: a child process that got the same file as its standard
//! input may clear it, and then a plain read(2) here waits until there is input. So a call here relies on that flag only where
//! the call itself has no flag against waiting. It must never set O_NONBLOCK either: the process that cleared it expects its own
//! calls to wait. Called by the glue and by this folder.
//!
//! One gap is left, and only for files that do not support RWF_NOWAIT (FIFOs opened by name, terminals, inotify; writes of an
//! eventfd): between the check whether the call would wait and the call itself, another process that shares the open file may
//! clear the flag, read the data or fill the room.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};

use super::event;
use crate::kernel::descriptor as raw;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::descriptor::now::{self, FileKind};
use crate::Errno;

/// How one direction of a file is kept from waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Not determined yet: the first transfer determines it.
    Unknown,
    /// RWF_NOWAIT.
    NoWait,
    /// MSG_DONTWAIT: it is a socket.
    DontWait,
    /// The flags are read before each call. If O_NONBLOCK is clear, poll(2) checks whether the call would wait.
    Ask,
    /// A regular file, for which O_NONBLOCK has no effect.
    Plain,
}

impl Way {
    fn of(code: u8) -> Way {
        match code {
            1 => Way::NoWait,
            2 => Way::DontWait,
            3 => Way::Ask,
            4 => Way::Plain,
            _ => Way::Unknown,
        }
    }

    fn first(kind: FileKind) -> Way {
        match kind {
            FileKind::Socket => Way::DontWait,
            FileKind::Plain => Way::Plain,
            FileKind::Character | FileKind::Anonymous | FileKind::Pipe => Way::NoWait,
        }
    }
}

/// How each direction of a file is kept from waiting. Keep one value per descriptor as long as it stands for the same file. A new
/// value costs an fstat(2), and for a file that does not support RWF_NOWAIT also a refused call.
#[derive(Debug, Default)]
pub struct Manner {
    reading: AtomicU8,
    writing: AtomicU8,
}

impl Manner {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Manner {
        Manner {
            reading: AtomicU8::new(0),
            writing: AtomicU8::new(0),
        }
    }

    /// For anonymous inodes: RWF_NOWAIT is tried first.
    pub(super) const fn trying() -> Manner {
        Manner {
            reading: AtomicU8::new(Way::NoWait as u8),
            writing: AtomicU8::new(Way::NoWait as u8),
        }
    }

    /// For files that do not support RWF_NOWAIT.
    pub(super) const fn asking() -> Manner {
        Manner {
            reading: AtomicU8::new(Way::Ask as u8),
            writing: AtomicU8::new(Way::Ask as u8),
        }
    }

    /// Starts again: the number stands for another file from now on.
    pub fn forget(&self) {
        self.reading.store(Way::Unknown as u8, Ordering::Relaxed);
        self.writing.store(Way::Unknown as u8, Ordering::Relaxed);
    }
}

/// The way that an earlier call stored; the first call determines it by fstat(2).
fn way(learned: &AtomicU8, fd: BorrowedFd<'_>) -> Result<Way, Errno> {
    let known = Way::of(learned.load(Ordering::Relaxed));
    if known != Way::Unknown {
        return Ok(known);
    }
    let way = Way::first(now::kind(fd)?);
    learned.store(way as u8, Ordering::Relaxed);
    Ok(way)
}

/// True for the errors of a file or a kernel that does not support RWF_NOWAIT.
fn is_unknown(errno: Errno) -> bool {
    matches!(errno, Errno::EOPNOTSUPP | Errno::ENOSYS)
}

/// Reads without waiting; 0 is the end.
///
/// # Errors
/// EAGAIN where it would wait, EINVAL for an empty space, and the errors of read(2).
pub fn read(fd: BorrowedFd<'_>, into: &Space<'_>, manner: &Manner) -> Result<usize, Errno> {
    if into.is_empty() {
        // The kernel would answer 0, which reads as the end.
        return Err(Errno::EINVAL);
    }
    match way(&manner.reading, fd)? {
        Way::DontWait => now::receive(fd, into),
        Way::Plain => raw::read(fd, into),
        Way::Ask => read_if_ready(fd, into),
        Way::NoWait | Way::Unknown => match now::read(fd, into) {
            Err(errno) if is_unknown(errno) => {
                manner.reading.store(Way::Ask as u8, Ordering::Relaxed);
                read_if_ready(fd, into)
            }
            result => result,
        },
    }
}

fn read_if_ready(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    if raw::is_blocking(fd)? && !raw::is_ready(fd, libc::POLLIN)? {
        return Err(Errno::EAGAIN);
    }
    raw::read(fd, into)
}

/// Writes without waiting; gives the number of bytes written. To a blocking file that does not support RWF_NOWAIT one call
/// writes at most 4,096 bytes.
///
/// # Errors
/// EAGAIN where it would wait, and the errors of write(2).
pub fn write(fd: BorrowedFd<'_>, from: &Source<'_>, manner: &Manner) -> Result<usize, Errno> {
    match way(&manner.writing, fd)? {
        Way::DontWait => now::send(fd, from),
        Way::Plain => raw::write(fd, from),
        Way::Ask => write_if_ready(fd, from),
        Way::NoWait | Way::Unknown => match now::write(fd, from) {
            Err(errno) if is_unknown(errno) => {
                manner.writing.store(Way::Ask as u8, Ordering::Relaxed);
                write_if_ready(fd, from)
            }
            result => result,
        },
    }
}

/// As many bytes as a pipe takes without waiting when poll(2) reports it as writable (PIPE_BUF, pipe(7)).
const MOST_GUARDED: usize = libc::PIPE_BUF;

fn write_if_ready(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    if !raw::is_blocking(fd)? {
        return raw::write(fd, from);
    }
    if !raw::is_ready(fd, libc::POLLOUT)? {
        return Err(Errno::EAGAIN);
    }
    match now::kind(fd)? {
        FileKind::Anonymous if !event::has_room_for(fd, from)? => Err(Errno::EAGAIN),
        FileKind::Character if now::is_terminal(fd) => write_to_terminal(fd, from),
        _ => raw::write(fd, &from.first(MOST_GUARDED)),
    }
}

/// poll(2) reports a terminal as writable when it has room for one byte, and a blocking write then waits until all bytes are
/// written. So the slave side is opened once more, non-blocking. A master cannot be: there one byte is written per call.
fn write_to_terminal(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    if !now::is_terminal_master(fd) {
        match now::write_reopened(fd, from) {
            // No /proc, or no right to open it.
            Err(Errno::ENOENT | Errno::EACCES | Errno::ENXIO | Errno::EMFILE | Errno::ENFILE) => {}
            result => return result,
        }
    }
    raw::write(fd, &from.first(1))
}
