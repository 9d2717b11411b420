//! epoll itself, for descriptors that belong to somebody else and for the triggers that mio does not have.
//!
//! It must never change a flag of a descriptor and never close one that it did not open.
#![allow(
    unsafe_code,
    reason = "the descriptors are numbers from outside, which no safe wrapper takes"
)]

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::Errno;

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

    /// Adds, modifies or deletes the registration of `fd`. The kernel ends it when the file is closed.
    ///
    /// # Errors
    /// As [`control`]'s.
    pub fn control(
        &self,
        operation: Operation,
        fd: BorrowedFd<'_>,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        self.control_number(operation, fd.as_raw_fd(), events, data)
    }

    /// As [`Epoll::control`], for a number that may have been closed: the engines do not know that.
    pub(crate) fn control_number(
        &self,
        operation: Operation,
        fd: RawFd,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        control_by_number(self.as_raw_fd(), operation, fd, events, data)
    }

    /// Whether the file of `fd` was added under that number. The kernel identifies a registration by file and number: adding one
    /// again gives EEXIST and changes nothing. Gives true when the kernel cannot answer.
    #[must_use]
    pub(crate) fn holds(&self, fd: RawFd) -> bool {
        match self.control_number(Operation::Add, fd, 0, u64::MAX) {
            Ok(()) => {
                // Another file has the number now. It was added by this call, so it is removed again.
                let _ = self.control_number(Operation::Delete, fd, 0, 0);
                false
            }
            // EINVAL: it is this very epoll descriptor.
            Err(Errno::EBADF | Errno::EPERM | Errno::EINVAL) => false,
            Err(_) => true,
        }
    }

    /// Fills `events` with what is ready now, without waiting; gives how many.
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives; EINTR cannot happen without a wait.
    pub fn look(&self, events: &mut [EpollEvent]) -> Result<usize, Errno> {
        self.wait_for(events, 0)
    }

    /// As [`Epoll::look`], but waits until something is ready.
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives, EINTR among it.
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

/// Adds, modifies or deletes the registration of `fd` with the epoll descriptor of that number, which may be
/// somebody else's.
///
/// # Errors
/// EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM (epoll_ctl(2)); nothing changed then.
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
    // SAFETY: `event` is fully written and outlives the call; a number that is no descriptor gives EBADF.
    let result = unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) };
    Errno::result(result).map(drop)
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
pub(crate) fn file_behind(fd: RawFd) -> Result<(u64, u64), Errno> {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `found` is writable memory for one `stat` and outlives the call.
    Errno::result(unsafe { libc::fstat(fd, found.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it was written.
    let found = unsafe { found.assume_init() };
    Ok((found.st_dev, found.st_ino))
}

/// Whether poll(2) on the file consumes the event that it reports. True for files of procfs and cgroup2, because their pressure
/// triggers, mount tables and sysctl values behave like that. Gives false when the kernel cannot answer.
#[must_use]
pub(crate) fn poll_consumes(fd: RawFd) -> bool {
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `found` is writable memory for one `stat` and outlives the call; it was written when the call succeeds.
    let is_regular = unsafe {
        libc::fstat(fd, found.as_mut_ptr()) == 0
            && found.assume_init().st_mode & libc::S_IFMT == libc::S_IFREG
    };
    if !is_regular {
        return false;
    }
    let mut system = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: as above, for one `statfs`.
    let magic = unsafe {
        if libc::fstatfs(fd, system.as_mut_ptr()) != 0 {
            return false;
        }
        system.assume_init().f_type
    };
    magic == libc::PROC_SUPER_MAGIC || magic == libc::CGROUP2_SUPER_MAGIC
}
