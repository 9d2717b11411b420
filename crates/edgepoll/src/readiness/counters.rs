//! What a poller says of its work, besides the events.
//!
//! It must never hold behaviour. Filled by `poller.rs`.

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Looks at the kernel.
    pub looks: u64,
    /// Events told.
    pub events: u64,
    /// Events of registrations that were gone; they were dropped.
    pub stale: u64,
    /// The most events of one look.
    pub largest: usize,
    /// Descriptors found closed under the poller.
    pub closed: u64,
    /// Times that the engine was renewed, because of stale events that would not end.
    pub renewals: u64,
}

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub struct Looked {
    /// Events handed out.
    pub told: usize,
    /// The poller announces by another descriptor from here on. The caller waits on that now and says so by
    /// [`retire`](super::Poller::retire), or cannot, and says [`take_back`](super::Poller::take_back).
    pub renewed: bool,
}
