//! Whether a number still stands for the same open file, for poll and select, which take only numbers.
//!
//! epoll identifies a registration by file and number, so adding one again reports whether the file is the same. Nothing waits on
//! this epoll descriptor. Files that epoll refuses (regular files) have an inode of their own, which is compared.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use crate::kernel::epoll::{file_behind, Epoll, Operation};
use crate::Errno;

pub(super) struct Identity {
    epoll: Epoll,
    /// Device and inode of the files that epoll refuses.
    inodes: HashMap<RawFd, (u64, u64)>,
}

impl Identity {
    pub(super) fn new() -> Result<Identity, Errno> {
        Ok(Identity {
            epoll: Epoll::new()?,
            inodes: HashMap::new(),
        })
    }

    pub(super) fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_fd().as_raw_fd()
    }

    /// Adds a number.
    ///
    /// # Errors
    /// EEXIST if it stands for a file that was added under it; the other errors of epoll_ctl(2) and fstat(2).
    pub(super) fn add(&mut self, fd: RawFd) -> Result<(), Errno> {
        match self.epoll.control_number(Operation::Add, fd, 0, 0) {
            Err(Errno::EPERM) => {
                let inode = file_behind(fd)?;
                match self.inodes.insert(fd, inode) {
                    Some(old) if old == inode => Err(Errno::EEXIST),
                    _ => Ok(()),
                }
            }
            Ok(()) => {
                self.inodes.remove(&fd);
                Ok(())
            }
            Err(errno) => Err(errno),
        }
    }

    /// Removes a number.
    ///
    /// # Errors
    /// ENOENT or EBADF if the file was closed before.
    pub(super) fn remove(&mut self, fd: RawFd) -> Result<(), Errno> {
        match self.inodes.remove(&fd) {
            Some(inode) if file_behind(fd) == Ok(inode) => Ok(()),
            Some(_) => Err(Errno::ENOENT),
            None => self.epoll.control_number(Operation::Delete, fd, 0, 0),
        }
    }

    /// Forgets a number whose file was closed.
    pub(super) fn forget(&mut self, fd: RawFd) {
        self.inodes.remove(&fd);
    }

    /// Whether the number still stands for the file that was added. Returns true if the kernel cannot tell.
    pub(super) fn is_same_file(&self, fd: RawFd) -> bool {
        if let Some(inode) = self.inodes.get(&fd) {
            return match file_behind(fd) {
                Ok(now) => now == *inode,
                Err(errno) => errno != Errno::EBADF,
            };
        }
        self.epoll.is_same_file(fd)
    }
}
