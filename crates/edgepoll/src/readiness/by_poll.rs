//! The engine on poll(2): every look asks about every descriptor.
//!
//! It must never pretend to an edge. Called by `poller.rs`.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::bits;
use super::engine::{Engine, Readiness, Refusal, EPOLL_ONLY};
use super::identity::Identity;
use super::sleeper::{Bed, Sleeper};
use crate::kernel::poll::{poll, poll_entry, PollEntry};
use crate::{Errno, Token};

/// What poll may be asked for; the values are epoll's.
const ASKED: u32 = bits::READABLE | bits::PRIORITY | bits::WRITABLE | bits::READ_HANGUP;

/// What a poll entry asks for. All of it fits: the highest bit is RDHUP's.
pub(super) fn asked(interest: u32) -> i16 {
    i16::try_from(interest & ASKED).unwrap_or(0)
}

/// A result in epoll's bits; a closed descriptor has one of its own.
pub(super) fn found(entry: &PollEntry) -> u32 {
    if entry.revents & libc::POLLNVAL != 0 {
        return bits::CLOSED;
    }
    u32::from(entry.revents.cast_unsigned()) & (ASKED | bits::ERROR | bits::HANGUP)
}

/// poll without a wait; a signal that comes just then is no news.
pub(super) fn look(entries: &mut [PollEntry]) -> Result<usize, Errno> {
    match poll(entries, false) {
        Err(Errno::EINTR) => {
            for entry in entries {
                entry.revents = 0;
            }
            Ok(0)
        }
        result => result,
    }
}

struct Watched {
    fd: RawFd,
    token: Token,
    oneshot: bool,
}

pub(super) struct ByPoll {
    /// In the order of `watched`; a oneshot that has fired has a negative number, which poll skips.
    entries: Vec<PollEntry>,
    watched: Vec<Watched>,
    places: HashMap<RawFd, usize>,
    identity: Identity,
    sleeper: Sleeper<PollBed>,
    /// The thread's copy is old.
    changed: bool,
    /// Where the next look begins to report, so that a small room starves nobody.
    next: usize,
}

impl ByPoll {
    pub(super) fn new() -> Result<ByPoll, Errno> {
        Ok(ByPoll {
            entries: Vec::new(),
            watched: Vec::new(),
            places: HashMap::new(),
            identity: Identity::new()?,
            sleeper: Sleeper::new()?,
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
        self.sleeper.withdraw();
        Some(())
    }
}

impl Engine for ByPoll {
    fn admits(&self, _fd: RawFd, interest: u32) -> Result<(), Refusal> {
        if interest & EPOLL_ONLY == 0 {
            Ok(())
        } else {
            Err(Refusal::Trigger)
        }
    }

    fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.admits(fd, interest)?;
        self.identity.add(fd)?;
        // The number is new to the kernel: whoever is here under it was closed.
        self.take_out(fd);
        self.places.insert(fd, self.entries.len());
        self.entries.push(poll_entry(fd, asked(interest)));
        self.watched.push(Watched {
            fd,
            token,
            oneshot: interest & bits::ONESHOT != 0,
        });
        self.changed = true;
        Ok(())
    }

    fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.admits(fd, interest)?;
        let place = *self.places.get(&fd).ok_or(Errno::ENOENT)?;
        if !self.identity.holds(fd) {
            return Err(Errno::ENOENT.into());
        }
        self.entries[place] = poll_entry(fd, asked(interest));
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

    fn holds(&self, fd: RawFd) -> bool {
        self.identity.holds(fd)
    }

    fn look(&mut self, into: &mut [Readiness]) -> Result<usize, Errno> {
        self.sleeper.taken();
        let mut ready = look(&mut self.entries)?;
        let length = self.entries.len();
        let mut count = 0;
        for step in 0..length {
            if ready == 0 || count == into.len() {
                break;
            }
            let place = (self.next + step) % length;
            let mask = found(&self.entries[place]);
            if self.entries[place].revents == 0 {
                continue;
            }
            ready -= 1;
            let watched = &self.watched[place];
            // poll knows the number alone: it may be another file's by now, and this that file's readiness.
            let is_ours = mask == bits::CLOSED || self.identity.holds(watched.fd);
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

    fn arm(&mut self) -> Result<(), Errno> {
        let bed = self.changed.then(|| PollBed(self.entries.clone()));
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

/// The thread's set: the last entry is its own control.
struct PollBed(Vec<PollEntry>);

impl Bed for PollBed {
    fn sleep(&mut self, control: RawFd) -> Result<bool, Errno> {
        self.0.push(poll_entry(control, libc::POLLIN));
        let result = poll(&mut self.0, true);
        let own = self.0.pop().is_some_and(|entry| entry.revents != 0);
        Ok(result? > usize::from(own))
    }
}
