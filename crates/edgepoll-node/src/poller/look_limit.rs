//! How many looks at the kernel one turn of the event loop makes.
//!
//! It decides by what the last looks found and by how long the turn has lasted, so that a busy poller does not keep the
//! event loop from its other work for long.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The most looks of one turn. A round of the event loop costs half as much as an event or more, so its cost per event is small
/// after this many.
const MAX_LOOKS: u32 = 64;
/// The length of a turn after which few more looks follow.
const LONG_TURN: Duration = Duration::from_micros(500);
/// How often the length of the turn is checked: once per this many looks.
const LOOKS_PER_CHECK: u32 = 8;

/// Decides whether another look in the same turn is worth it. It is if handling an event often makes the next one ready: then it
/// saves a round of the event loop. If not, it is a system call for nothing.
#[derive(Debug, Default)]
pub(crate) struct LookLimit {
    /// Looks that found something, less those that found nothing, within bounds.
    credit: Cell<u8>,
    /// Turns without credit since the last one that looked again all the same.
    skipped: Cell<u8>,
    /// Looks that the present turn may still make.
    left: Cell<u32>,
    /// The end of the present turn's second look. A turn that makes only one look reads no clock.
    began: Cell<Option<Instant>>,
}

impl LookLimit {
    const MAX_CREDIT: u8 = 4;
    /// Without credit, one turn of this many looks again all the same.
    const PROBE_INTERVAL: u8 = 16;

    /// Begins a turn. Its first look follows.
    pub(crate) fn begin(&self) {
        self.left.set(MAX_LOOKS - 1);
        self.began.set(None);
    }

    /// Whether the turn may look once more.
    pub(crate) fn may_look(&self) -> bool {
        self.left.get() > 0
    }

    /// Decides, before events are delivered, whether a look after the delivery is likely to find more.
    pub(crate) fn is_worth_it(&self) -> bool {
        if self.may_look() && !self.has_credit() {
            self.left.set(0);
        }
        self.may_look()
    }

    fn has_credit(&self) -> bool {
        if self.credit.get() > 0 {
            return true;
        }
        let skipped = (self.skipped.get() + 1) % LookLimit::PROBE_INTERVAL;
        self.skipped.set(skipped);
        skipped == 0
    }

    /// Counts a look that was not the first of its turn. If it found nothing, it is the last.
    pub(crate) fn count(&self, found: bool) {
        let credit = self.credit.get();
        self.credit.set(if found {
            (credit + 1).min(LookLimit::MAX_CREDIT)
        } else {
            credit.saturating_sub(1)
        });
        let left = self.left.get().saturating_sub(1);
        let goes_on = found && !(left.is_multiple_of(LOOKS_PER_CHECK) && self.is_long());
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
