//! epoll(7), for descriptors that belong to other code and for the triggers that mio does not have.
//!
//! No call here changes a descriptor's flags, and only descriptors that were opened here are closed.
#![allow(
    unsafe_code,
    reason = "other code owns the descriptors and passes them as numbers, which no safe wrapper takes"
)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::Errno;

/// An event: the kernel's bits, and the data of the registration.
pub type EpollEvent = libc::epoll_event;

/// An operation of epoll_ctl(2).
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
    /// Opens an epoll descriptor, close-on-exec.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM (epoll_create1(2)).
    pub fn new() -> Result<Epoll, Errno> {
        // SAFETY: the call takes no pointer.
        let fd = Errno::result(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: epoll_create1 just returned this descriptor, so it has no other owner.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Adds, modifies or deletes the registration of `fd`. The kernel ends it when the file is closed.
    ///
    /// # Errors
    /// Those of [`control`].
    pub fn control(
        &self,
        operation: Operation,
        fd: BorrowedFd<'_>,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        self.control_number(operation, fd.as_raw_fd(), events, data)
    }

    /// As [`Epoll::control`], for a number that may have been closed without notice to the engines.
    pub(crate) fn control_number(
        &self,
        operation: Operation,
        fd: RawFd,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        control_by_number(self.as_raw_fd(), operation, fd, events, data)
    }

    /// Whether `fd` still stands for the file that was added under that number. The kernel identifies a registration by file and
    /// number: adding one again fails with EEXIST and changes nothing. Returns true if the kernel cannot tell.
    #[must_use]
    pub(crate) fn is_same_file(&self, fd: RawFd) -> bool {
        match self.control_number(Operation::Add, fd, 0, u64::MAX) {
            Ok(()) => {
                // The number stands for another file now. This call has added it, so it is removed again.
                let _ = self.control_number(Operation::Delete, fd, 0, 0);
                false
            }
            // EINVAL: the number stands for this epoll descriptor.
            Err(Errno::EBADF | Errno::EPERM | Errno::EINVAL) => false,
            Err(_) => true,
        }
    }

    /// Fills `events` with what is ready now, without blocking, and returns their number.
    ///
    /// # Errors
    /// The errors of epoll_wait(2).
    pub fn try_wait(&self, events: &mut [EpollEvent]) -> Result<usize, Errno> {
        self.wait_for(events, 0)
    }

    /// As [`Epoll::try_wait`], but blocks until something is ready.
    ///
    /// # Errors
    /// The errors of epoll_wait(2), EINTR included.
    pub fn wait(&self, events: &mut [EpollEvent]) -> Result<usize, Errno> {
        self.wait_for(events, -1)
    }

    fn wait_for(&self, events: &mut [EpollEvent], timeout: i32) -> Result<usize, Errno> {
        let room = i32::try_from(events.len()).unwrap_or(i32::MAX);
        // SAFETY: `events` is writable memory for `room` entries and outlives the call.
        let count =
            unsafe { libc::epoll_wait(self.as_raw_fd(), events.as_mut_ptr(), room, timeout) };
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

/// Adds, modifies or deletes the registration of `fd` with an epoll descriptor, which may belong to other code.
///
/// # Errors
/// EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM (epoll_ctl(2)); nothing has changed then.
///
/// # Safety
/// The caller may use both descriptors ([I/O safety](std::io#io-safety)), and the owner of `epoll` expects the change.
pub unsafe fn control(
    epoll: RawFd,
    operation: Operation,
    fd: RawFd,
    events: u32,
    data: u64,
) -> Result<(), Errno> {
    control_by_number(epoll, operation, fd, events, data)
}

fn control_by_number(
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
    // SAFETY: `event` is fully written and outlives the call. A number that is no descriptor fails with EBADF.
    let result = unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) };
    Errno::result(result).map(drop)
}

/// Whether the number is an open descriptor of this process (fcntl(2), F_GETFD).
#[must_use]
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: the call takes no pointer, and F_GETFD has no effect.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// What fstat(2) reports of a descriptor. fstat64 takes every size and inode also where a C long has 32 bits.
///
/// # Errors
/// EBADF, ENOMEM, and the errors of the file system.
pub(crate) fn status(fd: RawFd) -> Result<libc::stat64, Errno> {
    let mut found = MaybeUninit::<libc::stat64>::uninit();
    // SAFETY: `found` is writable memory for one `stat64` and outlives the call.
    Errno::result(unsafe { libc::fstat64(fd, found.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it was written.
    Ok(unsafe { found.assume_init() })
}

/// The device and the inode of the file that the number stands for (fstat(2)). Files without an inode of their own (eventfds,
/// timerfds …) share one.
///
/// # Errors
/// Those of [`status`].
pub(crate) fn file_behind(fd: RawFd) -> Result<(u64, u64), Errno> {
    let found = status(fd)?;
    Ok((found.st_dev, found.st_ino))
}

/// Whether poll(2) on the file consumes the event that it reports. True for files of procfs and cgroup2, because their pressure
/// triggers, mount tables and sysctl values behave like that. Returns false if the kernel cannot tell.
#[must_use]
pub(crate) fn poll_consumes(fd: RawFd) -> bool {
    if !status(fd).is_ok_and(|found| found.st_mode & libc::S_IFMT == libc::S_IFREG) {
        return false;
    }
    let mut system = MaybeUninit::<libc::statfs64>::uninit();
    // SAFETY: `system` is writable memory for one `statfs64` and outlives the call; it was written when the call succeeds.
    let magic = unsafe {
        if libc::fstatfs64(fd, system.as_mut_ptr()) != 0 {
            return false;
        }
        system.assume_init().f_type
    };
    // The type of the number is signed or unsigned, and has 32 or 64 bits, depending on the target.
    [
        libc::PROC_SUPER_MAGIC as u32,
        libc::CGROUP2_SUPER_MAGIC as u32,
    ]
    .contains(&(magic as u32))
}
