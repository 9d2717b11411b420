//! Transfer over many connections that stay open, some of them busy at a time. A transfer is its length (8 bytes), that many
//! bytes, and the answer: the length again, once all bytes were received.

pub(crate) mod load;
pub(crate) mod server;

/// Bytes of the length, in both directions.
const LENGTH: usize = 8;
