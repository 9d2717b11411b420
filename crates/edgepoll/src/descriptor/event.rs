//! eventfd(2): a counter that is readable while it is not 0.
//!
//! It must never wait. Called by the glue.

use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::transfer::{self, Manner};
use crate::kernel::descriptor as raw;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::Errno;

/// A counter. With `semaphore`, each read takes 1 instead of everything.
///
/// # Errors
/// EMFILE, ENFILE, ENODEV, ENOMEM.
pub fn eventfd(initial: u32, semaphore: bool) -> Result<OwnedFd, Errno> {
    let mut flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    flags.set(EfdFlags::EFD_SEMAPHORE, semaphore);
    EventFd::from_value_and_flags(initial, flags)
        .map(OwnedFd::from)
        .map_err(Errno::from_nix)
}

/// Takes from the counter: all of it, or 1 of a semaphore. Of a timerfd: how often it has expired.
///
/// # Errors
/// EAGAIN when it is 0; EBADF, EINVAL; ECANCELED of a timerfd whose clock was set.
pub fn take_counter(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut value = [0; 8];
    transfer::read(fd, &Space::from(&mut value[..]), &COUNTERS)?;
    Ok(u64::from_ne_bytes(value))
}

/// Adds to the counter.
///
/// # Errors
/// EAGAIN when the sum would exceed 2^64 − 2, EINVAL for 2^64 − 1, EBADF.
pub fn add_to_counter(fd: BorrowedFd<'_>, value: u64) -> Result<(), Errno> {
    transfer::write(fd, &Source::from(&value.to_ne_bytes()[..]), &COUNTERS).map(drop)
}

/// Whether a blocking eventfd that poll(2) calls writable takes these bytes at once: it waits while the sum would exceed
/// 2^64 − 2. Anything but the 8 bytes of a counter is refused by the kernel without waiting.
///
/// # Errors
/// EBADF.
pub(super) fn has_room_for(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<bool, Errno> {
    let Some(value) = raw::counter_of(from) else {
        return Ok(true);
    };
    // Writable: one more fits. Not readable: the counter is 0, and every value fits.
    if value <= 1 || !raw::is_ready(fd, libc::POLLIN)? {
        return Ok(true);
    }
    // Without /proc the count cannot be read. The answer is then no: a write that waits is worse than a write that is
    // tried again.
    Ok(count(fd).is_some_and(|count| value <= MOST - count.min(MOST)))
}

/// The most that the counter holds.
const MOST: u64 = u64::MAX - 1;

/// The counter's value without taking it (proc_pid_fdinfo(5)).
fn count(fd: BorrowedFd<'_>) -> Option<u64> {
    let text = super::kind::field(fd, "eventfd-count")?;
    u64::from_str_radix(&text, 16).ok()
}

/// How reads and writes of eventfds are kept from waiting. One value serves all of them, because they are files of one kind.
static COUNTERS: Manner = Manner::trying();
