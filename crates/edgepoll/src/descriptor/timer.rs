//! timerfd(2): a timer as a descriptor. Times are in nanoseconds.

use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::kernel::descriptor::timer;
use crate::Errno;

/// Creates a disarmed timer on one of the clocks CLOCK_REALTIME, CLOCK_MONOTONIC and CLOCK_BOOTTIME.
///
/// # Errors
/// EINVAL for any other clock, EMFILE, ENFILE, ENODEV, ENOMEM.
pub fn timerfd(clock: i32) -> Result<OwnedFd, Errno> {
    let clock = match clock {
        libc::CLOCK_REALTIME => ClockId::CLOCK_REALTIME,
        libc::CLOCK_MONOTONIC => ClockId::CLOCK_MONOTONIC,
        libc::CLOCK_BOOTTIME => ClockId::CLOCK_BOOTTIME,
        _ => return Err(Errno::EINVAL),
    };
    let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
    TimerFd::new(clock, flags)
        .map(OwnedFd::from)
        .map_err(Errno::from_nix)
}

/// When a timer expires first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long from now.
    After(u64),
    /// At this time of the timer's clock; at once if that has passed.
    At(u64),
    /// As `At`, for CLOCK_REALTIME. If the clock is set, the timer becomes readable, and a read fails with ECANCELED.
    AtUnlessSet(u64),
}

/// Arms a timer. With `every` above 0 it expires again at that interval. A first time of 0 is taken for 1 nanosecond, because 0
/// would disarm the timer.
///
/// # Errors
/// EBADF, EINVAL. ECANCELED with `AtUnlessSet` if the clock was set since the timer was last armed that way and no read has
/// reported it; the timer is armed all the same.
pub fn arm(fd: BorrowedFd<'_>, when: When, every: u64) -> Result<(), Errno> {
    let (first, flags) = match when {
        When::After(first) => (first, 0),
        When::At(first) => (first, libc::TFD_TIMER_ABSTIME),
        When::AtUnlessSet(first) => (
            first,
            libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET,
        ),
    };
    timer::set(fd, first.max(1), every, flags)
}

/// Disarms a timer. Expirations that were not read are dropped.
///
/// # Errors
/// EBADF, EINVAL.
pub fn disarm(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    timer::set(fd, 0, 0, 0)
}

/// The time until a timer expires next; 0 if it is disarmed.
///
/// # Errors
/// EBADF, EINVAL.
pub fn remaining(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    timer::remaining(fd)
}
