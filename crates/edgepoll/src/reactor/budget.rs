//! How much one turn may do, so that no connection waits long behind a busy peer.
//!
//! No bound may be infinite. Set when the reactor is made.

/// Bounds of one turn, each at least 1: a 0 is taken for 1, because a connection with a budget of 0 would stay ready for ever.
///
/// Bytes are counted after each receive, so the last one of a connection or of a turn may pass the bound by what
/// [`Inbox::space`](super::Inbox::space) has room for. A connection's own
/// [`Limits::read_high_water`](crate::connection::Limits::read_high_water) is never passed in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes that one connection may receive in a turn. Default 262,144.
    pub slot_bytes: usize,
    /// Frames of one connection that a turn may hand over. The rest of what was received is cut in later turns.
    /// Default 64.
    pub slot_frames: u32,
    /// Receives, or sends, that one connection may make in a turn. Default 8.
    pub slot_calls: u32,
    /// Bytes that all connections together may receive in a turn. Default 4,194,304.
    pub turn_bytes: usize,
    /// After so many frames a turn serves only connections that it has not served yet. A connection that was served and has
    /// more to do waits for the next turn, so a connection with one message does not wait behind others with
    /// thousands. Default 256.
    pub turn_frames: u32,
    /// Connections that one listener may accept in a turn. Default 64.
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
