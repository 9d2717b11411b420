//! eventfd(2): a counter that is readable while it is not 0.
//!
//! It must never wait. Called by the glue.

use std::os::fd::{OwnedFd, RawFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::kernel::descriptor as raw;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::Errno;

/// A counter. With `semaphore`, each read takes 1 instead of everything.
///
/// # Errors
/// EMFILE, ENFILE, ENODEV, ENOMEM.
pub fn eventfd(initial: u32, semaphore: bool) -> Result<OwnedFd, Errno> {
    let mut flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
    flags.set(EfdFlags::EFD_SEMAPHORE, semaphore);
    EventFd::from_value_and_flags(initial, flags).map(OwnedFd::from)
}

/// Takes from the counter: all of it, or 1 of a semaphore. Of a timerfd: how often it has expired.
///
/// # Errors
/// EAGAIN when it is 0; EBADF, EINVAL; ECANCELED of a timerfd whose clock was set.
pub fn take_counter(fd: RawFd) -> Result<u64, Errno> {
    let mut value = [0; 8];
    raw::read(fd, &Space::from(&mut value[..]))?;
    Ok(u64::from_ne_bytes(value))
}

/// Adds to the counter.
///
/// # Errors
/// EAGAIN when the sum would exceed 2^64 − 2, EINVAL for 2^64 − 1, EBADF.
pub fn add_to_counter(fd: RawFd, value: u64) -> Result<(), Errno> {
    raw::write(fd, &Source::from(&value.to_ne_bytes()[..])).map(drop)
}
