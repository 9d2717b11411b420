//! Polling for the next event instead of a sleep of the event loop, and the clock by which its cost is measured.

use std::os::fd::{BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::time::TimeValLike;
use nix::time::{clock_gettime, ClockId};

/// The CPU time of this thread in nanoseconds; always the same where the kernel refuses the call.
pub(super) fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or(0, |time| u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

/// Polls both descriptors until one is readable or `longest` has passed. Returns whether ours became readable before anything else
/// that the host watches.
///
/// # Safety
/// Both descriptors are open during the call.
pub(super) unsafe fn is_ours_first(host: RawFd, ours: RawFd, longest: Duration) -> bool {
    // The host's first: whatever makes ours readable makes the host's readable too. If that happens between the two checks of
    // poll(2), ours is found readable. In the other order, only the host's would be.
    let mut entries = [host, ours].map(|fd| {
        // SAFETY: the caller guarantees that both are open.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        PollFd::new(fd, PollFlags::POLLIN)
    });
    let began = Instant::now();
    loop {
        match poll(&mut entries, PollTimeout::ZERO) {
            Ok(0) if began.elapsed() < longest => {}
            // A bit that nix does not define counts as an event too.
            Ok(found) => return found > 0 && entries[1].any().unwrap_or(true),
            Err(_) => return false,
        }
    }
}
