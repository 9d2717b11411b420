//! A set of watched descriptors.
//!
//! An event reaches only the registration that it belongs to, and a registration ends only by a call of its owner or with a report.

mod closed;
mod registering;
mod registration;
#[cfg(test)]
mod scripted_tests;
mod stale;
mod waiting;

use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use self::registration::Registration;
use self::stale::StaleWaits;
use super::by_epoll::ByEpoll;
use super::by_poll::ByPoll;
use super::by_select::BySelect;
use super::counters::Counters;
use super::engine::{Engine, EngineKind, Readiness, Refusal, Retired};
use super::relay::{Relay, RELAY};
use crate::kernel::MOST_EVENTS;
use crate::slots::Slots;
use crate::{Errno, Token};

const EMPTY: Readiness = Readiness {
    token: Token {
        index: 0,
        generation: 0,
    },
    mask: 0,
};

/// A set of watched descriptors, with one registration per descriptor.
///
/// After [`Poller::begin_wait`] the poller's own descriptor ([`AsFd`]) is readable while there is an event.
pub struct Poller {
    engine: Box<dyn Engine>,
    /// Watches files whose event the first poll(2) consumes. The first registration of such a file makes it.
    relay: Option<Relay>,
    /// Whether the next wait begins with the relay. The two take turns, so that neither always fills a small batch.
    relay_first: bool,
    registrations: Slots<Registration>,
    by_number: HashMap<RawFd, Token>,
    /// The events of one wait.
    found: Vec<Readiness>,
    /// Registrations whose descriptor was closed, until that is reported.
    closed: Vec<Token>,
    /// The number of events of the next waits that are reported only if their descriptors still are the registered files.
    unverified: usize,
    /// The place where the next check begins.
    next_check: usize,
    stale_waits: StaleWaits,
    retired: Option<Retired>,
    counters: Counters,
}

impl Poller {
    /// Makes a poller on epoll. A wait reports at most `max_events` events, and further ones come with the next wait. 0 is taken for
    /// 1, and more than 65,536 for 65,536.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM.
    pub fn new(max_events: usize) -> Result<Poller, Errno> {
        let max_events = max_events.clamp(1, MOST_EVENTS);
        let engine = Box::new(ByEpoll::new(max_events)?);
        Ok(Poller::on(engine, max_events))
    }

    /// As [`Poller::new`], on the engine of that kind.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM; [`Refusal::SetSize`] if the process has so many open descriptors that select's thread could not wait
    /// for its own.
    pub fn with_kind(kind: EngineKind, max_events: usize) -> Result<Poller, Refusal> {
        let engine: Box<dyn Engine> = match kind {
            EngineKind::Epoll => return Ok(Poller::new(max_events)?),
            EngineKind::Poll => Box::new(ByPoll::new()?),
            EngineKind::Select => Box::new(BySelect::new()?),
        };
        Ok(Poller::on(engine, max_events))
    }

    fn on(engine: Box<dyn Engine>, max_events: usize) -> Poller {
        Poller {
            engine,
            relay: None,
            relay_first: true,
            registrations: Slots::new(RELAY.index),
            by_number: HashMap::new(),
            found: vec![EMPTY; max_events.clamp(1, MOST_EVENTS)],
            closed: Vec::new(),
            unverified: 0,
            next_check: 0,
            stale_waits: StaleWaits::new(),
            retired: None,
            counters: Counters::default(),
        }
    }

    /// Whether the number still stands for the file that was registered. Returns true if the kernel cannot tell.
    fn is_same_file(&self, registration: &Registration) -> bool {
        match &self.relay {
            Some(relay) if registration.is_relayed => relay.is_same_file(registration.fd),
            _ => self.engine.is_same_file(registration.fd),
        }
    }

    /// The descriptors that the poller has opened for itself. A caller uses the list to refuse to watch or adopt them. A renewal
    /// changes it.
    #[must_use]
    pub fn descriptors(&self) -> Vec<RawFd> {
        let retired = self.retired.iter().map(|retired| retired.epoll.as_raw_fd());
        let mut all = self.engine.own_descriptors();
        all.extend(self.relay.iter().flat_map(Relay::own_descriptors));
        all.extend(retired);
        all
    }

    /// Whether it has a thread, with descriptors of its own, for files whose event the first poll(2) consumes. The first
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
        self.engine.wait_fd()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.engine.wait_fd().as_raw_fd()
    }
}
