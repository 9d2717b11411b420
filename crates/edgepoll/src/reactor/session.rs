//! Calls of a connection's session besides decoding, and what follows from them.

use std::fmt;
use std::rc::Rc;

use edgepoll_protocol::host::{Handle, Outcome, Scratch};

use super::decode::prepared;
use super::session_timers::Asked;
use super::state::Reactor;
use crate::connection::{CloseReason, Reading, Timer, Wire};
use crate::kernel::Kernel;
use crate::protocol::{Error, Factory, Fault, Role};
use crate::Token;

/// Why a connection cannot get another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The connection is closed, or is ending because its protocol failed.
    Closed,
    /// The owner has ended the connection, and what arrives is discarded.
    Discarded,
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpgradeError::Closed => write!(f, "the connection is closed"),
            UpgradeError::Discarded => write!(f, "the connection's input is discarded"),
        }
    }
}

impl std::error::Error for UpgradeError {}

impl<K: Kernel> Reactor<K> {
    /// Gives a connection another protocol, or none. What was received and not decoded goes to the new one.
    ///
    /// # Errors
    /// [`UpgradeError`].
    pub fn upgrade(
        &mut self,
        token: Token,
        protocol: Option<&Rc<Factory>>,
    ) -> Result<(), UpgradeError> {
        let (_, entry) = self.live(token).ok_or(UpgradeError::Closed)?;
        let connection = &mut entry.connection;
        let (mut was_paused, role) = (false, role_of(connection.listener));
        if let Some(wire) = &connection.wire {
            if wire.fault.is_some() {
                return Err(UpgradeError::Closed);
            }
            was_paused = wire.paused;
        }
        if connection.reading == Reading::Open(crate::connection::Sink::Discard) {
            return Err(UpgradeError::Discarded);
        }
        connection.wire = protocol.map(|protocol| Wire::new(protocol, role));
        connection.timers.clear_session();
        connection.since.message = 0;
        // If the old session paused, or the owner had no room, the peer's end has not been reported yet.
        let has_end =
            connection.reading == Reading::Ended && (was_paused || connection.carry_ready);
        connection.carry_ready = !connection.carry.is_empty() || has_end;
        self.start_session(token);
        self.settle(token);
        self.list(token);
        Ok(())
    }

    /// Closes a connection because its session refused a message that the owner had already passed on. The message is lost, so the peer
    /// sees a reset.
    pub fn refuse(&mut self, token: Token, error: Error, length: usize) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.lose(length);
        let Some(wire) = &entry.connection.wire else {
            return;
        };
        let error = wire.error(Fault::Error(error));
        self.close(token, CloseReason::Protocol(error));
    }

    /// Makes the first call of a new session.
    pub(super) fn start_session(&mut self, token: Token) {
        self.call_session(token, Handle::start);
    }

    /// The owner ends the connection: the session may send something before the FIN.
    pub(super) fn end_session(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.takes_writes() {
            self.call_session(token, Handle::end);
        }
    }

    /// Calls the session of a connection, and does what it asks for.
    pub(super) fn call_session(
        &mut self,
        token: Token,
        call: impl FnOnce(&mut Handle, &mut Scratch) -> (Outcome, Result<(), Fault>),
    ) {
        let mut scratch = self.scratch.take();
        if let Some((_, entry)) = self.live(token) {
            let connection = &mut entry.connection;
            let memory = prepared(&mut scratch, connection);
            if let Some(wire) = connection.wire.as_mut().filter(|it| it.fault.is_none()) {
                let (outcome, result) = call(&mut wire.session, memory);
                connection.handle_outcome(&outcome, memory.output());
                let mut asked = Asked::default();
                asked.add(&outcome, memory);
                self.put_back(scratch);
                self.set_session_timers(token, &asked);
                self.after_session(token, result.err());
                return;
            }
        }
        self.put_back(scratch);
    }

    /// Gives back the memory that sessions write into.
    pub(super) fn put_back(&mut self, mut scratch: Option<Box<Scratch>>) {
        if let Some(scratch) = &mut scratch {
            scratch.trim();
        }
        self.scratch = scratch;
    }

    /// Sends what a session has sent, and ends the connection if the session failed or asked for the end.
    pub(super) fn after_session(&mut self, token: Token, fault: Option<Fault>) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if connection.wire.is_none() {
            return;
        }
        if let Some(reason) = fault.and_then(|fault| connection.handle_fault(fault)) {
            self.close(token, reason);
            return;
        }
        let has_sent = connection.wire.as_ref().is_some_and(|it| it.has_sent);
        if has_sent && connection.queue.len() > connection.limits.send_queue as usize {
            self.close(token, CloseReason::QueueFull);
            return;
        }
        if connection.layers.is_some() {
            // What the session has sent went through them.
            self.after_layers(token);
            return;
        }
        self.report_ended_by_protocol(token);
        self.send_soon(token);
    }

    /// Sends what a session or a layer has queued, and closes the connection if that was the end.
    pub(super) fn send_soon(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.may_write() {
            self.flush(token);
            self.expect_flush(token);
        } else {
            // If this side has ended, the end needs a deadline, although nothing can be sent now. A later call does not move it.
            let has_deadline = entry.connection.timers.is_set(Timer::Late);
            if !entry.connection.queue.is_empty() {
                self.report_queued(token);
            }
            if !has_deadline {
                self.expect_flush(token);
            }
        }
        self.close_if_finished(token);
        self.list(token);
    }
}

pub(super) fn role_of(listener: Option<Token>) -> Role {
    if listener.is_some() {
        Role::Server
    } else {
        Role::Client
    }
}
