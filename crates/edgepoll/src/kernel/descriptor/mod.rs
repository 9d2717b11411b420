//! Raw calls on descriptors of any kind: reading, writing, closing, sockets, timers.
//!
//! It must never decide anything beyond repeating a call that a signal interrupted. Whatever makes a descriptor
//! makes it close-on-exec and non-blocking in the same call. Called by `descriptor/` and the glue.
#![allow(
    unsafe_code,
    reason = "the memory is JavaScript's, and some calls have no safe wrapper"
)]

pub mod broken_pipe;
pub(crate) mod lifted;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod now;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod threads;

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};

use crate::Errno;
use memory::{Source, Space};

/// Repeats a call for as long as a signal interrupts it.
pub(crate) fn unbroken(mut call: impl FnMut() -> isize) -> Result<usize, Errno> {
    loop {
        if let Ok(value) = usize::try_from(call()) {
            return Ok(value);
        }
        match Errno::last() {
            Errno::EINTR => {}
            errno => return Err(errno),
        }
    }
}

/// Takes over what a system call has just given.
pub(crate) fn fresh(result: libc::c_int) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(result)?;
    // SAFETY: the kernel has just opened this descriptor for the caller, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn length_of(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).unwrap_or(libc::socklen_t::MAX)
}

/// Reads (read(2)); 0 is the end.
///
/// # Errors
/// Whatever read(2) gives, EINTR excepted.
pub(crate) fn read(fd: BorrowedFd<'_>, into: &Space<'_>) -> Result<usize, Errno> {
    // SAFETY: writable memory, as a `Space` promises.
    unbroken(|| unsafe { libc::read(fd.as_raw_fd(), into.start.cast(), into.length) })
}

/// Writes (write(2)); gives how much of it.
///
/// # Errors
/// Whatever write(2) gives, EINTR excepted.
pub(crate) fn write(fd: BorrowedFd<'_>, from: &Source<'_>) -> Result<usize, Errno> {
    // SAFETY: readable memory, as a `Source` promises.
    unbroken(|| unsafe { libc::write(fd.as_raw_fd(), from.start.cast(), from.length) })
}

/// The number that 8 bytes are, as an eventfd takes it; `None` for another length.
#[must_use]
pub(crate) fn counter_of(from: &Source<'_>) -> Option<u64> {
    if from.length != size_of::<u64>() {
        return None;
    }
    let mut bytes = [0; size_of::<u64>()];
    for (at, byte) in bytes.iter_mut().enumerate() {
        // SAFETY: readable memory of 8 bytes, as a `Source` promises; volatile, because other threads may write there.
        *byte = unsafe { from.start.add(at).read_volatile() };
    }
    Some(u64::from_ne_bytes(bytes))
}

/// Whether one of the poll(2) events holds now; errors and hang-ups count, because the call that follows tells them.
///
/// # Errors
/// Whatever poll(2) gives.
pub(crate) fn is_ready(fd: BorrowedFd<'_>, events: i16) -> Result<bool, Errno> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one entry, writable, which outlives the call; the timeout is 0, so nothing waits.
    let found = unbroken(|| unsafe { libc::poll(&raw mut entry, 1, 0) } as isize)?;
    Ok(found > 0)
}

/// Closes a descriptor and reports the error that a drop would hide (close(2)). The descriptor is closed whatever the result is, so
/// EINTR counts as success.
///
/// # Errors
/// EBADF, EIO, ENOSPC, EDQUOT.
pub fn close(fd: OwnedFd) -> Result<(), Errno> {
    // SAFETY: the number comes out of its owner, so this is its one close.
    match Errno::result(unsafe { libc::close(fd.into_raw_fd()) }) {
        Err(Errno::EINTR) => Ok(()),
        result => result.map(drop),
    }
}

/// A second descriptor of the same open file, close-on-exec from the start, above stdio (fcntl(2), F_DUPFD_CLOEXEC).
///
/// # Errors
/// EBADF, EMFILE.
pub fn duplicate(fd: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no pointer.
    fresh(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
}

/// Makes a descriptor close-on-exec (fcntl(2), FD_CLOEXEC).
///
/// # Errors
/// None that a descriptor with an owner can give.
pub(crate) fn close_on_exec(fd: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Whether reading or writing may wait (O_NONBLOCK is not set).
///
/// # Errors
/// EBADF.
pub(crate) fn is_blocking(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    // SAFETY: the call takes no pointer and changes nothing.
    let flags = Errno::result(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK == 0)
}

/// Arms or disarms a timerfd (timerfd_settime(2)): nanoseconds until the first time, and between times;
/// `flags`: TFD_TIMER_ABSTIME, TFD_TIMER_CANCEL_ON_SET.
///
/// # Errors
/// EBADF, ECANCELED, EINVAL.
pub(crate) fn set_timer(
    fd: BorrowedFd<'_>,
    first: u64,
    every: u64,
    flags: i32,
) -> Result<(), Errno> {
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

/// Nanoseconds until a timerfd's next time; 0 when it is disarmed (timerfd_gettime(2)).
///
/// # Errors
/// EBADF, EINVAL.
pub(crate) fn timer_left(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut setting = libc::itimerspec {
        it_interval: timespec(0),
        it_value: timespec(0),
    };
    // SAFETY: the setting is writable and outlives the call.
    Errno::result(unsafe { libc::timerfd_gettime(fd.as_raw_fd(), &raw mut setting) })?;
    let seconds = u64::try_from(setting.it_value.tv_sec).unwrap_or(0);
    let rest = u64::try_from(setting.it_value.tv_nsec).unwrap_or(0);
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(rest))
}

fn timespec(nanoseconds: u64) -> libc::timespec {
    // Both fit: 2^64 nanoseconds are less than 2^35 seconds.
    libc::timespec {
        tv_sec: (nanoseconds / 1_000_000_000).cast_signed(),
        tv_nsec: (nanoseconds % 1_000_000_000).cast_signed(),
    }
}

/// Watches a path (inotify_add_watch(2)); gives the watch's number.
///
/// # Errors
/// EACCES, EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR.
pub(crate) fn add_watch(fd: BorrowedFd<'_>, path: &CStr, mask: u32) -> Result<i32, Errno> {
    // SAFETY: the path ends with NUL and outlives the call.
    Errno::result(unsafe { libc::inotify_add_watch(fd.as_raw_fd(), path.as_ptr(), mask) })
}

/// Ends a watch (inotify_rm_watch(2)).
///
/// # Errors
/// EBADF, EINVAL.
pub(crate) fn remove_watch(fd: BorrowedFd<'_>, watch: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::inotify_rm_watch(fd.as_raw_fd(), watch) }).map(drop)
}

/// A process as a descriptor, readable from its end on (pidfd_open(2)); always close-on-exec.
///
/// # Errors
/// EINVAL, EMFILE, ENFILE, ENOSYS, ESRCH.
pub(crate) fn open_process(pid: i32) -> Result<OwnedFd, Errno> {
    // PIDFD_NONBLOCK has the value of O_NONBLOCK (pidfd_open(2), Linux 5.10).
    // SAFETY: the call takes no pointer.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, libc::O_NONBLOCK) };
    fresh(libc::c_int::try_from(result).unwrap_or(-1))
}

/// Sends a signal to exactly that process (pidfd_send_signal(2)); 0 only asks whether it could be sent.
///
/// # Errors
/// EBADF, EINVAL, EPERM, ESRCH.
pub(crate) fn signal_process(fd: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: no siginfo is given: the kernel writes its own.
    let result =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, info, 0) };
    Errno::result(result).map(drop)
}
