//! The core's poller and its records: what the glue may use only while JavaScript does not run.

use edgepoll::readiness::Poller;
use edgepoll::Errno;

use super::records::Records;
use crate::layout::LOST;

/// The poller and its records. They are dropped when the driver stops.
pub(crate) struct Working {
    pub(crate) poller: Poller,
    pub(crate) records: Records,
}

/// The result of a poll.
pub(crate) struct Polled {
    /// How many records were written.
    pub(crate) count: usize,
    /// Whether the engine has a new descriptor.
    pub(crate) renewed: bool,
}

impl Working {
    /// The field of bits that both sides share.
    pub(crate) fn control(&mut self) -> &mut i32 {
        self.records.control()
    }

    /// Fills the records with what is ready now, without waiting.
    pub(crate) fn poll(&mut self) -> Result<Polled, Errno> {
        let Working { poller, records } = self;
        let mut count = 0;
        let polled = poller.try_wait(records.capacity(), |event| {
            records.put(count, event);
            count += 1;
        })?;
        self.note_lost();
        Ok(Polled {
            count,
            renewed: polled.renewed,
        })
    }

    /// Tells JavaScript whether the next poll reports a closed descriptor.
    pub(crate) fn note_lost(&mut self) {
        let is_lost = self.poller.has_closed();
        let field = self.control();
        *field = (*field & !LOST) | if is_lost { LOST } else { 0 };
    }
}
