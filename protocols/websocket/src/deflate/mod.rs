//! permessage-deflate (RFC 7692): what was agreed on, and the states of both directions.

pub(crate) mod deflater;
pub(crate) mod inflate;
pub(crate) mod negotiate;
pub(crate) mod pool;

/// What the handshake agreed on, as one side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// The window of what this side sends, as a power of two. With 8 it sends nothing compressed: zlib has no such window.
    pub(crate) own_bits: u8,
    /// This side forgets its window after each message.
    pub(crate) own_reset: bool,
    /// The window of what the peer sends.
    pub(crate) peer_bits: u8,
    /// The peer forgets its window after each message.
    pub(crate) peer_reset: bool,
}
