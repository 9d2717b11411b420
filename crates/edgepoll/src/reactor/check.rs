//! The invariants that can be seen from inside the reactor. The simulation checks them after every turn.

use edgepoll_protocol::host::KEPT;

use super::entry::Entry;
use super::listener::Listener;
use super::occupant::Occupant;
use super::state::Reactor;
use crate::kernel::Kernel;
use crate::{Ready, Token};

impl<K: Kernel> Reactor<K> {
    /// Checks the invariants, which have the numbers of ARCHITECTURE.md.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), String> {
        let kept = self.scratch.as_ref().map_or(0, |scratch| scratch.kept());
        if kept > 2 * KEPT {
            return Err("7: the memory of a large message is kept".to_owned());
        }
        for token in self.ready.iter().chain(&self.rest) {
            match self.slots.get(*token) {
                Some(Occupant::Listener(listener)) if !listener.listed => {
                    return Err(format!(
                        "{token:?} is on the ready list without being marked as listed"
                    ));
                }
                _ => {}
            }
        }
        for (token, occupant) in self.slots.iter() {
            let lists = self.ready.iter().chain(&self.rest);
            let on_list = lists.filter(|other| **other == token).count();
            match occupant {
                Occupant::Listener(listener) => self.check_listener(token, listener, on_list)?,
                Occupant::Connection(entry) => self.check_connection(token, entry, on_list)?,
            }
        }
        Ok(())
    }

    fn check_listener(
        &self,
        token: Token,
        listener: &Listener<K::Socket>,
        on_list: usize,
    ) -> Result<(), String> {
        if listener.may_accept() && on_list != 1 {
            return Err(format!("5: listener {token:?} may accept and is forgotten"));
        }
        let waits = listener.resume_at != 0;
        if waits && !self.deadlines.contains(listener.resume_at, token) {
            return Err(format!(
                "5: listener {token:?} is paused without a time to resume"
            ));
        }
        if listener.open > listener.options.max_connections {
            return Err(format!(
                "7: listener {token:?} has {} connections",
                listener.open
            ));
        }
        Ok(())
    }

    fn check_connection(
        &self,
        token: Token,
        entry: &Entry<K::Socket>,
        on_list: usize,
    ) -> Result<(), String> {
        let connection = &entry.connection;
        if entry.closed.is_some() {
            if !entry.has_report {
                return Err(format!("1: the close of {token:?} will not be reported"));
            }
            if entry.socket.is_some() && entry.must_reset() {
                return Err(format!("1: {token:?} has lost bytes and is not reset"));
            }
            return Ok(());
        }
        if connection.may_progress() && on_list != 1 {
            return Err(format!(
                "5: {token:?} may progress and is forgotten: {:?}",
                connection.ready
            ));
        }
        if on_list > 1 {
            return Err(format!("8: {token:?} is listed {on_list} times"));
        }
        let deadline = connection.deadline;
        if deadline != 0 && !self.deadlines.contains(deadline, token) {
            return Err(format!("5: the deadline of {token:?} is not in the set"));
        }
        if connection.short && deadline == 0 && on_list != 1 {
            return Err(format!("5: the send of {token:?} is not tried again"));
        }
        let blocked = !connection.ready.contains(Ready::WRITABLE);
        let queued = connection.queue.len();
        if queued > 0 && connection.must_watch() && !connection.short {
            return Err(format!(
                "5: {token:?} waits for room that the kernel will not report"
            ));
        }
        if queued > 0 && !blocked && on_list != 1 && connection.may_write() {
            return Err(format!(
                "5: {token:?} could send {queued} bytes and is forgotten"
            ));
        }
        Ok(())
    }
}
