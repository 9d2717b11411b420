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
    /// How many bytes one turn receives for the connection at most, and so how far its owner's buffer can grow between a look
    /// at its length and a pause: an owner that pauses above this many unread bytes never has more than twice as many, apart
    /// from a frame that began in an earlier turn. Default 65,536; at least 1.
    pub read_high_water: u32,
    /// How much is still handed over of what the peer sent once a send to it has failed: bytes, and
    /// [`Limits::FRAME_COST`] more for each frame. Then the connection is closed with its failure, and the rest is lost. At
    /// most one turn's share more is handed over. Default 1,048,576, which is 256 short frames.
    pub leftover: u32,
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
            read_high_water: 65_536,
            leftover: 1_048_576,
            lend: false,
        }
    }
}

impl Limits {
    /// What a frame counts against [`Limits::leftover`] besides its bytes: its owner has to handle it, and its answer would
    /// reach nobody.
    pub const FRAME_COST: usize = 4_096;
}
