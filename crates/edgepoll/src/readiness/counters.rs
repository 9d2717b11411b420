//! The counters of a poller, and the result of a look.
//!
//! It must never hold behaviour. Filled by `poller.rs`.

/// The counters so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Looks at the kernel.
    pub looks: u64,
    /// Events reported.
    pub events: u64,
    /// Events of registrations that were gone; they were dropped.
    pub stale: u64,
    /// The most events of one look.
    pub largest: usize,
    /// Descriptors that were found closed while they were watched.
    pub closed: u64,
    /// Times that the engine was renewed, because of stale events that would not end.
    pub renewals: u64,
}

/// The result of a look.
#[derive(Debug, PartialEq, Eq)]
pub struct Looked {
    /// Events handed out.
    pub told: usize,
    /// From here on the poller announces events by another descriptor. The caller has to wait on that one and call
    /// [`retire`](super::Poller::retire). If it cannot, it has to call [`take_back`](super::Poller::take_back).
    pub renewed: bool,
}
