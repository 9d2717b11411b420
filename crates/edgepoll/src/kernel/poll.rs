//! poll(2), for descriptors that belong to other code.
//!
//! An interrupted call is not repeated, and no call changes a descriptor's flags.
#![allow(
    unsafe_code,
    reason = "other code owns the descriptors and passes them as numbers, which no safe wrapper takes"
)]

use std::os::fd::RawFd;

use crate::Errno;

/// An entry: a descriptor, the events to wait for, and the events that were found. A negative descriptor is skipped.
pub(crate) type PollEntry = libc::pollfd;

/// An entry that waits for `events`. IN, PRI, OUT and RDHUP have the same values as in epoll.
#[must_use]
pub(crate) fn poll_entry(fd: RawFd, events: i16) -> PollEntry {
    PollEntry {
        fd,
        events,
        revents: 0,
    }
}

/// Fills in the events that are ready, and returns the number of entries that have any. If `blocks` is true, the call waits until there
/// is one.
///
/// # Errors
/// EINTR, ENOMEM, and EINVAL for more entries than the process may have descriptors (poll(2)).
pub(crate) fn poll(entries: &mut [PollEntry], blocks: bool) -> Result<usize, Errno> {
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or(libc::nfds_t::MAX);
    let timeout = if blocks { -1 } else { 0 };
    // SAFETY: `entries` is writable memory for `count` entries and outlives the call.
    let found = unsafe { libc::poll(entries.as_mut_ptr(), count, timeout) };
    Errno::result(found).map(|found| usize::try_from(found).unwrap_or(0))
}
