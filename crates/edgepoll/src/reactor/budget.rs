//! How much one turn may do, so that no connection waits long behind a busy one.
//!
//! `pace.rs` makes turns shorter while their batches take long, and `share.rs` gives each connection less than its bound while many
//! are ready.

/// The bounds of one turn. Each is at least 1: a 0 is taken for 1, because a connection with a budget of 0 would stay ready
/// without end.
///
/// Bytes are counted after each receive, so the last receive of a connection or of a turn may exceed the bound by what
/// [`Inbox::space`](super::Inbox::space) has room for. A turn never exceeds a connection's own
/// [`Limits::read_high_water`](crate::connection::Limits::read_high_water).
///
/// Later versions add fields. Write `Budget { accepts: 16, ..Budget::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes that a turn may receive for one connection. Default 262,144.
    pub slot_bytes: usize,
    /// Frames that a turn may hand over for one connection. The rest of what was received is cut in later turns.
    /// Default 64.
    pub slot_frames: u32,
    /// Receives that a turn may make for one connection, and sends that a turn or a write may make. Default 8.
    pub slot_calls: u32,
    /// Bytes that a turn may receive for all connections together. Default 4,194,304.
    pub turn_bytes: usize,
    /// After this many frames, a turn serves no more connections that had their share in an earlier turn. They wait for the next
    /// turn, so that a connection with one message does not wait behind others with thousands. Connections that were quiet may
    /// have four times as many. Default 256.
    pub turn_frames: u32,
    /// Connections that a turn may accept, shared by all listeners that have clients to accept. Each accepts at least one. Default
    /// 64.
    pub accepts: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            slot_bytes: 262_144,
            slot_frames: 64,
            slot_calls: 8,
            turn_bytes: 4_194_304,
            turn_frames: 256,
            accepts: 64,
        }
    }
}

impl Budget {
    /// The budget with each 0 replaced by 1.
    pub(super) fn at_least_one(self) -> Budget {
        Budget {
            slot_bytes: self.slot_bytes.max(1),
            slot_frames: self.slot_frames.max(1),
            slot_calls: self.slot_calls.max(1),
            turn_bytes: self.turn_bytes.max(1),
            turn_frames: self.turn_frames.max(1),
            accepts: self.accepts.max(1),
        }
    }
}
