//! What all connections of the reactor hold, and whether that has become much less.

/// The owner has to give memory back when the connections hold so many bytes less.
const DROP: usize = 8 * 1024 * 1024;
/// What all connections hold, and the most of it since memory went back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub(super) now: usize,
    pub(super) most: usize,
    /// The owner has to give memory back.
    pub(super) gives_back: bool,
}

impl Usage {
    pub(super) fn has_dropped(&self) -> bool {
        // While much is held, what is free is used again soon, and giving it back takes the thread's time.
        self.most - self.now >= DROP && self.now <= self.most / 2
    }
}
