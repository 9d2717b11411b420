//! Turns bytes into messages and messages into bytes: the traits of the crate `edgepoll-protocol`, and the built-in framings.
//!
//! A connection without a protocol gets bytes: what one receive gave is one frame, without a copy. Nothing here makes a system call or
//! reads a clock.

mod delimited;
mod delimiter;
mod fixed_size;
mod length_field;
mod length_prefix;
mod lines;
mod netstring;
mod reason;

pub use delimited::TooLong;
pub use delimiter::{Delimiter, MOST_DELIMITER};
pub use edgepoll_protocol::abi;
pub use edgepoll_protocol::host::{Factory, Fault, LayerMaker, Mismatch, MESSAGE_NUMBERS};
pub use edgepoll_protocol::{
    Error, ErrorKind, Field, Io, Message, Messages, Protocol, Role, Session, Step,
};
pub use fixed_size::FixedSize;
pub use length_prefix::{Endian, LengthPrefix, LengthSize};
pub use lines::{LineEnd, Lines};
pub use netstring::Netstring;
pub use reason::ProtocolError;
