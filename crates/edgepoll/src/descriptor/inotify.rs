//! inotify(7): changes of files and directories.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::inotify::{InitFlags, Inotify};

use super::transfer::{self, TransferMethods};
use crate::kernel::descriptor::inotify as raw;
use crate::kernel::descriptor::memory::Space;
use crate::Errno;

/// The size of an event without its name: watch, mask, cookie and the length of the name.
const HEADER: usize = 16;

/// The space for one batch of events. One event with the longest name needs 272 bytes.
const ROOM: usize = 16 * 1024;

/// One value serves every inotify descriptor, because all are files of one kind.
static METHODS: TransferMethods = TransferMethods::check_first();

/// Creates a descriptor without watches (inotify_init1(2)).
///
/// # Errors
/// EMFILE (also at the user's limit of inotify instances), ENFILE, ENOMEM.
pub fn inotify() -> Result<OwnedFd, Errno> {
    Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
        .map(OwnedFd::from)
        .map_err(Errno::from_nix)
}

/// Watches a path for the events of `mask`, and returns the number of the watch, which is the same for the same file.
///
/// # Errors
/// EINVAL for a path that contains NUL and for an empty mask; EACCES, EBADF, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR.
pub fn add(fd: BorrowedFd<'_>, path: &str, mask: u32) -> Result<i32, Errno> {
    let path = CString::new(path).map_err(|_| Errno::EINVAL)?;
    raw::add_watch(fd, &path, mask)
}

/// Ends a watch; its last event is IN_IGNORED.
///
/// # Errors
/// EBADF, EINVAL for a number that is no watch.
pub fn remove(fd: BorrowedFd<'_>, watch: i32) -> Result<(), Errno> {
    raw::remove_watch(fd, watch)
}

/// A change of a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The watch; −1 if events were lost (IN_Q_OVERFLOW).
    pub watch: i32,
    /// The kind of change: IN_ACCESS … with IN_ISDIR, or IN_IGNORED, IN_UNMOUNT, IN_Q_OVERFLOW.
    pub mask: u32,
    /// The same number in both events of a rename; otherwise 0.
    pub cookie: u32,
    /// The name in the watched directory; empty if the event is about the watched path itself.
    pub name: Vec<u8>,
}

/// Reads the next events, at least one.
///
/// # Errors
/// EAGAIN when there is none; EBADF.
pub fn next(fd: BorrowedFd<'_>) -> Result<Vec<Event>, Errno> {
    let mut room = [0; ROOM];
    let length = transfer::read(fd, &Space::from(&mut room[..]), &METHODS)?;
    Ok(parse(&room[..length]))
}

fn parse(mut bytes: &[u8]) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some((header, rest)) = bytes.split_at_checked(HEADER) {
        let field = |at: usize| {
            let mut raw = [0; 4];
            raw.copy_from_slice(&header[at..at + 4]);
            u32::from_ne_bytes(raw)
        };
        let length = usize::try_from(field(12)).unwrap_or(usize::MAX);
        let Some((name, rest)) = rest.split_at_checked(length) else {
            break;
        };
        // The name is padded with NULs up to the next event.
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(length);
        events.push(Event {
            watch: field(0).cast_signed(),
            mask: field(4),
            cookie: field(8),
            name: name[..end].to_vec(),
        });
        bytes = rest;
    }
    events
}

#[cfg(test)]
mod tests {
    use super::{parse, Event};

    #[test]
    fn names_end_at_their_nul_and_events_follow_each_other() {
        let mut bytes = Vec::new();
        for (watch, name) in [(1_i32, &b"a\0\0\0"[..]), (-1, b""), (2, b"full")] {
            let length = u32::try_from(name.len()).unwrap_or(0);
            for field in [watch.cast_unsigned(), 2, 3, length] {
                bytes.extend_from_slice(&field.to_ne_bytes());
            }
            bytes.extend_from_slice(name);
        }
        bytes.extend_from_slice(&[0; 7]);
        let event = |watch, name: &[u8]| Event {
            watch,
            mask: 2,
            cookie: 3,
            name: name.to_vec(),
        };
        let expected = [event(1, b"a"), event(-1, b""), event(2, b"full")];
        assert_eq!(parse(&bytes), expected);
    }
}
