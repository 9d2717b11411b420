//! Which token must have moved by when, soonest first.
//!
//! It must never read a clock. Called by the reactor; the kernel's alarm is set to the soonest.

use std::collections::BTreeSet;

use crate::Token;

/// An ordered set of deadlines, in nanoseconds of the kernel's clock.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    set: BTreeSet<(u64, Token)>,
    alarm: Option<u64>,
}

impl Deadlines {
    pub(crate) fn insert(&mut self, at: u64, token: Token) {
        self.set.insert((at, token));
    }

    pub(crate) fn remove(&mut self, at: u64, token: Token) {
        self.set.remove(&(at, token));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    #[cfg(feature = "simulation")]
    pub(crate) fn contains(&self, at: u64, token: Token) -> bool {
        self.set.contains(&(at, token))
    }

    /// Takes one deadline that has passed.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Token> {
        let &(at, token) = self.set.first()?;
        if at > now {
            return None;
        }
        self.set.pop_first();
        Some(token)
    }

    /// The alarm to set, when it is not the one that was set last.
    pub(crate) fn alarm_to_set(&mut self) -> Option<Option<u64>> {
        let soonest = self.soonest();
        if soonest == self.alarm {
            return None;
        }
        self.alarm = soonest;
        Some(soonest)
    }

    /// The kernel did not set it: the next call of `alarm_to_set` gives the alarm again.
    pub(crate) fn alarm_was_refused(&mut self) {
        self.alarm = None;
    }

    /// When the soonest is.
    pub(crate) fn soonest(&self) -> Option<u64> {
        self.set.first().map(|&(at, _)| at)
    }

    /// The alarm went off, or may have: it stands no longer.
    pub(crate) fn alarm_is_over(&mut self, now: u64) {
        if self.alarm.is_some_and(|at| at <= now) {
            self.alarm = None;
        }
    }
}
