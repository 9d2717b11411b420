//! A set of watched descriptors: who is registered, what is armed, who was closed under us.
//!
//! It must never report an event of one registration to another, and never forget one in silence. Called by
//! the glue, or by a Rust program; it calls its engine.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::bits;
use super::by_epoll::ByEpoll;
use super::by_poll::ByPoll;
use super::by_select::BySelect;
use super::counters::{Counters, Looked};
use super::engine::{Engine, EngineKind, Readiness, Refusal, Retired};
use super::relay::{Relay, RELAY};
use super::stale_looks::StaleLooks;
use crate::kernel::descriptor::file::duplicate;
use crate::kernel::epoll::poll_consumes;
use crate::kernel::MOST_EVENTS;
use crate::slots::Slots;
use crate::{Errno, Token};

const NOBODY: Readiness = Readiness {
    token: Token {
        index: 0,
        generation: 0,
    },
    mask: 0,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Armed,
    /// A oneshot that has fired, until it is armed again.
    Fired,
    /// The descriptor was closed while it was watched. The entry stays until that is reported, so that no later registration gets
    /// the event.
    Closed,
}

struct Registration {
    /// The number that the kernel knows.
    fd: RawFd,
    /// The duplicate that is watched instead of its owner's, closed with the registration.
    duplicate: Option<OwnedFd>,
    interest: u32,
    state: State,
    /// The relay watches it, not the engine.
    is_relayed: bool,
}

/// A set of watched descriptors.
///
/// Its own descriptor ([`AsFd`]) is readable while an event waits, once [`Poller::arm`] was called.
/// One registration per descriptor.
pub struct Poller {
    engine: Box<dyn Engine>,
    /// Watches files whose event is taken by the first poll(2); made with the first of them.
    relay: Option<Relay>,
    /// Whether the next look begins with the relay. The two take turns, so that neither always fills a small batch.
    relay_first: bool,
    /// The descriptors are real ones.
    asks_kernel: bool,
    registrations: Slots<Registration>,
    by_number: HashMap<RawFd, Token>,
    batch: Vec<Readiness>,
    /// Found closed, and not told yet.
    lost: Vec<Token>,
    /// How many events of the next looks are reported only if their descriptors still are the registered files.
    doubted: usize,
    /// Where the next check begins.
    next_check: usize,
    stale_looks: StaleLooks,
    retired: Option<Retired>,
    counters: Counters,
}

impl Poller {
    /// A poller on epoll whose looks give at most `max_events` events each, 0 being taken for 1 and more than 65,536 for
    /// 65,536; the rest come with the next look.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new(max_events: usize) -> Result<Poller, Errno> {
        let max_events = max_events.clamp(1, MOST_EVENTS);
        let engine = Box::new(ByEpoll::new(max_events)?);
        Ok(Poller {
            asks_kernel: true,
            ..Poller::on(engine, max_events)
        })
    }

    /// As [`Poller::new`], on the engine of that kind.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM; [`Refusal::SetSize`] when the process has so many descriptors open that
    /// select's thread could not wait for its own.
    pub fn with_kind(kind: EngineKind, max_events: usize) -> Result<Poller, Refusal> {
        let engine: Box<dyn Engine> = match kind {
            EngineKind::Epoll => return Ok(Poller::new(max_events)?),
            EngineKind::Poll => Box::new(ByPoll::new()?),
            EngineKind::Select => Box::new(BySelect::new()?),
        };
        Ok(Poller {
            asks_kernel: true,
            ..Poller::on(engine, max_events)
        })
    }

    /// As [`Poller::new`], on an engine of the caller's: for tests, and for kernels to come.
    #[must_use]
    pub fn on(engine: Box<dyn Engine>, max_events: usize) -> Poller {
        Poller {
            engine,
            relay: None,
            relay_first: true,
            asks_kernel: false,
            registrations: Slots::new(),
            by_number: HashMap::new(),
            batch: vec![NOBODY; max_events.clamp(1, MOST_EVENTS)],
            lost: Vec::new(),
            doubted: 0,
            next_check: 0,
            stale_looks: StaleLooks::new(),
            retired: None,
            counters: Counters::default(),
        }
    }

    /// Watches `fd` for `interest`, any of [`bits`] except ERROR and HANGUP, which are always told.
    ///
    /// # Errors
    /// Those of epoll_ctl(2): EPERM for a regular file under epoll, EEXIST for a descriptor that is watched
    /// already; and what the engine refuses.
    ///
    /// # Safety
    /// The caller may use `fd` ([I/O safety](std::io#io-safety)) until the registration ends: by [`Poller::unregister`], by
    /// the drop of the poller, or by a [`bits::CLOSED`], which reports that the descriptor was closed. Between the close and
    /// that report the poller may check the readiness of a new file with the same number. It never reads, writes or closes a
    /// descriptor of that number, and never changes its flags.
    #[allow(
        unsafe_code,
        reason = "a contract for the caller; nothing in here is unsafe"
    )]
    pub unsafe fn register(&mut self, fd: RawFd, interest: u32) -> Result<Token, Refusal> {
        self.add(fd, None, interest)
    }

    /// Watches a duplicate of `fd` (F_DUPFD_CLOEXEC), which is closed with the registration: closing `fd`
    /// itself then neither ends the watching nor makes the poller report the events of another file.
    ///
    /// # Errors
    /// EMFILE, and those of [`Poller::register`].
    pub fn register_duplicate(
        &mut self,
        fd: BorrowedFd<'_>,
        interest: u32,
    ) -> Result<Token, Refusal> {
        let copy = duplicate(fd)?;
        self.add(copy.as_raw_fd(), Some(copy), interest)
    }

    fn add(&mut self, fd: RawFd, copy: Option<OwnedFd>, interest: u32) -> Result<Token, Refusal> {
        // The number was free until the duplicate got it, so the owner of the registration under it has closed it.
        let closed = copy.as_ref().and(self.by_number.get(&fd)).copied();
        if let Some(old) = closed {
            self.forget(old);
            self.lose(old);
        }
        let registration = Registration {
            fd,
            duplicate: copy,
            interest,
            state: State::Armed,
            is_relayed: false,
        };
        let token = self
            .registrations
            .insert(registration)
            .ok_or(Errno::ENOMEM)?;
        match self.admit(fd, interest, token) {
            Ok(is_relayed) => {
                if let Some(registration) = self.registrations.get_mut(token) {
                    registration.is_relayed = is_relayed;
                }
            }
            Err(refusal) => {
                self.registrations.remove(token);
                return Err(refusal);
            }
        }
        // The number is new to the kernel, so the owner of the earlier registration under it has closed it.
        if let Some(old) = self.by_number.insert(fd, token) {
            self.give_way(old, token);
            self.lose(old);
        }
        Ok(token)
    }

    /// Removes `old` from its set, the engine's or the relay's, if `new`, which has the same number, is in the other one.
    fn give_way(&mut self, old: Token, new: Token) {
        let is_relayed = |token| {
            self.registrations
                .get(token)
                .is_some_and(|found| found.is_relayed)
        };
        let (old_is, new_is) = (is_relayed(old), is_relayed(new));
        match &mut self.relay {
            Some(relay) if old_is => relay.forget(old),
            _ if new_is => {
                if let Some(gone) = self.registrations.get(old) {
                    self.engine.forget(gone.fd);
                }
            }
            _ => {}
        }
    }

    /// Gives whether the relay watches it.
    fn admit(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<bool, Refusal> {
        let is_relayed =
            interest & bits::POLL_CONSUMES != 0 || (self.asks_kernel && poll_consumes(fd));
        let here = self.by_number.get(&fd).copied();
        let here = here.and_then(|token| self.registrations.get(token));
        // The engine and the relay each detect a second registration only among their own.
        if here.is_some_and(|here| here.is_relayed != is_relayed && self.holds(here)) {
            return Err(Errno::EEXIST.into());
        }
        if is_relayed {
            match self.add_to_relay(fd, interest, token) {
                // The file does not support poll: the engine decides whether it refuses the file or reports it as ready.
                Err(Refusal::Kernel(Errno::EPERM)) => {}
                result => return result.map(|()| true),
            }
        }
        self.add_to_engine(fd, interest, token).map(|()| false)
    }

    fn add_to_relay(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        self.engine.admits(fd, interest)?;
        let relay = if let Some(relay) = &mut self.relay {
            relay
        } else {
            let relay = Relay::new()?;
            let announcer = relay.announcer().as_raw_fd();
            self.engine.add(announcer, relay.asked, RELAY)?;
            self.relay.insert(relay)
        };
        let asked = relay.asked | interest & bits::WAKEUP;
        if asked != relay.asked {
            // The announcer gets EPOLLWAKEUP too, so that the system stays awake until the relay's events are fetched.
            self.engine
                .modify(relay.announcer().as_raw_fd(), asked, RELAY)?;
            relay.asked = asked;
        }
        let result = relay.add(fd, interest, token);
        let is_there = result == Err(Refusal::Kernel(Errno::EEXIST));
        // As in `add_to_engine`.
        if is_there && !self.by_number.contains_key(&fd) && relay.remove(fd, RELAY).is_ok() {
            return relay.add(fd, interest, token);
        }
        result
    }

    /// Whether the number still stands for the file that was registered. True as well when the kernel cannot tell.
    fn holds(&self, registration: &Registration) -> bool {
        match &self.relay {
            Some(relay) if registration.is_relayed => relay.holds(registration.fd),
            _ => self.engine.holds(registration.fd),
        }
    }

    /// The kernel may have this very file under this number still, of one who was closed and is gone here: then the file
    /// has lived on and got its number back, and what could not be removed before can be now.
    fn add_to_engine(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let result = self.engine.add(fd, interest, token);
        let is_there = result == Err(Refusal::Kernel(Errno::EEXIST));
        if is_there && !self.by_number.contains_key(&fd) && self.engine.remove(fd).is_ok() {
            return self.engine.add(fd, interest, token);
        }
        result
    }

    /// Its descriptor was closed: the next look tells.
    fn lose(&mut self, token: Token) {
        if let Some(registration) = self.registrations.get_mut(token) {
            registration.state = State::Closed;
            self.counters.closed += 1;
            self.lost.push(token);
        }
    }

    fn watched(&mut self, token: Token) -> Result<&mut Registration, Refusal> {
        let found = self.registrations.get_mut(token).ok_or(Errno::ENOENT)?;
        if found.state == State::Closed {
            return Err(Refusal::Closed);
        }
        Ok(found)
    }

    /// Changes what is watched for. The kernel looks anew: a condition that holds is reported again, edge or not.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); ENOENT when the registration is gone, [`Refusal::Closed`] when its descriptor was
    /// closed.
    pub fn modify(&mut self, token: Token, interest: u32) -> Result<(), Refusal> {
        let Registration { fd, is_relayed, .. } = *self.watched(token)?;
        match &mut self.relay {
            Some(relay) if is_relayed => {
                self.engine.admits(fd, interest)?;
                relay.modify(fd, interest, token)?;
            }
            _ => self.engine.modify(fd, interest, token)?,
        }
        let registration = self.watched(token)?;
        registration.interest = interest;
        registration.state = State::Armed;
        Ok(())
    }

    /// Arms a oneshot registration again, with what it was watched for. As [`Poller::modify`] otherwise.
    ///
    /// # Errors
    /// Those of [`Poller::modify`].
    pub fn rearm(&mut self, token: Token) -> Result<(), Refusal> {
        let interest = self.watched(token)?.interest;
        self.modify(token, interest)
    }

    /// Watches no longer. The token is stale from here on, whatever the result.
    ///
    /// # Errors
    /// EBADF or ENOENT when the descriptor was closed before: the kernel has forgotten it already.
    pub fn unregister(&mut self, token: Token) -> Result<(), Errno> {
        let gone = self.registrations.remove(token).ok_or(Errno::ENOENT)?;
        if gone.state == State::Closed {
            return Err(Errno::ENOENT);
        }
        self.by_number.remove(&gone.fd);
        // Before the duplicate is closed: what is closed first cannot be removed any more.
        let removed = match &mut self.relay {
            Some(relay) if gone.is_relayed => relay.remove(gone.fd, token),
            _ => self.engine.remove(gone.fd),
        };
        drop(gone);
        removed
    }

    /// Hands what is ready now to `each`, at most `room` events (0 is taken for 1), without waiting.
    ///
    /// # Errors
    /// Whatever the kernel gives.
    pub fn look(&mut self, room: usize, mut each: impl FnMut(Readiness)) -> Result<Looked, Errno> {
        let room = room.clamp(1, self.batch.len());
        let mut told = 0;
        while told < room {
            let Some(token) = self.lost.pop() else { break };
            // A registration that was ended meanwhile reports nothing.
            if self.registrations.remove(token).is_some() {
                let mask = bits::CLOSED;
                each(Readiness { token, mask });
                told += 1;
            }
        }
        if told == room {
            return Ok(Looked {
                told,
                renewed: false,
            });
        }
        self.counters.looks += 1;
        let found = self.gather(room - told)?;
        if self.doubted > 0 && found > 0 {
            self.verify(found);
        }
        let mut stale = 0;
        for at in 0..found {
            let event = self.batch[at];
            let registration = self.registrations.get_mut(event.token);
            // Not armed: a renewed engine cannot hold back a hang-up.
            let Some(registration) = registration.filter(|found| found.state == State::Armed)
            else {
                stale += u64::from(event.token != RELAY);
                continue;
            };
            if event.mask == bits::CLOSED {
                self.forget(event.token);
                self.registrations.remove(event.token);
                self.counters.closed += 1;
            } else {
                if registration.interest & bits::ONESHOT != 0 {
                    registration.state = State::Fired;
                }
                self.counters.events += 1;
            }
            each(event);
            told += 1;
        }
        self.counters.largest = self.counters.largest.max(told);
        self.counters.stale += stale;
        let renewed = self.renew_after(stale, told);
        Ok(Looked { told, renewed })
    }

    /// Makes the next look that finds events check for up to this many of them whether their descriptors still are the registered
    /// files. A file that is still open under another number or in another process goes on reporting events for a closed number.
    pub fn doubt(&mut self, events: usize) {
        self.doubted = events;
    }

    fn verify(&mut self, found: usize) {
        let doubted = std::mem::take(&mut self.doubted);
        for at in 0..found.min(doubted) {
            let registration = self.registrations.get(self.batch[at].token);
            if registration.is_some_and(|found| found.duplicate.is_none() && !self.holds(found)) {
                self.batch[at].mask = bits::CLOSED;
            }
        }
    }

    /// Fills the batch from the engine and the relay, at most `room` events in all.
    fn gather(&mut self, room: usize) -> Result<usize, Errno> {
        let Some(relay) = &mut self.relay else {
            return self.engine.look(&mut self.batch[..room]);
        };
        let batch = &mut self.batch[..room];
        self.relay_first = !self.relay_first;
        let (first, second) = if self.relay_first {
            let first = relay.look(batch)?;
            (first, self.engine.look(&mut batch[first..]))
        } else {
            let first = self.engine.look(batch)?;
            (first, relay.look(&mut batch[first..]))
        };
        match second {
            Ok(second) => Ok(first + second),
            // The events found so far are reported now, and the error by the next look.
            Err(_) if first > 0 => Ok(first),
            Err(errno) => Err(errno),
        }
    }

    fn renew_after(&mut self, stale: u64, told: usize) -> bool {
        if !self.stale_looks.count(stale, told) || self.retired.is_some() {
            return false;
        }
        self.stale_looks.restart();
        let relay = self.relay.as_ref();
        let announcer = relay.map(|relay| (relay.announcer().as_raw_fd(), relay.asked, RELAY));
        let mut live = self
            .registrations
            .iter()
            .filter(|(_, registration)| {
                registration.state != State::Closed && !registration.is_relayed
            })
            .map(|(token, registration)| {
                let Registration { fd, interest, .. } = *registration;
                match registration.state {
                    State::Fired => (fd, interest & (bits::ONESHOT | bits::EDGE), token),
                    _ => (fd, interest, token),
                }
            })
            .chain(announcer);
        let renewal = self.engine.renew(&mut live);
        drop(live);
        match renewal {
            Ok(retired) => self.retired = retired,
            // No descriptor, memory or watch is left. The poller keeps the old engine, and drops stale events until a later
            // renewal succeeds.
            Err(_) => self.stale_looks.failed(),
        }
        let renewed = self.retired.is_some();
        self.counters.renewals += u64::from(renewed);
        renewed
    }

    /// Closes what a renewal left behind. To be called once no wait on the old descriptor is pending.
    pub fn retire(&mut self) {
        if self.retired.take().is_some() {
            self.stale_looks.renewed();
        }
    }

    /// For a caller that cannot wait on the new descriptor: the poller announces by the old one again. To be called before any
    /// other method, so that nothing changes in one of the two alone.
    pub fn take_back(&mut self) {
        if let Some(old) = self.retired.take() {
            self.engine.restore(old);
            self.counters.renewals -= 1;
            self.stale_looks.failed();
        }
    }

    /// The kernel has forgotten it already.
    fn forget(&mut self, token: Token) {
        if let Some(gone) = self.registrations.get(token) {
            self.by_number.remove(&gone.fd);
            match &mut self.relay {
                Some(relay) if gone.is_relayed => relay.forget(token),
                _ => self.engine.forget(gone.fd),
            }
        }
    }

    /// Asks of at most `limit` registrations, in turn, whether their descriptors are still what was registered;
    /// those that are not are gone, and told by the next look. Gives whether there are any to tell.
    ///
    /// The kernel forgets a descriptor that its owner closes without a word, and its number may be another
    /// file's at once.
    pub fn check(&mut self, limit: usize) -> bool {
        let places = self.registrations.places();
        let mut asked = 0;
        // Empty slots do not count towards the limit, so a poller that was large once is checked as fast as others.
        for _ in 0..places {
            if asked == limit {
                break;
            }
            self.next_check = if self.next_check + 1 < places {
                self.next_check + 1
            } else {
                0
            };
            let Some((token, registration)) = self.registrations.at(self.next_check) else {
                continue;
            };
            asked += 1;
            let is_foreign = registration.duplicate.is_none();
            if is_foreign && registration.state != State::Closed && !self.holds(registration) {
                self.forget(token);
                self.lose(token);
            }
        }
        self.has_lost()
    }

    /// The next look tells of a closed descriptor, which the poller's own does not announce.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Has to be called before the caller waits for the descriptor to become readable, and again after each look, and after each
    /// change of the registrations during a wait.
    ///
    /// # Errors
    /// EAGAIN when the engine needs a thread and cannot have one.
    pub fn arm(&mut self) -> Result<(), Errno> {
        if let Some(relay) = &mut self.relay {
            relay.arm();
        }
        self.engine.arm()
    }

    /// Has to be called when no wait is pending any more. As long as the engines poll and select are armed, they keep the watched
    /// files open even if their owners close them.
    pub fn disarm(&mut self) {
        self.engine.disarm();
    }

    /// The descriptors that the poller has opened for itself. The caller uses the list to refuse them as descriptors to watch
    /// or adopt. A renewal changes it.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        let left_behind = self.retired.iter().map(|retired| retired.epoll.as_raw_fd());
        let mut all = self.engine.descriptors();
        all.extend(self.relay.iter().flat_map(Relay::descriptors));
        all.extend(left_behind);
        all
    }

    /// Whether it has a thread, with descriptors of its own, for files whose event is taken by the first poll(2). The first
    /// registration of such a file starts the thread, and it stays.
    #[must_use]
    pub fn has_relay(&self) -> bool {
        self.relay.is_some()
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("descriptor", &self.as_raw_fd())
            .field("registrations", &self.by_number.len())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine.announcer()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.engine.announcer().as_raw_fd()
    }
}
