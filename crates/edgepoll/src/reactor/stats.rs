//! What the reactor counts.

/// Counters since the reactor was made. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Turns.
    pub turns: u64,
    /// Events that the kernel reported.
    pub events: u64,
    /// Events that were dropped because their token was stale.
    pub stale: u64,
    /// recv(2) calls.
    pub receives: u64,
    /// send(2) and sendmsg(2) calls.
    pub sends: u64,
    /// Connections accepted.
    pub accepts: u64,
    /// How often a listener paused, because descriptors or memory were short or because too many accepts in a row were refused.
    pub accept_pauses: u64,
}
