//! The engine on select(2): who is ready is select's word, with what is poll(2)'s, so that an event says the
//! same as with the other engines.
//!
//! It must never take a descriptor that does not fit into a set. Called by `poller.rs`.
//!
//! select knows no hang-up: of a descriptor that is not watched for what can be read it need not tell one.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::bits;
use super::by_poll::{asked, found, look};
use super::engine::{Engine, Readiness, Refusal, EPOLL_ONLY};
use super::identity::Identity;
use super::sleeper::{Bed, Sleeper};
use crate::kernel::poll::poll_entry;
use crate::kernel::select::{Membership, Sets, SET_SIZE};
use crate::{Errno, Token};

struct Watched {
    token: Token,
    interest: u32,
    /// A oneshot that has fired is not.
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
    sleeper: Sleeper<SelectBed>,
    changed: bool,
    /// The number at which the next look begins to report, so that a small room starves nobody.
    next: RawFd,
}

impl BySelect {
    pub(super) fn new() -> Result<BySelect, Refusal> {
        let sleeper = Sleeper::new()?;
        if sleeper.control() >= SET_SIZE {
            return Err(Refusal::SetSize);
        }
        Ok(BySelect {
            watched: BTreeMap::new(),
            sets: Sets::new(),
            identity: Identity::new()?,
            sleeper,
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
        self.sleeper.withdraw();
        Some(())
    }

    fn highest(&self) -> RawFd {
        self.watched.last_key_value().map_or(-1, |(fd, _)| *fd)
    }

    /// Everybody who may be ready, from `next` on and round.
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
            // One was closed under us, and select does not say which: poll does.
            Err(Errno::EBADF) => Ok(order.map(|(fd, _)| *fd).collect()),
            Err(Errno::EINTR) => Ok(Vec::new()),
            Err(errno) => Err(errno),
        }
    }
}

impl Engine for BySelect {
    fn admits(&self, fd: RawFd, interest: u32) -> Result<(), Refusal> {
        if interest & EPOLL_ONLY != 0 {
            return Err(Refusal::Trigger);
        }
        // A hang-up can be waited for only together with what can be read.
        if interest & bits::READ_HANGUP != 0 && interest & bits::READABLE == 0 {
            return Err(Refusal::Trigger);
        }
        if fd >= SET_SIZE {
            return Err(Refusal::SetSize);
        }
        Ok(())
    }

    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.admits(fd, interest)?;
        self.identity.add(fd)?;
        self.put(fd, interest, token);
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.admits(fd, interest)?;
        if !self.watched.contains_key(&fd) || !self.identity.holds(fd) {
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

    fn holds(&self, fd: RawFd) -> bool {
        self.identity.holds(fd)
    }

    fn look(&mut self, into: &mut [Readiness]) -> Result<usize, Errno> {
        self.sleeper.taken();
        let candidates = self.candidates()?;
        let mut entries: Vec<_> = candidates
            .iter()
            .filter_map(|fd| Some((fd, self.watched.get(fd).filter(|watched| watched.armed)?)))
            .map(|(fd, watched)| poll_entry(*fd, asked(watched.interest)))
            .collect();
        look(&mut entries)?;
        let mut count = 0;
        for entry in entries.iter().filter(|entry| entry.revents != 0) {
            if count == into.len() {
                self.next = entry.fd;
                break;
            }
            let Some(watched) = self.watched.get_mut(&entry.fd) else {
                continue;
            };
            let mask = found(entry);
            // select knows the number alone: it may be another file's by now, and this that file's readiness.
            let is_ours = mask == bits::CLOSED || self.identity.holds(entry.fd);
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

    fn arm(&mut self) -> Result<(), Errno> {
        let bed = self.changed.then(|| SelectBed {
            sets: self.sets,
            highest: self.highest(),
        });
        self.sleeper.order(bed)?;
        self.changed = false;
        Ok(())
    }

    fn disarm(&mut self) {
        self.sleeper.withdraw();
    }

    fn announcer(&self) -> BorrowedFd<'_> {
        self.sleeper.announcer()
    }

    fn descriptors(&self) -> Vec<RawFd> {
        vec![
            self.sleeper.announcer().as_raw_fd(),
            self.sleeper.control(),
            self.identity.as_raw_fd(),
        ]
    }
}

/// The thread's sets.
struct SelectBed {
    sets: Sets,
    highest: RawFd,
}

impl Bed for SelectBed {
    fn sleep(&mut self, control: RawFd) -> Result<bool, Errno> {
        let mut sets = self.sets;
        let reading = Membership {
            read: true,
            ..Membership::default()
        };
        sets.set(control, reading);
        let found = sets.select(self.highest.max(control), true)?;
        Ok(found > usize::from(sets.get(control).read))
    }
}
