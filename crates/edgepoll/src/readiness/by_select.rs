//! The engine on select(2). select(2) finds the descriptors that are ready, and poll(2) reports what for, so that the events are the
//! same as with the other engines.
//!
//! select(2) reports no hang-up of a descriptor that is not watched for reading.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::bits;
use super::engine::{Engine, Readiness, Refusal};
use super::identity::Identity;
use super::poll_set::{events_of, result_of, try_poll};
use super::wait_thread::{WaitSet, WaitThread};
use crate::kernel::poll::poll_entry;
use crate::kernel::select::{Membership, Sets, SET_SIZE};
use crate::{Errno, Token};

struct Watched {
    token: Token,
    interest: u32,
    /// False for a oneshot that has fired.
    armed: bool,
}

impl Watched {
    fn membership(&self) -> Membership {
        Membership {
            // A hang-up of the reading side makes a descriptor readable.
            read: self.armed && self.interest & (bits::READABLE | bits::READ_HANGUP) != 0,
            write: self.armed && self.interest & bits::WRITABLE != 0,
            except: self.armed && self.interest & bits::PRIORITY != 0,
        }
    }
}

pub(super) struct BySelect {
    watched: BTreeMap<RawFd, Watched>,
    sets: Sets,
    identity: Identity,
    wait_thread: WaitThread<SelectSet>,
    /// Whether the sets have changed since the thread got its copy.
    changed: bool,
    /// The number at which the next wait begins to report, so that with a small batch every descriptor has its turn.
    next: RawFd,
}

impl BySelect {
    pub(super) fn new() -> Result<BySelect, Refusal> {
        let wait_thread = WaitThread::new()?;
        if wait_thread.wake_fd() >= SET_SIZE {
            return Err(Refusal::SetSize);
        }
        Ok(BySelect {
            watched: BTreeMap::new(),
            sets: Sets::new(),
            identity: Identity::new()?,
            wait_thread,
            changed: true,
            next: 0,
        })
    }

    fn put(&mut self, fd: RawFd, interest: u32, token: Token) {
        let watched = Watched {
            token,
            interest,
            armed: true,
        };
        self.sets.set(fd, watched.membership());
        self.watched.insert(fd, watched);
        self.changed = true;
    }

    fn take_out(&mut self, fd: RawFd) -> Option<()> {
        self.watched.remove(&fd)?;
        self.sets.set(fd, Membership::default());
        self.changed = true;
        self.wait_thread.end();
        Some(())
    }

    fn highest(&self) -> RawFd {
        self.watched.last_key_value().map_or(-1, |(fd, _)| *fd)
    }

    /// The descriptors that may be ready, in order from `next` on, with the smaller numbers last.
    fn candidates(&self) -> Result<Vec<RawFd>, Errno> {
        let mut sets = self.sets;
        let order = self
            .watched
            .range(self.next..)
            .chain(self.watched.range(..self.next));
        match sets.select(self.highest(), false) {
            Ok(0) => Ok(Vec::new()),
            Ok(_) => Ok(order
                .map(|(fd, _)| *fd)
                .filter(|fd| sets.get(*fd).any())
                .collect()),
            // A descriptor was closed. select(2) does not report which one, but poll(2) does.
            Err(Errno::EBADF) => Ok(order.map(|(fd, _)| *fd).collect()),
            Err(Errno::EINTR) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }
}

impl Engine for BySelect {
    fn supports(&self, fd: RawFd, interest: u32) -> Result<(), Refusal> {
        if interest & bits::EPOLL_ONLY != 0 {
            return Err(Refusal::Trigger);
        }
        // select(2) reports a hang-up of the reading side as readable, so it can be watched only together with that.
        if interest & bits::READ_HANGUP != 0 && interest & bits::READABLE == 0 {
            return Err(Refusal::Trigger);
        }
        if fd >= SET_SIZE {
            return Err(Refusal::SetSize);
        }
        Ok(())
    }

    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.supports(fd, interest)?;
        self.identity.add(fd)?;
        self.put(fd, interest, token);
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.supports(fd, interest)?;
        if !self.watched.contains_key(&fd) || !self.identity.is_same_file(fd) {
            return Err(Errno::ENOENT.into());
        }
        self.put(fd, interest, token);
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
        let candidates = self.candidates()?;
        let mut entries: Vec<_> = candidates
            .iter()
            .filter_map(|fd| Some((fd, self.watched.get(fd).filter(|watched| watched.armed)?)))
            .map(|(fd, watched)| poll_entry(*fd, events_of(watched.interest)))
            .collect();
        try_poll(&mut entries)?;
        let mut count = 0;
        for entry in entries.iter().filter(|entry| entry.revents != 0) {
            if count == into.len() {
                self.next = entry.fd;
                break;
            }
            let Some(watched) = self.watched.get_mut(&entry.fd) else {
                continue;
            };
            let mask = result_of(entry);
            // select(2) takes only a number. The number may stand for another file by now, and the result be that file's.
            let is_ours = mask == bits::CLOSED || self.identity.is_same_file(entry.fd);
            into[count] = Readiness {
                token: watched.token,
                mask: if is_ours { mask } else { bits::CLOSED },
            };
            count += 1;
            if watched.interest & bits::ONESHOT != 0 {
                watched.armed = false;
                self.sets.set(entry.fd, Membership::default());
                self.changed = true;
            }
        }
        Ok(count)
    }

    fn begin_wait(&mut self) -> Result<(), Errno> {
        let set = self.changed.then(|| SelectSet {
            sets: self.sets,
            highest: self.highest(),
        });
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

/// The thread's copy of the sets.
struct SelectSet {
    sets: Sets,
    highest: RawFd,
}

impl WaitSet for SelectSet {
    fn wait(&mut self, wake: RawFd) -> Result<bool, Errno> {
        let mut sets = self.sets;
        let reading = Membership {
            read: true,
            ..Membership::default()
        };
        sets.set(wake, reading);
        let found = sets.select(self.highest.max(wake), true)?;
        Ok(found > usize::from(sets.get(wake).read))
    }
}
