//! What all connections of the reactor hold, and whether that has become much less.

/// After so many bytes less, the owner is told to give memory back.
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
        self.most - self.now >= DROP
    }
}
