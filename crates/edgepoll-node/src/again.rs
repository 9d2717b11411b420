//! Whether another look in the same turn is worth its system call: what the last ones brought decides.
//!
//! It must never be taken for what is ready. Used by the poller's binding.

use std::cell::Cell;

/// Whether a second look in the same turn finds something: it does when handling an event makes the next one
/// ready, and saves a turn of the loop then; else it is a system call for nothing.
#[derive(Default)]
pub(crate) struct Again {
    /// Looks that found something, less those that did not; within bounds.
    credit: Cell<u8>,
    skipped: Cell<u8>,
}

impl Again {
    const MOST: u8 = 4;
    /// Without credit one chance in so many is tried all the same.
    const TRIED: u8 = 16;

    pub(crate) fn learn(&self, found: bool) {
        let credit = self.credit.get();
        self.credit.set(if found {
            (credit + 1).min(Again::MOST)
        } else {
            credit.saturating_sub(1)
        });
    }

    pub(crate) fn is_worth_it(&self) -> bool {
        if self.credit.get() > 0 {
            return true;
        }
        self.skipped.set((self.skipped.get() + 1) % Again::TRIED);
        self.skipped.get() == 0
    }
}
