//! Closes connections: with FIN when everything that was written is sent, else with a reset.

use super::entry::Closed;
use super::state::Reactor;
use crate::connection::{CloseReason, Writing};
use crate::kernel::Kernel;
use crate::{Address, Token};

impl<K: Kernel> Reactor<K> {
    /// Ends a connection: its descriptor is closed, and the slot is freed once the close is reported.
    ///
    /// Until the owner gets the close event it may go on writing. Those bytes are lost, and then the peer must not see FIN. So if
    /// nothing is lost so far, the descriptor stays open until the close is reported and no write can follow.
    pub(super) fn close(&mut self, token: Token, reason: CloseReason) {
        let local = self.local_address_before_close(token);
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let knows = reason == CloseReason::Destroyed || !entry.connection.takes_writes();
        entry.resets |= matches!(reason, CloseReason::QueueFull | CloseReason::Shed);
        // If the protocol failed before, that is the reason: this close only follows from it.
        let error = entry.connection.protocol_error();
        let reason = error.map_or(reason, CloseReason::Protocol);
        entry.closed = Some(Box::new(Closed { reason, local }));
        entry.lose_queue();
        entry.connection.carry.clear();
        entry.connection.timers.clear_all();
        // Nothing calls the session any more, however long the close waits to be reported.
        entry.connection.wire = None;
        let is_decided = knows || entry.must_reset();
        self.settle(token);
        self.wheel.remove(token.index);
        self.add_report(token);
        if is_decided {
            self.release(token);
        }
    }

    /// Closes the descriptor of a closed connection: with a reset if bytes were lost, else with FIN.
    pub(super) fn release(&mut self, token: Token) {
        let Some(entry) = self.slots.get_mut(token).and_then(|it| it.connection_mut()) else {
            return;
        };
        let Some(socket) = entry.socket.take() else {
            return;
        };
        if entry.must_reset() {
            // If the kernel refuses every way to reset, the peer sees FIN. The owner still gets the number of unsent bytes.
            let _ = self.kernel.reset_on_close(&socket);
        }
        self.kernel.close(socket);
        if let Some(listener) = entry.connection.listener {
            let peer = entry.connection.peer.clone();
            self.connection_left(listener, &peer);
        }
    }

    /// Makes the kernel reset every connection that has unsent bytes now when its descriptor is closed, also by the end of
    /// the process. Otherwise the peer would take the bytes that it has received for all of them. Dropping the reactor does
    /// the same. Call this before the process ends without dropping it, as [`std::process::exit`] does.
    pub fn reset_unsent(&mut self) {
        for (_, occupant) in self.slots.iter() {
            let entry = occupant.connection().filter(|entry| entry.must_reset());
            if let Some(socket) = entry.and_then(|entry| entry.socket.as_ref()) {
                // If the kernel refuses, the peer sees FIN; see `release`.
                let _ = self.kernel.reset_on_close(socket);
            }
        }
    }

    /// The local address, which cannot be read once the socket is closed. The connections of a listener that is bound to one
    /// address have that address; only other connections need a system call.
    fn local_address_before_close(&self, token: Token) -> Option<Address> {
        let entry = self.entry(token).filter(|entry| entry.closed.is_none())?;
        if entry.connection.writing == Writing::Connecting {
            return None;
        }
        let listener = |token| self.slots.get(token)?.listener();
        let bound = entry
            .connection
            .listener
            .and_then(listener)
            .and_then(|listener| listener.bound.clone());
        bound.or_else(|| self.kernel.local_address(entry.socket.as_ref()?).ok())
    }

    /// Closes the connection with its first failure, if there is one.
    pub(super) fn close_if_failed(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if let Some(failure) = entry.connection.failure {
            self.close(token, CloseReason::Failed(failure));
        }
    }

    /// Closes the connection if it has ended.
    pub(super) fn close_if_finished(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if let Some(reason) = entry.connection.finished() {
            self.close(token, reason);
        }
    }
}
