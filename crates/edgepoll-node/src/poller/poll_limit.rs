//! How often one turn of the event loop polls the kernel.
//!
//! It decides by what the last polls found and by how long the turn has lasted, so that a busy poller does not keep the
//! event loop from its other work for long.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The most polls of one turn. A round of the event loop costs half as much as an event or more, so its cost per event is small
/// after this many.
const MAX_POLLS: u32 = 64;
/// A turn that has lasted longer ends at the next check of its length.
const LONG_TURN: Duration = Duration::from_micros(500);
/// How often the length of the turn is checked: once per this many polls.
const POLLS_PER_CHECK: u32 = 8;

/// Decides whether another poll in the same turn is worth it. It is if handling an event often makes the next one ready: then it
/// saves a round of the event loop. If not, it is a system call for nothing.
#[derive(Debug, Default)]
pub(crate) struct PollLimit {
    /// Polls that found something, less those that found nothing, within bounds.
    credit: Cell<u8>,
    /// Turns without credit since the last one that polled again all the same.
    skipped: Cell<u8>,
    /// Polls that the present turn may still make.
    left: Cell<u32>,
    /// The end of the present turn's second poll. A turn with only one poll reads no clock.
    began: Cell<Option<Instant>>,
}

impl PollLimit {
    const MAX_CREDIT: u8 = 4;
    /// Without credit, one turn of this many polls again all the same.
    const PROBE_INTERVAL: u8 = 16;

    /// Begins a turn. Its first poll follows.
    pub(crate) fn begin(&self) {
        self.left.set(MAX_POLLS - 1);
        self.began.set(None);
    }

    /// Whether the turn may poll once more.
    pub(crate) fn may_poll(&self) -> bool {
        self.left.get() > 0
    }

    /// Decides, before events are delivered, whether a poll after the delivery is likely to find more.
    pub(crate) fn is_worth_it(&self) -> bool {
        if self.may_poll() && !self.has_credit() {
            self.left.set(0);
        }
        self.may_poll()
    }

    fn has_credit(&self) -> bool {
        if self.credit.get() > 0 {
            return true;
        }
        let skipped = (self.skipped.get() + 1) % PollLimit::PROBE_INTERVAL;
        self.skipped.set(skipped);
        skipped == 0
    }

    /// Counts a poll that was not the first of its turn. If it found nothing, it is the last.
    pub(crate) fn count(&self, found: bool) {
        let credit = self.credit.get();
        self.credit.set(if found {
            (credit + 1).min(PollLimit::MAX_CREDIT)
        } else {
            credit.saturating_sub(1)
        });
        let left = self.left.get().saturating_sub(1);
        let goes_on = found && !(left.is_multiple_of(POLLS_PER_CHECK) && self.is_long());
        self.left.set(if goes_on { left } else { 0 });
        if goes_on && self.began.get().is_none() {
            self.began.set(Some(Instant::now()));
        }
    }

    fn is_long(&self) -> bool {
        let began = self.began.get();
        began.is_some_and(|began| began.elapsed() > LONG_TURN)
    }
}
