//! Turns bytes into messages and messages into bytes: the traits of the crate `edgepoll-protocol`, and the built-in framings.
//!
//! A connection without a protocol gets bytes: what one receive gave is one frame, without a copy. Nothing here makes a system call or
//! reads a clock.

mod lines;
mod reason;

pub use edgepoll_protocol::abi;
pub use edgepoll_protocol::host::{Factory, Fault, LayerMaker, Mismatch, MESSAGE_NUMBERS};
pub use edgepoll_protocol::{
    Error, ErrorKind, Field, Io, Message, Messages, Protocol, Role, Session, Step,
};
pub use lines::Lines;
pub use reason::ProtocolError;
