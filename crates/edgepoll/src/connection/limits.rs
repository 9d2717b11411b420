//! The bounds of one connection, each with a finite default.

/// Bounds on the memory of one connection and on the time that it may take to end. Sizes are in bytes, times in milliseconds.
///
/// Later versions add fields. Write `Limits { send_queue: 1_048_576, ..Limits::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At this many queued bytes, the writer should wait. Default 65,536.
    pub high_water: u32,
    /// At this many queued bytes or fewer, the writer should go on. Default 16,384.
    pub low_water: u32,
    /// A write that finds this many bytes queued fails, and the connection is reset: the peer has received a strict
    /// prefix of what was written. One write, and then the last one of
    /// [`Reactor::end_with`](crate::reactor::Reactor::end_with), may exceed the limit by its own size. The limit bounds the memory
    /// that is used for a peer that reads nothing. The default is large enough for programs that write an answer of some
    /// megabytes without waiting for room in between. Default 16,777,216.
    pub send_queue: u32,
    /// How long a connection that is about to end waits for the next byte that the kernel takes to be sent, or gives as received. The
    /// close may come up to an eighth of the time late. The connection is about to end once the owner has ended it, a send has
    /// failed, or the kernel has reported an error or a hang-up. This holds also while the owner does not read. Discarded bytes do
    /// not count. A send for which the kernel has no memory is given up after the same time. An open connection has the
    /// deadlines below. Default 30,000; 0 is taken for 1.
    pub end_timeout: u32,
    /// How many bytes to discard while waiting for the peer's end. Default 1,048,576.
    pub discard: u32,
    /// How many bytes one turn receives for the connection at most. It bounds how far the owner's buffer can grow between a check
    /// of its length and a pause: an owner that pauses above this many unread bytes never has more than twice as many, not
    /// counting a frame that began in an earlier turn. Default 65,536; 0 is taken for 1.
    pub read_high_water: u32,
    /// How much of the peer's input the owner still gets after a send has failed: its bytes, and [`Limits::FRAME_COST`] more for
    /// each frame. Then the connection is closed with its failure, and the rest is lost. The last turn may exceed the limit by what
    /// one turn hands over. Default 1,048,576, which is 256 short frames.
    pub leftover: u32,
    /// How long an accepted connection may stay without a byte from either side, in milliseconds; 0 for no limit. Default 30,000.
    pub first_byte_timeout: u32,
    /// How long no byte may move in either direction, in milliseconds; 0 for no limit. This holds also while the owner does not read.
    /// Default 3,600,000 (an hour).
    pub idle_timeout: u32,
    /// How long a message may take from its first byte to its last, in milliseconds; 0 for no limit. Needs a protocol. The time begins anew
    /// when the owner reads again after a pause. Default 60,000.
    pub message_timeout: u32,
    /// A message has a second more for each so many bytes of it that have arrived; 0 for none. Default 1,024.
    pub receive_rate: u32,
    /// How long bytes may wait to be sent until the queue is empty, in milliseconds; 0 for no limit. Default 60,000.
    pub send_timeout: u32,
    /// The queue has a second more for each so many bytes that the kernel has taken since; 0 for none. Default 1,024.
    pub send_rate: u32,
    /// Frames may lie in memory that the owner gives back soon; see [`Inbox::space`](crate::reactor::Inbox::space).
    /// Default false.
    pub lend: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            high_water: 65_536,
            low_water: 16_384,
            send_queue: 16_777_216,
            end_timeout: 30_000,
            discard: 1_048_576,
            read_high_water: 65_536,
            leftover: 1_048_576,
            first_byte_timeout: 30_000,
            idle_timeout: 3_600_000,
            message_timeout: 60_000,
            receive_rate: 1_024,
            send_timeout: 60_000,
            send_rate: 1_024,
            lend: false,
        }
    }
}

impl Limits {
    /// What a frame counts towards [`Limits::leftover`] besides its bytes. The owner has to handle each frame, and can no longer
    /// send an answer.
    pub const FRAME_COST: usize = 4_096;
}
