//! epoll itself, for descriptors that belong to somebody else and for the triggers that mio does not have.
//!
//! It must never change a flag of a descriptor and never close one that it did not open.
#![allow(
    unsafe_code,
    reason = "the descriptors are numbers from outside, which no safe wrapper takes"
)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

pub use super::descriptor::duplicate;
use super::Errno;

/// One entry of a wait's result: the kernel's bits and the registration's data.
pub type EpollEvent = libc::epoll_event;

/// What epoll_ctl(2) is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// EPOLL_CTL_ADD
    Add,
    /// EPOLL_CTL_MOD
    Modify,
    /// EPOLL_CTL_DEL
    Delete,
}

/// An epoll descriptor, closed when dropped.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// A new one, close-on-exec.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM (epoll_create1(2)).
    pub fn new() -> Result<Epoll, Errno> {
        // SAFETY: the call takes no pointer.
        let fd = Errno::result(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: epoll_create1 just returned this descriptor, so nobody else owns it.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds, modifies or deletes the registration of `fd`.
    ///
    /// # Errors
    /// As [`control`]'s.
    pub fn control(
        &self,
        operation: Operation,
        fd: RawFd,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        control(self.as_raw_fd(), operation, fd, events, data)
    }

    /// Fills `events` with what is ready now, without waiting; gives how many.
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives; EINTR cannot happen without a wait.
    pub fn look(&self, events: &mut [EpollEvent]) -> Result<usize, Errno> {
        let room = i32::try_from(events.len()).unwrap_or(i32::MAX);
        // SAFETY: `events` is writable memory for `room` entries and outlives the call.
        let count = unsafe { libc::epoll_wait(self.as_raw_fd(), events.as_mut_ptr(), room, 0) };
        Errno::result(count).map(|count| usize::try_from(count).unwrap_or(0))
    }
}

impl From<Epoll> for OwnedFd {
    fn from(epoll: Epoll) -> OwnedFd {
        epoll.0
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Adds, modifies or deletes the registration of `fd` with the epoll descriptor of that number, which may be
/// somebody else's.
///
/// # Errors
/// EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM (epoll_ctl(2)); nothing changed then.
pub fn control(
    epoll: RawFd,
    operation: Operation,
    fd: RawFd,
    events: u32,
    data: u64,
) -> Result<(), Errno> {
    let operation = match operation {
        Operation::Add => libc::EPOLL_CTL_ADD,
        Operation::Modify => libc::EPOLL_CTL_MOD,
        Operation::Delete => libc::EPOLL_CTL_DEL,
    };
    let mut event = EpollEvent { events, u64: data };
    // SAFETY: `event` is fully written and outlives the call; a number that is no descriptor gives EBADF.
    let result = unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) };
    Errno::result(result).map(drop)
}

/// True when the number is an epoll descriptor: then it refuses to delete what it does not watch, where another file is
/// no place to delete from. `unwatched`: one that it does not watch.
#[must_use]
pub fn is_epoll(fd: RawFd, unwatched: RawFd) -> bool {
    control(fd, Operation::Delete, unwatched, 0, 0) == Err(Errno::ENOENT)
}

/// True when the number is an open descriptor of this process (fcntl(2), F_GETFD: changes nothing).
#[must_use]
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: the call takes no pointer, and F_GETFD has no effect.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// Which file stands behind the number, as far as fstat(2) tells: device and inode. Files that have no inode
/// of their own (eventfds, timerfds …) share one.
///
/// # Errors
/// EBADF, ENOMEM, and whatever the file system gives.
pub fn file_behind(fd: RawFd) -> Result<(u64, u64), Errno> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `found` is writable memory for one `stat` and outlives the call.
    Errno::result(unsafe { libc::fstat(fd, found.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it was written.
    let found = unsafe { found.assume_init() };
    Ok((found.st_dev, found.st_ino))
}
