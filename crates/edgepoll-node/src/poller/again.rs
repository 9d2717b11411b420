//! How often one turn looks at the kernel: what the last looks brought decides, and how long the turn has lasted.
//!
//! It must never be taken for what is ready, nor keep the host's loop from its turn for long. Used by the poller's binding.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Looks that one turn makes in any case while each finds something.
const AT_FIRST: u32 = 8;
/// Looks of one turn at most: a round of the loop costs half as much as an event or more, and is shared by as many.
const MOST: u32 = 64;
/// A turn that has lasted as long ends with its next [`AT_FIRST`] looks.
const LONG: Duration = Duration::from_micros(500);

/// Whether another look in the same turn finds something: it does when handling an event makes the next one
/// ready, and saves a round of the loop then; else it is a system call for nothing.
#[derive(Default)]
pub(crate) struct Again {
    /// Looks that found something, less those that did not; within bounds.
    credit: Cell<u8>,
    skipped: Cell<u8>,
    /// Looks that the present turn may still make.
    left: Cell<u32>,
    /// When the present turn's second look was over: asking before would be for nothing in a turn that has no more.
    began: Cell<Option<Instant>>,
}

impl Again {
    const MOST_CREDIT: u8 = 4;
    /// Without credit one chance in so many is tried all the same.
    const TRIED: u8 = 16;

    /// A turn begins: its first look follows.
    pub(crate) fn begin(&self) {
        self.left.set(MOST - 1);
        self.began.set(None);
    }

    /// Whether the turn may look once more.
    pub(crate) fn may_look(&self) -> bool {
        self.left.get() > 0
    }

    /// Before what was found is handed out: whether it is likely that a look after that finds more.
    pub(crate) fn is_worth_it(&self) -> bool {
        if self.may_look() && !self.has_luck() {
            self.left.set(0);
        }
        self.may_look()
    }

    fn has_luck(&self) -> bool {
        if self.credit.get() > 0 {
            return true;
        }
        self.skipped.set((self.skipped.get() + 1) % Again::TRIED);
        self.skipped.get() == 0
    }

    /// After a look in the same turn as another: one that found nothing is the turn's last.
    pub(crate) fn looked(&self, found: bool) {
        let credit = self.credit.get();
        self.credit.set(if found {
            (credit + 1).min(Again::MOST_CREDIT)
        } else {
            credit.saturating_sub(1)
        });
        let left = self.left.get().saturating_sub(1);
        let goes_on = found && !(left.is_multiple_of(AT_FIRST) && self.is_long());
        self.left.set(if goes_on { left } else { 0 });
        if goes_on && self.began.get().is_none() {
            self.began.set(Some(Instant::now()));
        }
    }

    fn is_long(&self) -> bool {
        self.began.get().is_some_and(|began| began.elapsed() > LONG)
    }
}
