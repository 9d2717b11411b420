//! Why a protocol ended a connection.

use std::fmt;
use std::rc::Rc;

use super::Fault;

/// Why a protocol ended a connection: the protocol's name, and what went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// The protocol's name.
    pub protocol: Rc<str>,
    /// What went wrong.
    pub fault: Fault,
    /// It is a framing, whose messages are bytes.
    pub is_framing: bool,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.protocol, self.fault)
    }
}

impl std::error::Error for ProtocolError {}
