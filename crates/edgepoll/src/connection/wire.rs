//! A connection's protocol: its session, and what has to be remembered between its calls.

use std::rc::Rc;

use edgepoll_protocol::host::{Handle, Outcome};

use super::{CloseReason, Connection, Reading, Writing};
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

impl Connection {
    /// A call of the session has sent `output`, which is queued, and asked for what `outcome` says.
    pub fn handle_outcome(&mut self, outcome: &Outcome, output: &[u8]) {
        let is_finished = matches!(self.writing, Writing::Finished | Writing::Failed);
        if !output.is_empty() && !is_finished {
            self.push(output);
        }
        let is_full = self.queue.len() >= self.limits.high_water as usize;
        let Some(wire) = &mut self.wire else { return };
        if outcome.resumes && wire.paused {
            // The next look at the input begins the time of a message anew.
            self.since.message = 0;
            wire.paused = false;
            wire.need = 0;
            // After the peer's end, the end itself has not been reported yet.
            self.carry_ready = !self.carry.is_empty() || self.reading == Reading::Ended;
        }
        wire.has_sent = !output.is_empty() && !is_finished;
        wire.paused |= outcome.pauses;
        wire.holds |= is_full && !output.is_empty();
        let is_paused = wire.paused;
        if outcome.ends && self.takes_writes() {
            self.ended_by_protocol = true;
            self.finish();
        }
        if outcome.ends && is_paused {
            // Nothing resumes a session that has ended its side. Otherwise the peer's end would never be received.
            self.discard_input();
        }
    }

    /// The session has failed. If it has told the peer why, that leaves first, FIN follows it, and `None` is returned. Otherwise returns
    /// the reason to close the connection at once.
    pub fn handle_fault(&mut self, fault: Fault) -> Option<CloseReason> {
        let is_writable = matches!(self.writing, Writing::Open | Writing::Finishing);
        let wire = self.wire.as_mut()?;
        if !wire.has_sent || !is_writable {
            return Some(CloseReason::Protocol(wire.error(fault)));
        }
        wire.fault = Some(fault);
        self.ended_by_protocol = true;
        self.timers.clear_session();
        self.discard_input();
        self.finish();
        None
    }

    /// Why the protocol or a layer ended the connection, if one did because of an error.
    #[must_use]
    pub fn protocol_error(&self) -> Option<ProtocolError> {
        let wire = self.wire.as_ref();
        let fault = wire.and_then(|wire| Some(wire.error(wire.fault.clone()?)));
        let layers = self.layers.as_ref();
        fault.or_else(|| layers.and_then(|layers| Some(layers.failure()?.0.clone())))
    }
}
