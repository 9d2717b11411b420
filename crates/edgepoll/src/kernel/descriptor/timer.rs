//! timerfd calls; times are in nanoseconds.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

const PER_SECOND: u64 = 1_000_000_000;

/// Arms or disarms a timerfd (timerfd_settime(2)). `first` is the time of the first expiration (0 disarms), `every` the interval
/// after it (0 for none), `flags` any of TFD_TIMER_ABSTIME and TFD_TIMER_CANCEL_ON_SET.
///
/// # Errors
/// EBADF, ECANCELED, EINVAL.
pub(crate) fn set(fd: BorrowedFd<'_>, first: u64, every: u64, flags: i32) -> Result<(), Errno> {
    let setting = libc::itimerspec {
        it_interval: timespec(every),
        it_value: timespec(first),
    };
    // SAFETY: the setting outlives the call; the old one is not asked for.
    let result = unsafe {
        libc::timerfd_settime(
            fd.as_raw_fd(),
            flags,
            &raw const setting,
            std::ptr::null_mut(),
        )
    };
    Errno::result(result).map(drop)
}

/// The time until a timerfd expires next; 0 when it is disarmed (timerfd_gettime(2)).
///
/// # Errors
/// EBADF, EINVAL.
pub(crate) fn remaining(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut setting = libc::itimerspec {
        it_interval: timespec(0),
        it_value: timespec(0),
    };
    // SAFETY: the setting is writable and outlives the call.
    Errno::result(unsafe { libc::timerfd_gettime(fd.as_raw_fd(), &raw mut setting) })?;
    let seconds = u64::try_from(setting.it_value.tv_sec).unwrap_or(0);
    let rest = u64::try_from(setting.it_value.tv_nsec).unwrap_or(0);
    Ok(seconds.saturating_mul(PER_SECOND).saturating_add(rest))
}

fn timespec(nanoseconds: u64) -> libc::timespec {
    // Both fields fit: 2^64 nanoseconds are less than 2^35 seconds.
    libc::timespec {
        tv_sec: (nanoseconds / PER_SECOND).cast_signed(),
        tv_nsec: (nanoseconds % PER_SECOND).cast_signed(),
    }
}
