//! timerfd calls; times are in nanoseconds.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::Errno;

const PER_SECOND: u64 = 1_000_000_000;

/// Arms or disarms a timerfd (timerfd_settime(2)). `first` is the time of the first expiration (0 disarms), `every` the interval
/// after it (0 for none), `flags` any of TFD_TIMER_ABSTIME and TFD_TIMER_CANCEL_ON_SET.
///
/// # Errors
/// EBADF, ECANCELED, EINVAL. EOVERFLOW for a time that does not fit into the C library's time_t; see [`timespec`].
pub(crate) fn set(fd: BorrowedFd<'_>, first: u64, every: u64, flags: i32) -> Result<(), Errno> {
    let setting = libc::itimerspec {
        it_interval: timespec(every)?,
        it_value: timespec(first)?,
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
    let mut setting = MaybeUninit::<libc::itimerspec>::uninit();
    // SAFETY: the setting is writable and outlives the call.
    Errno::result(unsafe { libc::timerfd_gettime(fd.as_raw_fd(), setting.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it was written.
    let setting = unsafe { setting.assume_init() };
    let seconds = u64::try_from(setting.it_value.tv_sec).unwrap_or(0);
    let rest = u64::try_from(setting.it_value.tv_nsec).unwrap_or(0);
    Ok(seconds.saturating_mul(PER_SECOND).saturating_add(rest))
}

/// Seconds and nanoseconds.
///
/// A time_t of 64 bits holds every time. On 32-bit ARM with glibc it has 32 bits: a duration of 68 years or more, and a time of
/// CLOCK_REALTIME after 19 January 2038, do not fit, and the timer must not expire earlier instead.
///
/// # Errors
/// EOVERFLOW when the time does not fit.
fn timespec(nanoseconds: u64) -> Result<libc::timespec, Errno> {
    let seconds = (nanoseconds / PER_SECOND).try_into();
    let rest = (nanoseconds % PER_SECOND).try_into();
    match (seconds, rest) {
        (Ok(tv_sec), Ok(tv_nsec)) => Ok(libc::timespec { tv_sec, tv_nsec }),
        _ => Err(Errno::EOVERFLOW),
    }
}
