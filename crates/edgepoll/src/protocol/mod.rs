//! Turns bytes into frames and messages into bytes: the trait that a wire protocol implements, and two framings.
//!
//! Nothing here makes a system call or reads a clock.

mod bytes;
mod codec;
mod lines;

pub use bytes::Bytes;
pub use codec::{Codec, CodecError, Frame};
pub use lines::Lines;
