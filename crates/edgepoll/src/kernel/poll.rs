//! poll(2), for descriptors that belong to somebody else.
//!
//! It must never change a flag of a descriptor, and never retry. Called by `readiness`.
#![allow(
    unsafe_code,
    reason = "the descriptors are numbers from outside, which no safe wrapper takes"
)]

use std::os::fd::RawFd;

use crate::Errno;

/// One entry: the descriptor, what is asked for, and what was found. A negative descriptor is skipped.
pub(crate) type PollEntry = libc::pollfd;

/// An entry that asks for `events`: IN, PRI, OUT and RDHUP have the values that they have in epoll.
#[must_use]
pub(crate) fn poll_entry(fd: RawFd, events: i16) -> PollEntry {
    PollEntry {
        fd,
        events,
        revents: 0,
    }
}

/// Fills in what is ready and gives how many entries are. `waits`: until at least one is; else only looks.
///
/// # Errors
/// EINTR, ENOMEM, and EINVAL for more entries than the process may have descriptors (poll(2)).
pub(crate) fn poll(entries: &mut [PollEntry], waits: bool) -> Result<usize, Errno> {
    let count = libc::nfds_t::try_from(entries.len()).unwrap_or(libc::nfds_t::MAX);
    let timeout = if waits { -1 } else { 0 };
    // SAFETY: `entries` is writable memory for `count` entries and outlives the call.
    let found = unsafe { libc::poll(entries.as_mut_ptr(), count, timeout) };
    Errno::result(found).map(|found| usize::try_from(found).unwrap_or(0))
}
