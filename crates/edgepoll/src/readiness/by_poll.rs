//! The engine on poll(2): every wait checks every descriptor.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::bits;
use super::engine::{Engine, Readiness, Refusal};
use super::identity::Identity;
use super::poll_set::{events_of, result_of, try_poll};
use super::wait_thread::{WaitSet, WaitThread};
use crate::kernel::poll::{poll, poll_entry, PollEntry};
use crate::{Errno, Token};

struct Watched {
    fd: RawFd,
    token: Token,
    oneshot: bool,
}

pub(super) struct ByPoll {
    /// In the order of `watched`. A oneshot that has fired has a negative number, which poll(2) skips.
    entries: Vec<PollEntry>,
    watched: Vec<Watched>,
    places: HashMap<RawFd, usize>,
    identity: Identity,
    wait_thread: WaitThread<PollSet>,
    /// Whether the entries have changed since the thread got its copy.
    changed: bool,
    /// Where the next wait begins to report, so that with a small batch every descriptor has its turn.
    next: usize,
}

impl ByPoll {
    pub(super) fn new() -> Result<ByPoll, Errno> {
        Ok(ByPoll {
            entries: Vec::new(),
            watched: Vec::new(),
            places: HashMap::new(),
            identity: Identity::new()?,
            wait_thread: WaitThread::new()?,
            changed: true,
            next: 0,
        })
    }

    fn take_out(&mut self, fd: RawFd) -> Option<()> {
        let place = self.places.remove(&fd)?;
        self.entries.swap_remove(place);
        self.watched.swap_remove(place);
        if let Some(moved) = self.watched.get(place) {
            self.places.insert(moved.fd, place);
        }
        self.changed = true;
        self.wait_thread.end();
        Some(())
    }
}

impl Engine for ByPoll {
    fn supports(&self, _fd: RawFd, interest: u32) -> Result<(), Refusal> {
        if interest & bits::EPOLL_ONLY == 0 {
            Ok(())
        } else {
            Err(Refusal::Trigger)
        }
    }

    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.supports(fd, interest)?;
        self.identity.add(fd)?;
        // The kernel has just added this number, so an earlier file under it was closed.
        self.take_out(fd);
        self.places.insert(fd, self.entries.len());
        self.entries.push(poll_entry(fd, events_of(interest)));
        self.watched.push(Watched {
            fd,
            token,
            oneshot: interest & bits::ONESHOT != 0,
        });
        self.changed = true;
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.supports(fd, interest)?;
        let place = *self.places.get(&fd).ok_or(Errno::ENOENT)?;
        if !self.identity.is_same_file(fd) {
            return Err(Errno::ENOENT.into());
        }
        self.entries[place] = poll_entry(fd, events_of(interest));
        self.watched[place] = Watched {
            fd,
            token,
            oneshot: interest & bits::ONESHOT != 0,
        };
        self.changed = true;
        Ok(())
    }

    fn remove(&mut self, fd: RawFd) -> Result<(), Errno> {
        self.take_out(fd);
        self.identity.remove(fd)
    }

    fn forget(&mut self, fd: RawFd) {
        self.take_out(fd);
        self.identity.forget(fd);
    }

    fn is_same_file(&self, fd: RawFd) -> bool {
        self.identity.is_same_file(fd)
    }

    fn try_wait(&mut self, into: &mut [Readiness]) -> Result<usize, Errno> {
        self.wait_thread.clear();
        let mut ready = try_poll(&mut self.entries)?;
        let length = self.entries.len();
        let mut count = 0;
        for step in 0..length {
            if ready == 0 || count == into.len() {
                break;
            }
            let place = (self.next + step) % length;
            let mask = result_of(&self.entries[place]);
            if self.entries[place].revents == 0 {
                continue;
            }
            ready -= 1;
            let watched = &self.watched[place];
            // poll(2) takes only a number. The number may stand for another file by now, and the result be that file's.
            let is_ours = mask == bits::CLOSED || self.identity.is_same_file(watched.fd);
            into[count] = Readiness {
                token: watched.token,
                mask: if is_ours { mask } else { bits::CLOSED },
            };
            count += 1;
            if watched.oneshot {
                self.entries[place].fd = !watched.fd;
                self.changed = true;
            }
            if count == into.len() {
                self.next = (place + 1) % length;
            }
        }
        Ok(count)
    }

    fn begin_wait(&mut self) -> Result<(), Errno> {
        let set = self.changed.then(|| PollSet(self.entries.clone()));
        self.wait_thread.begin(set)?;
        self.changed = false;
        Ok(())
    }

    fn end_wait(&mut self) {
        self.wait_thread.end();
    }

    fn wait_fd(&self) -> BorrowedFd<'_> {
        self.wait_thread.wait_fd()
    }

    fn own_descriptors(&self) -> Vec<RawFd> {
        vec![
            self.wait_thread.wait_fd().as_raw_fd(),
            self.wait_thread.wake_fd(),
            self.identity.as_raw_fd(),
        ]
    }
}

/// The thread's copy of the entries.
struct PollSet(Vec<PollEntry>);

impl WaitSet for PollSet {
    fn wait(&mut self, wake: RawFd) -> Result<bool, Errno> {
        self.0.push(poll_entry(wake, libc::POLLIN));
        let result = poll(&mut self.0, true);
        let is_woken = self.0.pop().is_some_and(|entry| entry.revents != 0);
        Ok(result? > usize::from(is_woken))
    }
}
