//! Helpers for system calls: repeating an interrupted call, and taking ownership of a new descriptor.

use std::os::fd::{FromRawFd, OwnedFd};

use crate::Errno;

/// Repeats a call for as long as a signal interrupts it.
pub(super) fn uninterrupted(mut call: impl FnMut() -> isize) -> Result<usize, Errno> {
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

/// Takes ownership of the descriptor that a system call has just returned.
pub(super) fn owned(result: libc::c_int) -> Result<OwnedFd, Errno> {
    let fd = Errno::result(result)?;
    // SAFETY: the kernel has just opened this descriptor for the caller, so it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A length in bytes as socket calls take it.
pub(super) fn socket_length(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).unwrap_or(libc::socklen_t::MAX)
}
