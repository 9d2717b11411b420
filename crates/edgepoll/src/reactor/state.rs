//! The reactor's state, and the parts of it that all other files use: its slots and its lists.

use std::collections::VecDeque;
use std::fmt;
use std::os::fd::{AsRawFd, RawFd};

use edgepoll_protocol::host::Scratch;

use super::alarm::Alarm;
use super::budget::Budget;
use super::entry::Entry;
use super::guess::Guess;
use super::listener::Listener;
use super::lists::Lists;
use super::occupant::Occupant;
use super::pace::Pace;
use super::stats::Stats;
use super::usage::Usage;
use super::wheel::Wheel;
use crate::connection::{Clock, Failure};
use crate::kernel::{Kernel, LinuxKernel};
use crate::slots::Slots;
use crate::{Errno, Token};

/// The event loop: sockets, their state, and the order in which they are served.
///
/// It runs nothing by itself. Its poll descriptor ([`AsRawFd`]) is readable whenever the kernel has something to
/// report, so it can be nested in any other loop. Work that a turn or a command left ([`Reactor::has_work`]) makes it readable
/// only after [`Reactor::wake`]. The reactor stays on the thread that made it. Dropping it closes every socket; a connection
/// with unsent bytes is reset then.
pub struct Reactor<K: Kernel> {
    pub(super) kernel: K,
    pub(super) slots: Slots<Occupant<K::Socket>>,
    /// Slots that can make progress without another event of the kernel.
    pub(super) lists: Lists,
    /// Connections with a report for the owner: a close, or the send queue's length. Each is here once.
    pub(super) reports: VecDeque<Token>,
    pub(super) wheel: Wheel,
    pub(super) alarm: Alarm,
    /// Slots that the wheel gave in this turn. Empty between turns.
    pub(super) came_up: Vec<u32>,
    /// Connections with a timer that has expired in this turn. Between turns, those that have to be served before they are judged.
    pub(super) due: Vec<Token>,
    /// Listeners whose connections hold so much that some may have to wait for room. Usually none.
    pub(super) tight: Vec<Token>,
    pub(super) usage: Usage,
    pub(super) budget: Budget,
    pub(super) pace: Pace,
    /// The owner has not handled all messages of earlier turns.
    pub(super) owner_is_behind: bool,
    pub(super) guess: Guess,
    /// Where sessions write. `None` before the first call of one, and while one is called.
    pub(super) scratch: Option<Box<Scratch>>,
    pub(super) stats: Stats,
    /// The time of the last [`Reactor::tick`], in nanoseconds. Every turn makes one.
    pub(super) now: u64,
    /// The same time.
    pub(super) clock: Clock,
}

impl Reactor<LinuxKernel> {
    /// A reactor on the operating system. One wait reports at most `events` events; 0 is taken for 1, and more than 65,536
    /// for 65,536.
    ///
    /// # Errors
    /// The call that could not open one of its three descriptors, and its error number: EMFILE, ENFILE, ENOMEM; ENOSYS or EPERM in
    /// a sandbox that forbids the call.
    pub fn open(events: usize, budget: Budget) -> Result<Reactor<LinuxKernel>, Failure> {
        let kernel = LinuxKernel::new(events).map_err(|(call, errno)| Failure { call, errno })?;
        Ok(Reactor::new(kernel, budget))
    }
}

impl<K: Kernel> Reactor<K> {
    /// A reactor on the given kernel.
    pub fn new(kernel: K, budget: Budget) -> Reactor<K> {
        let slots = Slots::new(kernel.token_bits().own_index());
        let now = kernel.now();
        Reactor {
            kernel,
            slots,
            lists: Lists::default(),
            reports: VecDeque::new(),
            wheel: Wheel::default(),
            alarm: Alarm::default(),
            came_up: Vec::new(),
            due: Vec::new(),
            tight: Vec::new(),
            usage: Usage::default(),
            budget: budget.at_least_one(),
            pace: Pace::default(),
            owner_is_behind: false,
            guess: Guess::default(),
            scratch: None,
            stats: Stats::default(),
            now,
            clock: Clock::new(now),
        }
    }

    /// Counters since the start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The kernel, for a test that scripts it.
    #[cfg(feature = "simulation")]
    pub fn kernel_mut(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// True when a turn would do something even if the kernel reported nothing.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.lists.is_empty()
            || !self.reports.is_empty()
            || self.alarm.has_report()
            || self.room_has_work()
    }

    /// Makes the poll descriptor readable until the next turn, for an owner that sleeps on it.
    ///
    /// # Errors
    /// The errors of write(2): EBADF when the program closed a descriptor that it does not own.
    pub fn wake(&mut self) -> Result<(), Errno> {
        self.kernel.wake()
    }

    /// The kernel and a connection that is not closed.
    pub(super) fn live(&mut self, token: Token) -> Option<(&mut K, &mut Entry<K::Socket>)> {
        let entry = self.slots.get_mut(token)?.connection_mut()?;
        entry.closed.is_none().then_some((&mut self.kernel, entry))
    }

    /// As [`Reactor::live`], with the memory that sessions write into.
    #[inline]
    #[allow(
        clippy::type_complexity,
        reason = "three parts of the reactor that are borrowed at the same time"
    )]
    pub(super) fn live_with_scratch(
        &mut self,
        token: Token,
    ) -> Option<(&mut K, &mut Entry<K::Socket>, &mut Option<Box<Scratch>>)> {
        let entry = self.slots.get_mut(token)?.connection_mut()?;
        let is_open = entry.closed.is_none();
        is_open.then_some((&mut self.kernel, entry, &mut self.scratch))
    }

    /// A connection, closed or not.
    pub(super) fn entry(&self, token: Token) -> Option<&Entry<K::Socket>> {
        self.slots.get(token)?.connection()
    }

    /// A connection, closed or not.
    pub(super) fn entry_mut(&mut self, token: Token) -> Option<&mut Entry<K::Socket>> {
        self.slots.get_mut(token)?.connection_mut()
    }

    pub(super) fn listener_mut(&mut self, token: Token) -> Option<&mut Listener<K::Socket>> {
        self.slots.get_mut(token)?.listener_mut()
    }

    /// Puts the slot on the ready list if it may make progress and is on no list yet.
    pub(super) fn list(&mut self, token: Token) {
        if let Some(occupant) = self.slots.get_mut(token) {
            occupant.list(token, self.clock, &mut self.lists);
        }
    }

    /// As [`Reactor::list`], for a slot that was just served. A connection that had its share and has more to do goes to the end of `rest`.
    pub(super) fn list_again(&mut self, token: Token) {
        if let Some(occupant) = self.slots.get_mut(token) {
            *occupant.listed() = false;
            occupant.list_again(token, &mut self.lists);
        }
    }

    /// Puts the connection on the list of those with a report for the owner, if it is not there yet.
    pub(super) fn add_report(&mut self, token: Token) {
        let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) else {
            return;
        };
        if !entry.has_report {
            entry.has_report = true;
            self.reports.push_back(token);
        }
    }
}

impl<K: Kernel> Drop for Reactor<K> {
    fn drop(&mut self) {
        self.reset_unsent();
    }
}

impl<K: Kernel + AsRawFd> AsRawFd for Reactor<K> {
    fn as_raw_fd(&self) -> RawFd {
        self.kernel.as_raw_fd()
    }
}

impl<K: Kernel> fmt::Debug for Reactor<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor")
            .field("listeners", &self.lists.listeners.len())
            .field("ready", &self.lists.ready.len())
            .field("rest", &self.lists.rest.len())
            .field("reports", &self.reports.len())
            .field("budget", &self.budget)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
