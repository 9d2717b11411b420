//! Why a connection ended: a closed list, so that no end is told as another.
//!
//! It must never be built from a hint such as EPOLLRDHUP; only from a call's result or the owner's wish.

use std::fmt;

use crate::protocol::CodecError;
use crate::{Call, Errno};

/// A system call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which call.
    pub call: Call,
    /// Its error number.
    pub errno: Errno,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call.name(), self.errno.description())
    }
}

impl std::error::Error for Failure {}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides sent FIN, and every byte before it was received.
    Ended,
    /// A system call failed: a reset, an unreachable host, a refused connect.
    Failed(Failure),
    /// The owner wanted it gone at once, or the peer sent more than [`Limits::discard`](super::Limits::discard) to one who
    /// throws it away.
    Destroyed,
    /// The peer's bytes broke the protocol. A message to it that does is refused by the write, and the connection goes on.
    Protocol(CodecError),
    /// A write found the send queue full.
    QueueFull,
    /// The connect took longer than its limit; or, once ended by us, the peer took nothing of what is queued
    /// ([`Call::Send`]), or nothing came to the end ([`Call::Receive`]): the peer did not end too, or what it sent was
    /// not read, for [`Limits::end_timeout`](super::Limits::end_timeout).
    TimedOut(Call),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Ended => write!(f, "ended"),
            CloseReason::Failed(failure) => write!(f, "{failure}"),
            CloseReason::Destroyed => write!(f, "destroyed"),
            CloseReason::Protocol(error) => write!(f, "{error}"),
            CloseReason::QueueFull => write!(f, "the send queue is full"),
            CloseReason::TimedOut(call) => write!(f, "{} timed out", call.name()),
        }
    }
}
