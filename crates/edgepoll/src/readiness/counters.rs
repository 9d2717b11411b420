//! The counters of a poller, and the result of one wait.

/// The counters of a poller since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls of epoll_wait(2), poll(2) or select(2).
    pub waits: u64,
    /// Events that were reported.
    pub events: u64,
    /// Events that were dropped, because their registration had ended.
    pub stale: u64,
    /// The largest number of events of one wait.
    pub largest: usize,
    /// Descriptors that were closed while they were watched.
    pub closed: u64,
    /// Times that the engine was renewed, because of stale events that did not end.
    pub renewals: u64,
}

/// The result of [`Poller::try_wait`](super::Poller::try_wait).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The number of events that were reported.
    pub events: usize,
    /// The poller has another descriptor to wait on from now on. The caller has to wait on that one and call
    /// [`finish_renewal`](super::Poller::finish_renewal). If it cannot, it has to call
    /// [`undo_renewal`](super::Poller::undo_renewal).
    pub renewed: bool,
}
