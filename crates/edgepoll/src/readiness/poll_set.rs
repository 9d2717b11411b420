//! Entries of poll(2) with interests and results in epoll's bits.

use super::bits;
use crate::kernel::poll::{poll, PollEntry};
use crate::Errno;

/// The events of an entry for this interest. They fit: READ_HANGUP is the highest bit.
pub(super) fn events_of(interest: u32) -> i16 {
    i16::try_from(interest & bits::POLLABLE).unwrap_or(0)
}

/// The result of an entry in epoll's bits. A closed descriptor has a bit of its own.
pub(super) fn result_of(entry: &PollEntry) -> u32 {
    if entry.revents & libc::POLLNVAL != 0 {
        return bits::CLOSED;
    }
    u32::from(entry.revents.cast_unsigned()) & (bits::POLLABLE | bits::ERROR | bits::HANGUP)
}

/// poll(2) without blocking. If a signal interrupts the call, nothing is ready.
pub(super) fn try_poll(entries: &mut [PollEntry]) -> Result<usize, Errno> {
    match poll(entries, false) {
        Err(Errno::EINTR) => {
            for entry in entries {
                entry.revents = 0;
            }
            Ok(0)
        }
        result => result,
    }
}
