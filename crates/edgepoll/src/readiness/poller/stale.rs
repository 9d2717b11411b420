//! Counts waits that find only stale events, and decides when the engine has to be renewed.

/// The number of such waits in a row that leads to a renewal. A level-triggered registration that cannot be removed would make every
/// wait return at once (epoll(7): a closed descriptor with a duplicate).
const FIRST_LIMIT: u32 = 4;
/// Each renewal that fails doubles the limit, up to this. A renewal makes one system call per registration.
const LARGEST_LIMIT: u32 = 4096;

pub(super) struct StaleWaits {
    in_a_row: u32,
    limit: u32,
}

impl StaleWaits {
    pub(super) fn new() -> StaleWaits {
        StaleWaits {
            in_a_row: 0,
            limit: FIRST_LIMIT,
        }
    }

    /// Counts a wait that dropped `stale` events and reported `events` others. Returns true when the limit is reached.
    pub(super) fn count(&mut self, stale: u64, events: usize) -> bool {
        if stale == 0 || events > 0 {
            self.in_a_row = 0;
            return false;
        }
        self.in_a_row += 1;
        self.in_a_row >= self.limit
    }

    /// A renewal is tried now. The next one needs as many stale waits again.
    pub(super) fn restart(&mut self) {
        self.in_a_row = 0;
    }

    /// The renewal succeeded.
    pub(super) fn renewed(&mut self) {
        self.limit = FIRST_LIMIT;
    }

    /// The renewal failed.
    pub(super) fn failed(&mut self) {
        self.limit = (self.limit * 2).min(LARGEST_LIMIT);
    }
}
