//! The bounds of one connection, each with a finite default.
//!
//! It must never hold state. Set by whoever opens a listener or a connection.

/// Bounds of one connection's memory and patience. Sizes in bytes, times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At this many queued bytes writing should wait. Default 65,536.
    pub high_water: u32,
    /// At this many queued bytes, or fewer, writing goes on. Default 16,384.
    pub low_water: u32,
    /// A write that finds this many bytes queued fails, and the connection with it: the peer's stream
    /// stays a strict prefix of what was written. One write may pass the limit by its own size. Default 1,048,576.
    pub send_queue: u32,
    /// How long to wait, once ended by us, for the kernel to take more of what is queued, and then for the peer's
    /// end, each counted from the last byte that moved; the latter from our end, when
    /// its bytes are thrown away. Nobody is late with his end while the connection is paused: it could not be met.
    /// Default 30,000; at least 1.
    pub end_timeout: u32,
    /// How many bytes to throw away while waiting for the peer's end. Default 1,048,576.
    pub discard: u32,
    /// Frames may lie in memory that the owner gives back soon: see [`Inbox::space`](crate::reactor::Inbox::space).
    /// Default false.
    pub lend: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            high_water: 65_536,
            low_water: 16_384,
            send_queue: 1_048_576,
            end_timeout: 30_000,
            discard: 1_048_576,
            lend: false,
        }
    }
}
