//! Whether a number still stands for the same open file, for the engines whose kernel calls know only numbers.
//!
//! It must never wait on what it holds. Used by the poll and select engines.
//!
//! Why epoll: it knows registrations by file and number, so adding one again tells whether it is the same.
//! Files that epoll refuses (regular ones) have an inode of their own to compare.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use crate::kernel::epoll::{file_behind, Epoll, Operation};
use crate::Errno;

pub(super) struct Identity {
    epoll: Epoll,
    /// What epoll refuses: device and inode.
    files: HashMap<RawFd, (u64, u64)>,
}

impl Identity {
    pub(super) fn new() -> Result<Identity, Errno> {
        Ok(Identity {
            epoll: Epoll::new()?,
            files: HashMap::new(),
        })
    }

    pub(super) fn as_raw_fd(&self) -> RawFd {
        self.epoll.as_fd().as_raw_fd()
    }

    /// EEXIST when it is here already, as epoll has it.
    pub(super) fn add(&mut self, fd: RawFd) -> Result<(), Errno> {
        match self.epoll.control_number(Operation::Add, fd, 0, 0) {
            Err(Errno::EPERM) => {
                let file = file_behind(fd)?;
                match self.files.insert(fd, file) {
                    Some(old) if old == file => Err(Errno::EEXIST),
                    _ => Ok(()),
                }
            }
            Ok(()) => {
                self.files.remove(&fd);
                Ok(())
            }
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn remove(&mut self, fd: RawFd) -> Result<(), Errno> {
        match self.files.remove(&fd) {
            Some(file) if file_behind(fd) == Ok(file) => Ok(()),
            Some(_) => Err(Errno::ENOENT),
            None => self.epoll.control_number(Operation::Delete, fd, 0, 0),
        }
    }

    /// Forgets a number whose file was closed.
    pub(super) fn forget(&mut self, fd: RawFd) {
        self.files.remove(&fd);
    }

    /// An answer that cannot be had is a yes.
    pub(super) fn holds(&self, fd: RawFd) -> bool {
        if let Some(file) = self.files.get(&fd) {
            return match file_behind(fd) {
                Ok(now) => now == *file,
                Err(errno) => errno != Errno::EBADF,
            };
        }
        self.epoll.holds(fd)
    }
}
