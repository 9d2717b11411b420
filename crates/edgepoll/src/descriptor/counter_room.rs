//! Whether a write to a blocking eventfd would wait.

use std::os::fd::BorrowedFd;

use super::kind;
use crate::kernel::descriptor::file;
use crate::kernel::descriptor::memory::Source;
use crate::Errno;

/// The largest count of an eventfd (eventfd(2)).
const LARGEST_COUNT: u64 = u64::MAX - 1;

/// Whether an eventfd that poll(2) reports as writable takes these bytes without waiting. A write of a counter waits while the
/// sum would exceed 2^64 − 2. The kernel refuses anything but the 8 bytes of a counter, without waiting.
///
/// # Errors
/// EBADF.
pub(super) fn takes_at_once(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<bool, Errno> {
    let Some(value) = from.as_counter() else {
        return Ok(true);
    };
    // A writable eventfd has room for 1. If it is not readable, its count is 0, and every value fits.
    if value <= 1 || !file::is_ready(fd, libc::POLLIN)? {
        return Ok(true);
    }
    // Without /proc the count is unknown. The answer is then no: a write that waits is worse than a write that is tried again.
    Ok(count(fd).is_some_and(|count| value <= LARGEST_COUNT - count.min(LARGEST_COUNT)))
}

/// The count, without taking it (proc_pid_fdinfo(5)).
fn count(fd: BorrowedFd<'_>) -> Option<u64> {
    let text = kind::field(fd, "eventfd-count")?;
    u64::from_str_radix(&text, 16).ok()
}
