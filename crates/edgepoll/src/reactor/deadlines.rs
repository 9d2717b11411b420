//! The deadlines of all slots, soonest first. It reads no clock.

use std::collections::BTreeSet;

use crate::{Errno, Token};

/// Whether the kernel sets the alarm for the soonest deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    Works,
    /// The kernel refused, and the owner has not got the event for that yet.
    Refused(Errno),
    /// The kernel refused, and the owner has got the event.
    Reported,
}

impl Alarm {
    pub(super) fn has_report(self) -> bool {
        matches!(self, Alarm::Refused(_))
    }
}

/// An ordered set of deadlines, in nanoseconds of the kernel's clock.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    set: BTreeSet<(u64, Token)>,
    /// The deadline that the kernel's alarm was set to last.
    alarm: Option<u64>,
}

impl Deadlines {
    pub(super) fn insert(&mut self, at: u64, token: Token) {
        self.set.insert((at, token));
    }

    pub(super) fn remove(&mut self, at: u64, token: Token) {
        self.set.remove(&(at, token));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    #[cfg(feature = "simulation")]
    pub(super) fn contains(&self, at: u64, token: Token) -> bool {
        self.set.contains(&(at, token))
    }

    /// Takes one deadline that has passed.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<Token> {
        let &(at, token) = self.set.first()?;
        if at > now {
            return None;
        }
        self.set.pop_first();
        Some(token)
    }

    /// The alarm to set, or `None` if it is set already.
    pub(super) fn alarm_to_set(&mut self) -> Option<Option<u64>> {
        let soonest = self.soonest();
        if soonest == self.alarm {
            return None;
        }
        self.alarm = soonest;
        Some(soonest)
    }

    /// The kernel did not set the alarm. The next call of `alarm_to_set` gives it again.
    pub(super) fn alarm_was_refused(&mut self) {
        self.alarm = None;
    }

    /// The soonest deadline.
    pub(super) fn soonest(&self) -> Option<u64> {
        self.set.first().map(|&(at, _)| at)
    }

    /// The time is `now`. An alarm up to then has gone off, and is set no longer.
    pub(super) fn alarm_is_over(&mut self, now: u64) {
        if self.alarm.is_some_and(|at| at <= now) {
            self.alarm = None;
        }
    }
}
