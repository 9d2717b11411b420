//! Owns the kernel, the slots and the ready list; does the system calls that the rules allow.
//!
//! It must never block except in a wait that was given time, never call the owner, and never serve one
//! slot beyond its budget. Called by the glue, or by a Rust program in its own loop.

mod accept;
mod budget;
mod busy_poll;
#[cfg(feature = "simulation")]
mod check;
mod commands;
mod deadlines;
mod guess;
mod inbox;
mod options;
mod receive;
mod send;
mod slots;
mod turn;

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, RawFd};

pub use budget::Budget;
pub use busy_poll::BusyPoll;
pub use commands::WriteError;
pub use inbox::{Event, Inbox};
pub use options::{CodecFactory, ConnectOptions, ListenOptions};

use crate::connection::{CloseReason, Connection, Writing};
use crate::kernel::{Kernel, LinuxKernel};
use crate::{Address, Errno, Ready, Token};
use accept::Listener;
use deadlines::Deadlines;
use guess::Guess;
pub(crate) use slots::Slots;

/// A slot's occupant.
pub(crate) enum Occupant<S> {
    Listener(Listener<S>),
    Connection(Entry<S>),
}

/// The data of a closed connection for its close event, until the owner gets it.
pub(crate) struct Closed {
    pub(crate) reason: CloseReason,
    /// The address that it had on this side.
    pub(crate) local: Option<Address>,
}

/// A connection with its socket and its places in the reactor's lists.
pub(crate) struct Entry<S> {
    /// `None` once the descriptor is closed, at the latest when the close is reported. Then the slot is freed as well.
    pub(crate) socket: Option<S>,
    pub(crate) connection: Connection,
    /// It stands on the ready list.
    pub(crate) listed: bool,
    /// Whether it is in the list of connections with a report for the owner.
    pub(crate) noted: bool,
    /// Whether the send queue's length has to be reported.
    pub(crate) tell_queued: bool,
    /// That a send failed is to be told.
    pub(crate) tell_failed: bool,
    /// The peer must see a reset even if nothing is lost.
    pub(crate) resets: bool,
    /// Boxed: it is for the moment between the close and its telling.
    pub(crate) closed: Option<Box<Closed>>,
    pub(crate) unsent: usize,
}

impl<S> Entry<S> {
    /// Bytes that were written and will not be sent. The owner counts here as well, and may count anything.
    fn lose(&mut self, length: usize) {
        self.unsent = self.unsent.saturating_add(length);
    }

    fn lose_queue(&mut self) {
        let length = self.connection.queue.clear();
        self.lose(length);
    }

    /// True when the close must be a reset: bytes that were accepted from the owner will not be sent, or it asked for one.
    /// A FIN would mean to the peer that it has received everything.
    fn must_reset(&self) -> bool {
        self.unsent > 0 || self.resets || !self.connection.queue.is_empty()
    }
}

/// Whether the kernel sets the alarm that deadlines need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    Works,
    /// The kernel refused, and the owner has to get an event for that.
    Refused(Errno),
    /// The kernel refused, and the owner has got the event.
    Told,
}

impl Alarm {
    fn is_to_be_told(self) -> bool {
        matches!(self, Alarm::Refused(_))
    }
}

/// Counters since the reactor was made. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Turns taken.
    pub turns: u64,
    /// Events that the kernel reported.
    pub events: u64,
    /// Events whose token was of an earlier occupant; they were dropped.
    pub stale: u64,
    /// recv(2) calls.
    pub receives: u64,
    /// send(2) and sendmsg(2) calls.
    pub sends: u64,
    /// Connections accepted.
    pub accepts: u64,
    /// How often a listener paused: for want of descriptors or memory, or because accepts in a row were refused.
    pub accept_pauses: u64,
}

/// What the memory that messages are encoded in keeps from one to the next.
const SCRATCH: usize = 64 * 1024;

/// The loop: sockets, their state and who is to be served next.
///
/// It runs nothing by itself. Its poll descriptor ([`AsRawFd`]) is readable whenever the kernel has something to
/// tell, so it nests in any other loop. What a turn or a command left ([`Reactor::has_work`]) shows there only after
/// [`Reactor::wake`]. It stays on the thread that made it. Dropping it closes every socket; a connection with unsent
/// bytes is reset then.
pub struct Reactor<K: Kernel> {
    kernel: K,
    slots: Slots<Occupant<K::Socket>>,
    /// Slots that can make progress without another event of the kernel. Each is here or in `rest`, once.
    ready: VecDeque<Token>,
    /// As `ready`, but these connections had their share in an earlier turn and have more to do. They are served after `ready`.
    rest: VecDeque<Token>,
    /// The last turn served no connection in `rest` although there were some: the next turn begins with `rest`.
    rest_first: bool,
    /// Connections with a report for the owner: a close, or the send queue's length. Each is here once.
    noted: VecDeque<Token>,
    deadlines: Deadlines,
    alarm: Alarm,
    /// Connections whose deadline has passed in this turn; empty between turns.
    due: Vec<Token>,
    budget: Budget,
    guess: Guess,
    /// Where messages are encoded; empty between them, kept up to [`SCRATCH`] bytes to save the allocation.
    scratch: Vec<u8>,
    stats: Stats,
}

impl Reactor<LinuxKernel> {
    /// A reactor on the operating system; one wait gives at most `events` events, 0 being taken for 1 and
    /// more than 65,536 for 65,536.
    ///
    /// # Errors
    /// EMFILE, ENFILE or ENOMEM, when its three descriptors cannot be opened.
    pub fn open(events: usize, budget: Budget) -> Result<Reactor<LinuxKernel>, Errno> {
        Ok(Reactor::new(LinuxKernel::new(events)?, budget))
    }
}

impl<K: Kernel> Reactor<K> {
    /// A reactor on the given kernel.
    pub fn new(kernel: K, budget: Budget) -> Reactor<K> {
        Reactor {
            kernel,
            slots: Slots::new(),
            ready: VecDeque::new(),
            rest: VecDeque::new(),
            rest_first: false,
            noted: VecDeque::new(),
            deadlines: Deadlines::default(),
            alarm: Alarm::Works,
            due: Vec::new(),
            budget: budget.at_least_one(),
            guess: Guess::default(),
            scratch: Vec::new(),
            stats: Stats::default(),
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
        !self.ready.is_empty()
            || !self.rest.is_empty()
            || !self.noted.is_empty()
            || self.alarm.is_to_be_told()
    }

    /// Makes the poll descriptor readable until the next turn, for an owner that sleeps on it.
    ///
    /// # Errors
    /// Whatever write(2) gives: EBADF when the program closed a descriptor that is not its own.
    pub fn wake(&mut self) -> Result<(), Errno> {
        self.kernel.wake()
    }

    /// A connection that is not closed.
    fn live(&mut self, token: Token) -> Option<(&mut K, &mut Entry<K::Socket>)> {
        match self.slots.get_mut(token)? {
            Occupant::Connection(entry) if entry.closed.is_none() => {
                Some((&mut self.kernel, entry))
            }
            Occupant::Connection(_) | Occupant::Listener(_) => None,
        }
    }

    /// Puts the slot on the ready list if it may make progress and is not there yet.
    fn list(&mut self, token: Token) {
        if let Some(occupant) = self.slots.get_mut(token) {
            occupant.list(token, &mut self.ready);
        }
    }

    /// As [`Reactor::list`], for a connection that was just served.
    fn list_rest(&mut self, token: Token) {
        if let Some(occupant) = self.slots.get_mut(token) {
            *occupant.listed() = false;
            occupant.list(token, &mut self.rest);
        }
    }

    fn note(&mut self, token: Token) {
        if let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) {
            if !entry.noted {
                entry.noted = true;
                self.noted.push_back(token);
            }
        }
    }

    /// Ends a connection: the descriptor goes now, the slot once the close has been told.
    ///
    /// Until the owner gets the close it may go on writing, and those bytes are lost: then the peer must not see FIN. So if
    /// nothing is lost so far, the descriptor stays open until the close is reported and no write can follow.
    fn close(&mut self, token: Token, reason: CloseReason) {
        let local = self.local_address_before_close(token);
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.closed = Some(Box::new(Closed { reason, local }));
        entry.lose_queue();
        entry.connection.carry.clear();
        entry.resets |= reason == CloseReason::QueueFull;
        let knows = reason == CloseReason::Destroyed || !entry.connection.takes_writes();
        let is_decided = knows || entry.must_reset();
        self.set_deadline(token, None);
        self.note(token);
        if is_decided {
            self.release(token);
        }
    }

    /// Closes the descriptor of a connection that is over: with RST if bytes were lost, else with FIN.
    fn release(&mut self, token: Token) {
        let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) else {
            return;
        };
        let Some(socket) = entry.socket.take() else {
            return;
        };
        if entry.must_reset() {
            // If the kernel refuses every way to reset, the peer sees FIN. The owner still gets the number of unsent bytes.
            let _ = self.kernel.reset_on_close(&socket);
        }
        self.kernel.close(socket);
        if let Some(listener) = entry.connection.listener {
            self.connection_left(listener);
        }
    }

    /// Makes the kernel reset every connection that has unsent bytes now when its descriptor is closed, by the end of
    /// the process too: otherwise the peer would take the bytes that it has received for all of them. Dropping the reactor does
    /// the same. Call this before the process ends without dropping it, as [`std::process::exit`] does.
    pub fn reset_unsent(&mut self) {
        for (_, occupant) in self.slots.iter() {
            if let Occupant::Connection(entry) = occupant {
                if let Some(socket) = entry.socket.as_ref().filter(|_| entry.must_reset()) {
                    // See `release`.
                    let _ = self.kernel.reset_on_close(socket);
                }
            }
        }
    }

    /// The local address, which cannot be read once the socket is closed. A connection of a listener that is bound to one
    /// address has that address, so only other connections cost a system call.
    fn local_address_before_close(&self, token: Token) -> Option<Address> {
        let entry = match self.slots.get(token)? {
            Occupant::Connection(entry) if entry.closed.is_none() => entry,
            Occupant::Connection(_) | Occupant::Listener(_) => return None,
        };
        if entry.connection.writing == Writing::Connecting {
            return None;
        }
        let bound =
            entry
                .connection
                .listener
                .and_then(|listener| match self.slots.get(listener)? {
                    Occupant::Listener(listener) => listener.bound.clone(),
                    Occupant::Connection(_) => None,
                });
        bound.or_else(|| self.kernel.local_address(entry.socket.as_ref()?).ok())
    }

    /// Sets or clears a slot's one deadline.
    fn set_deadline(&mut self, token: Token, at: Option<u64>) {
        let field = match self.slots.get_mut(token) {
            Some(Occupant::Connection(entry)) => &mut entry.connection.deadline,
            Some(Occupant::Listener(listener)) => &mut listener.resume_at,
            None => return,
        };
        let before = std::mem::replace(field, at.unwrap_or(0));
        if before != 0 {
            self.deadlines.remove(before, token);
        }
        if let Some(at) = at {
            self.deadlines.insert(at, token);
        }
        self.update_alarm();
    }

    /// Sets the kernel's alarm to the soonest deadline. If the kernel refuses, the owner gets one event for it, and each later
    /// change and turn tries again. Until one succeeds, the next turn handles a passed deadline, whatever woke it.
    fn update_alarm(&mut self) {
        let Some(alarm) = self.deadlines.alarm_to_set() else {
            return;
        };
        match self.kernel.set_alarm(alarm) {
            Ok(()) => self.alarm = Alarm::Works,
            Err(errno) => {
                self.deadlines.alarm_was_refused();
                if self.alarm == Alarm::Works {
                    self.alarm = Alarm::Refused(errno);
                }
            }
        }
    }

    /// `milliseconds` from now on the kernel's clock.
    fn after(&self, milliseconds: u32) -> u64 {
        self.kernel
            .now()
            .saturating_add(u64::from(milliseconds) * 1_000_000)
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

impl<S> Occupant<S> {
    /// The kernel reported bits.
    #[inline]
    fn handle_ready(&mut self, ready: Ready) {
        match self {
            Occupant::Listener(listener) => listener.ready |= ready.contains(Ready::READABLE),
            Occupant::Connection(entry) => entry.connection.handle_ready(ready),
        }
    }

    /// True when serving it would do something.
    #[inline]
    fn may_progress(&self) -> bool {
        match self {
            Occupant::Listener(listener) => listener.may_accept(),
            Occupant::Connection(entry) => {
                entry.closed.is_none() && entry.connection.may_progress()
            }
        }
    }

    /// Joins the ready list, once.
    #[inline]
    fn list(&mut self, token: Token, ready: &mut VecDeque<Token>) {
        if self.may_progress() {
            let listed = self.listed();
            if !*listed {
                *listed = true;
                ready.push_back(token);
            }
        }
    }

    fn listed(&mut self) -> &mut bool {
        match self {
            Occupant::Listener(listener) => &mut listener.listed,
            Occupant::Connection(entry) => &mut entry.listed,
        }
    }
}
