//! What the clients of one kind have done and seen.

use serde::Serialize;

#[derive(Default, Serialize)]
pub(crate) struct Counters {
    pub(crate) clients: u64,
    /// Connections that opened.
    pub(crate) opened: u64,
    /// Connections that did not open: refused, reset, or no answer in time.
    pub(crate) failed: u64,
    pub(crate) timed_out: u64,
    /// No port was free on this side.
    pub(crate) no_port: u64,
    /// Connections that the server ended with FIN.
    pub(crate) ended: u64,
    /// Connections that the server reset.
    pub(crate) was_reset: u64,
    pub(crate) sent: u64,
    pub(crate) received: u64,
}
