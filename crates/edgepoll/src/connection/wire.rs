//! A connection's protocol: its session, and what has to be remembered between its calls.

use std::rc::Rc;

use edgepoll_protocol::host::Handle;

use crate::protocol::{Factory, Fault, ProtocolError, Role};

/// The protocol of one connection.
#[derive(Debug)]
pub struct Wire {
    /// What made the session.
    pub protocol: Rc<Factory>,
    /// The session.
    pub session: Handle,
    /// How many bytes must wait before the session looks at them again.
    pub need: usize,
    /// The session has paused: nothing is decoded until it resumes or the owner gives the connection another protocol.
    pub paused: bool,
    /// So much is queued that nothing is decoded until the peer has taken some of it: what is decoded may be answered.
    pub holds: bool,
    /// The last call of the session has sent something.
    pub has_sent: bool,
    /// The session has failed, and the connection ends once what the session sent before has left.
    pub fault: Option<Fault>,
}

impl Wire {
    /// A new session of the protocol.
    #[must_use]
    pub fn new(protocol: &Rc<Factory>, role: Role) -> Box<Wire> {
        Box::new(Wire {
            protocol: Rc::clone(protocol),
            session: protocol.session(role),
            need: 0,
            paused: false,
            holds: false,
            has_sent: false,
            fault: None,
        })
    }

    /// The reason for a close because of this fault.
    #[must_use]
    pub fn error(&self, fault: Fault) -> ProtocolError {
        ProtocolError {
            protocol: self.protocol.name().into(),
            fault,
            is_framing: self.session.gives_frames(),
        }
    }
}
