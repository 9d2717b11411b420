//! timerfd(2): a clock's time as a descriptor.
//!
//! It must never disarm a timer that was asked for at once. Called by the glue.

use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::kernel::descriptor as raw;
use crate::Errno;

/// A timer by its clock's number (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME), disarmed.
///
/// # Errors
/// EINVAL for another clock, EMFILE, ENFILE, ENODEV, ENOMEM.
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

/// When a timer expires first, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From now on.
    After(u64),
    /// On the timer's clock; at once if that is past.
    At(u64),
    /// As `At`, of CLOCK_REALTIME, until the clock is set: then it is readable and a read gives ECANCELED.
    AtUnlessSet(u64),
}

/// Arms a timer; with `every` above 0 it goes on expiring at that distance. A first time of 0 is one nanosecond, because 0
/// would disarm it.
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
    raw::set_timer(fd, first.max(1), every, flags)
}

/// Disarms a timer; what has expired and was not read is forgotten.
///
/// # Errors
/// EBADF, EINVAL.
pub fn disarm(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    raw::set_timer(fd, 0, 0, 0)
}

/// Nanoseconds until it expires next; 0 when it is disarmed.
///
/// # Errors
/// EBADF, EINVAL.
pub fn remaining(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    raw::timer_left(fd)
}
