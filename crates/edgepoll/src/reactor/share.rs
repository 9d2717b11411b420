//! What one connection may get in a turn.

use super::budget::Budget;
use super::inbox::{Inbox, MIN_ROOM};
use super::session_timers::Asked;
use crate::connection::Connection;

/// A connection that received so many bytes in a turn had its share: the next time it comes after those that were quiet.
const SHARE_BYTES: usize = 16_384;
/// A connection that has emptied its socket, and has at most so many bytes more to do, did not have its share.
const TAIL: usize = 4_096;
/// A turn hands over this much of each connection at least, however many wait.
const LEAST_FRAMES: u32 = 4;
const LEAST_BYTES: usize = 16_384;

/// True when the connection, which was just served and received so many bytes, had its share. `drained`: its last receive has emptied the
/// socket. Few bytes may have come since then.
///
/// A connection with a line now and then may have many lines waiting after the process was busy for a while. It gets the rest of them
/// soon. If it had to wait for all connections that send without an end, it would never catch up.
#[inline]
pub(super) fn had_share(connection: &Connection, drained: bool, received: usize) -> bool {
    let has_more = || !drained || connection.carry.len() > TAIL;
    received >= SHARE_BYTES || connection.may_read() && has_more()
}

/// The part of a turn that one connection may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portion {
    /// Bytes that the turn may still receive for all connections.
    pub(super) left: usize,
    /// Bytes that may be received for this connection, or taken from what earlier turns left.
    pub(super) bytes: usize,
    /// Frames that may be handed over for this connection.
    pub(super) frames: u32,
}

impl Portion {
    /// All that a connection may have.
    pub(super) fn whole(left: usize, budget: &Budget) -> Portion {
        Portion {
            left,
            bytes: usize::MAX,
            frames: budget.slot_frames,
        }
    }

    /// An equal part for each of `count` connections, of so many bytes and frames.
    pub(super) fn of(count: usize, bytes: usize, frames: u32, budget: &Budget) -> Portion {
        let count = count.max(1);
        let each = frames / u32::try_from(count).unwrap_or(u32::MAX);
        Portion {
            left: bytes,
            bytes: (bytes / count).max(LEAST_BYTES),
            frames: each.max(LEAST_FRAMES).min(budget.slot_frames),
        }
    }
}

/// How much one connection may still get in this turn.
pub(super) struct Share {
    pub(super) frames: u32,
    /// Bytes that may be received, or taken from what earlier turns left.
    pub(super) bytes: usize,
    /// Bytes of what was handed over, including delimiters.
    pub(super) handed: usize,
    /// The timers that the session asked for.
    pub(super) asked: Asked,
    /// With this many bytes left, or fewer, the turn makes no further receive: so few bytes are not worth a system call.
    least: usize,
}

impl Share {
    pub(super) fn new(connection: &Connection, budget: &Budget, most_bytes: usize) -> Share {
        let bytes = connection.limits.read_high_water.max(1) as usize;
        let bytes = bytes.min(most_bytes);
        Share {
            frames: budget.slot_frames,
            bytes,
            handed: 0,
            asked: Asked::default(),
            least: bytes / 4,
        }
    }

    #[inline]
    pub(super) fn takes_frames<I: Inbox>(&self, inbox: &I) -> bool {
        self.frames > 0 && inbox.room() >= MIN_ROOM
    }

    /// How many numbers of the messages' table the session may use. 0 if nothing more may be decoded in this turn.
    pub(super) fn table_limit<I: Inbox>(&self, inbox: &I, gives_frames: bool) -> usize {
        // A frame takes four numbers of the table, and a place of its own in the inbox. Its events need MIN_ROOM places.
        if !self.takes_frames(inbox) {
            return 0;
        }
        let room = if gives_frames {
            (inbox.room() - MIN_ROOM + 1).saturating_mul(4)
        } else {
            inbox.table_room()
        };
        room.min((self.frames as usize).saturating_mul(4))
    }

    /// Counts what was handed over.
    #[inline]
    pub(super) fn hand_over(&mut self, messages: u32, bytes: usize) {
        self.frames = self.frames.saturating_sub(messages);
        self.handed += bytes;
    }

    pub(super) fn takes_bytes(&self) -> bool {
        self.bytes > self.least
    }
}
