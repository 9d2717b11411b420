//! timerfd(2): a clock's time as a descriptor.
//!
//! It must never disarm a timer that was asked for at once. Called by the glue.

use std::os::fd::{OwnedFd, RawFd};

use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::kernel::descriptor as raw;
use crate::kernel::Errno;

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
    TimerFd::new(clock, flags).map(OwnedFd::from)
}

/// When a timer expires first, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From now on.
    After(u64),
    /// On the timer's clock; at once if that is past.
    At(u64),
}

/// Arms a timer; with `every` above 0 it goes on expiring at that distance. A first time of 0 is one nanosecond, because 0
/// would disarm it.
///
/// # Errors
/// EBADF, EINVAL.
pub fn arm(fd: RawFd, when: When, every: u64) -> Result<(), Errno> {
    let (first, absolute) = match when {
        When::After(first) => (first, false),
        When::At(first) => (first, true),
    };
    raw::set_timer(fd, first.max(1), every, absolute)
}

/// Disarms a timer; what has expired and was not read is forgotten.
///
/// # Errors
/// EBADF, EINVAL.
pub fn disarm(fd: RawFd) -> Result<(), Errno> {
    raw::set_timer(fd, 0, 0, false)
}

/// Nanoseconds until it expires next; 0 when it is disarmed.
///
/// # Errors
/// EBADF, EINVAL.
pub fn remaining(fd: RawFd) -> Result<u64, Errno> {
    raw::timer_left(fd)
}
