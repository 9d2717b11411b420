//! What the reactor counts.

use super::admission::Dropped;
use crate::connection::Deadline;

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
    /// Connections that were closed because neither side had sent a first byte in time.
    pub first_byte_timeouts: u64,
    /// Connections that were closed because they were idle.
    pub idle_timeouts: u64,
    /// Connections that were closed because a message was not complete in time.
    pub message_timeouts: u64,
    /// Connections that were closed because the peer did not take in time what was sent to it.
    pub send_timeouts: u64,
    /// Connections that were closed because those of their listener held too much.
    pub shed: u64,
    /// Connections that were dropped because their addresses are blocked.
    pub blocked: u64,
    /// Connections that were dropped because their addresses had too many.
    pub over_address_limit: u64,
    /// Connections that were dropped because their addresses connected too often.
    pub over_accept_rate: u64,
}

impl Stats {
    pub(super) fn count_dropped(&mut self, reason: Dropped) {
        *match reason {
            Dropped::Blocked => &mut self.blocked,
            Dropped::PerAddress => &mut self.over_address_limit,
            Dropped::Rate => &mut self.over_accept_rate,
        } += 1;
    }

    pub(super) fn count_late(&mut self, deadline: Deadline) {
        *match deadline {
            Deadline::FirstByte => &mut self.first_byte_timeouts,
            Deadline::Idle => &mut self.idle_timeouts,
            Deadline::Message => &mut self.message_timeouts,
            Deadline::Send => &mut self.send_timeouts,
        } += 1;
    }
}
