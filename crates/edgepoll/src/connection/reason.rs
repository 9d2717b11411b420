//! Why a connection ended.
//!
//! A reason always comes from the result of a call, from a limit or from the owner, never from a hint such as EPOLLRDHUP.

use std::fmt;

use super::Deadline;
use crate::protocol::ProtocolError;
use crate::{Call, Errno};

/// A system call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The call.
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

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// Both sides sent FIN, and every byte before it was received.
    Ended,
    /// A system call failed: a reset, an unreachable host, a refused connect.
    Failed(Failure),
    /// The owner destroyed it, or the peer sent more than [`Limits::discard`](super::Limits::discard) while its input was
    /// discarded.
    Destroyed,
    /// The peer's bytes broke the protocol, or the protocol itself has a fault. (A message of the owner that the protocol does not allow
    /// fails the write, and the connection stays open.)
    Protocol(ProtocolError),
    /// A write found the send queue at its limit, [`Limits::send_queue`](super::Limits::send_queue).
    QueueFull,
    /// The connect took longer than its limit ([`Call::Connect`]). Or, after the owner ended the connection, nothing happened
    /// for [`Limits::end_timeout`](super::Limits::end_timeout): the peer took nothing of what is queued ([`Call::Send`]), or the
    /// peer did not end, or the owner did not read what it sent ([`Call::Receive`]).
    TimedOut(Call),
    /// The peer was late.
    Late(Deadline),
    /// All connections of its listener together held too much, and this one held much and sent slowly:
    /// [`ListenOptions::max_held`](crate::reactor::ListenOptions::max_held).
    Shed,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Ended => write!(f, "ended"),
            CloseReason::Failed(failure) => write!(f, "{failure}"),
            CloseReason::Destroyed => write!(f, "destroyed"),
            CloseReason::Protocol(error) => write!(f, "{error}"),
            CloseReason::QueueFull => write!(f, "the send queue is full"),
            CloseReason::Late(deadline) => write!(f, "{deadline}"),
            CloseReason::Shed => write!(f, "all connections together held too much"),
            CloseReason::TimedOut(call) => write!(f, "{} timed out", call.name()),
        }
    }
}
