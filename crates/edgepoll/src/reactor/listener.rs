//! A listening socket: when it may accept, and what a failed accept means for it.

use std::rc::Rc;

use super::admission::Dropped;
use super::clients::Clients;
use super::drops::Drops;
use super::options::ListenOptions;
use super::room::Room;
use crate::connection::{Clock, Limits};
use crate::{Address, Errno};

/// The first and the longest pause of a listener, in milliseconds. Each pause lasts twice as long as the one before it.
const FIRST_PAUSE: u32 = 5;
const LONGEST_PAUSE: u32 = 1_000;
/// How many accepts in a row may fail with an error that concerns one client. After that many, without a connection or an empty
/// backlog in between, the listener pauses. A policy may refuse the call itself and leave the client in the backlog (seccomp, a
/// security module), or a signal may interrupt every call. Clients that a firewall refuses do not stay in the backlog.
const MOST_REFUSALS: u32 = 64;

/// After how many milliseconds clients without a connection are forgotten. By then their tokens are back: see `clients.rs`.
pub(super) const FORGET_AFTER: u32 = 1_000;

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listener<S> {
    pub(super) socket: S,
    pub(super) options: ListenOptions,
    /// The local address of all its connections. `None` when it listens on all addresses of the machine.
    pub(super) bound: Option<Address>,
    /// Its connections share this, because most connections are idle and should be small.
    pub(super) limits: Rc<Limits>,
    /// The backlog may hold connections.
    pub(super) ready: bool,
    /// It is on the ready list.
    pub(super) listed: bool,
    /// The number of its open connections.
    pub(super) open: u32,
    /// When accepting goes on after a pause, in nanoseconds of the kernel's clock; 0 when it is not paused.
    pub(super) resume_at: u64,
    /// How long the next pause lasts, in milliseconds.
    pause: u32,
    /// The clients that it has accepted.
    pub(super) clients: Clients,
    /// When clients without a connection are forgotten, in nanoseconds of the kernel's clock; 0 when there are few.
    pub(super) forget_at: u64,
    /// The connections that it has dropped.
    pub(super) drops: Drops,
    /// It is time to report them.
    pub(super) must_report: bool,
    /// What its connections hold.
    pub(super) room: Room,
    /// When to check whether its connections still hold less than before, in nanoseconds of the kernel's clock; 0 for no check.
    pub(super) quiet_at: u64,
    /// That time has come.
    pub(super) is_quiet: bool,
    /// Accepts in a row that failed with an error that concerns one client.
    refusals: u32,
}

impl<S> Listener<S> {
    pub(super) fn new(socket: S, options: ListenOptions, bound: Option<Address>) -> Listener<S> {
        Listener {
            socket,
            bound,
            limits: Rc::new(options.limits),
            room: Room::new(options.max_held),
            quiet_at: 0,
            is_quiet: false,
            options,
            ready: false,
            listed: false,
            open: 0,
            resume_at: 0,
            pause: FIRST_PAUSE,
            clients: Clients::default(),
            forget_at: 0,
            drops: Drops::default(),
            must_report: false,
            refusals: 0,
        }
    }

    /// True when serving it would do something.
    pub(super) fn may_progress(&self) -> bool {
        self.must_report || self.may_accept()
    }

    pub(super) fn may_accept(&self) -> bool {
        self.ready
            && self.resume_at == 0
            && self.options.credit > 0
            && self.open < self.options.max_connections
    }

    /// A connection was accepted.
    pub(super) fn handle_accepted(&mut self) {
        self.open += 1;
        self.forget_refusals();
        // u32::MAX means that the credit has no bound.
        if self.options.credit != u32::MAX {
            self.options.credit -= 1;
        }
    }

    /// A connection was accepted and dropped. The kernel gave it, so that it refuses no more.
    pub(super) fn handle_dropped(&mut self, peer: Address, reason: Dropped) {
        self.drops.count(peer, reason);
        self.forget_refusals();
    }

    /// When its soonest timer expires, in nanoseconds of the kernel's clock.
    pub(super) fn soonest(&self) -> Option<u64> {
        let set = |at: u64| Some(at).filter(|at| *at != 0);
        let report = self.drops.report_at().filter(|_| !self.must_report);
        [
            set(self.resume_at),
            set(self.forget_at),
            set(self.quiet_at),
            report,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Its timers that have expired at the time `now`.
    pub(super) fn handle_timers(&mut self, now: u64) {
        if self.resume_at <= now {
            self.resume_at = 0;
        }
        self.must_report |= self.drops.report_at().is_some_and(|at| at <= now);
        if self.quiet_at != 0 && self.quiet_at <= now {
            self.quiet_at = 0;
            self.is_quiet = true;
        }
        if self.forget_at != 0 && self.forget_at <= now {
            self.clients
                .forget(&self.options.admission, Clock::new(now));
            self.forget_at = match self.clients.has_many_idle() {
                true => now.saturating_add(u64::from(FORGET_AFTER) * 1_000_000),
                false => 0,
            };
        }
    }

    /// The backlog is empty.
    pub(super) fn handle_empty(&mut self) {
        self.ready = false;
        self.forget_refusals();
    }

    fn forget_refusals(&mut self) {
        self.pause = FIRST_PAUSE;
        self.refusals = 0;
    }

    /// An accept failed with an error that concerns one client. Returns true when too many in a row did.
    pub(super) fn handle_refusal(&mut self) -> bool {
        self.refusals += 1;
        self.refusals > MOST_REFUSALS
    }

    /// The listener pauses. Returns for how many milliseconds.
    pub(super) fn handle_pause(&mut self) -> u32 {
        let pause = self.pause;
        self.refusals = 0;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// What a failed accept means for the listener (accept(2), ERRORS).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The backlog is empty.
    Empty,
    /// One connection failed, or a firewall refused it. The next accept may succeed. EPERM may also come from a policy that
    /// refuses the call itself; only repeated failures show that.
    Next,
    /// Descriptors or memory are short.
    Shortage,
}

impl Refusal {
    pub(super) fn of(errno: Errno) -> Refusal {
        match errno {
            Errno::EAGAIN => Refusal::Empty,
            Errno::EINTR
            | Errno::ECONNABORTED
            | Errno::EPERM
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENONET
            | Errno::EOPNOTSUPP => Refusal::Next,
            // EMFILE, ENFILE, ENOBUFS, ENOMEM. Any other error must not make the reactor try again and again either.
            _ => Refusal::Shortage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_errors_of_one_connection_do_not_stop_the_listener() {
        for errno in [
            Errno::ENETDOWN,
            Errno::EPROTO,
            Errno::EHOSTDOWN,
            Errno::ECONNABORTED,
            Errno::EINTR,
        ] {
            assert_eq!(Refusal::of(errno), Refusal::Next, "{errno}");
        }
        for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM] {
            assert_eq!(Refusal::of(errno), Refusal::Shortage, "{errno}");
        }
        assert_eq!(Refusal::of(Errno::EAGAIN), Refusal::Empty);
    }
}
