//! eventfd(2): a counter that is readable while it is not 0.

use std::os::fd::{BorrowedFd, OwnedFd};

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::transfer::{self, TransferMethods};
use crate::kernel::descriptor::memory::{Source, Space};
use crate::Errno;

/// One value serves every eventfd, because all are files of one kind.
static METHODS: TransferMethods = TransferMethods::no_wait_flag();

/// Creates a counter. With `semaphore`, each read takes 1 instead of everything.
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

/// Takes everything from the counter, or 1 from a semaphore. From a timerfd it takes the number of expirations.
///
/// # Errors
/// EAGAIN when the counter is 0; EBADF, EINVAL; ECANCELED from a timerfd whose clock was set.
pub fn take_counter(fd: BorrowedFd<'_>) -> Result<u64, Errno> {
    let mut value = [0; 8];
    transfer::read(fd, &Space::from(&mut value[..]), &METHODS)?;
    Ok(u64::from_ne_bytes(value))
}

/// Adds to the counter.
///
/// # Errors
/// EAGAIN when the sum would exceed 2^64 − 2, EINVAL for 2^64 − 1, EBADF.
pub fn add_to_counter(fd: BorrowedFd<'_>, value: u64) -> Result<(), Errno> {
    transfer::write(fd, &Source::from(&value.to_ne_bytes()[..]), &METHODS).map(drop)
}
