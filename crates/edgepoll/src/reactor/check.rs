//! The invariants, said once in code: a simulation asks for them after every turn.
//!
//! It must never change anything.

use super::{Occupant, Reactor, SCRATCH};
use crate::kernel::Kernel;
use crate::Ready;

impl<K: Kernel> Reactor<K> {
    /// Every invariant that can be seen from inside, by the numbers of ARCHITECTURE.md.
    ///
    /// # Errors
    /// The first one that does not hold.
    pub fn check(&self) -> Result<(), String> {
        if self.scratch.capacity() > SCRATCH {
            return Err("7: the memory of a large message is kept".to_owned());
        }
        for token in self.ready.iter().chain(&self.rest) {
            match self.slots.get(*token) {
                Some(Occupant::Listener(listener)) if !listener.listed => {
                    return Err(format!(
                        "{token:?} stands on the ready list without knowing it"
                    ));
                }
                _ => {}
            }
        }
        for (token, occupant) in self.slots.iter() {
            let lists = self.ready.iter().chain(&self.rest);
            let on_list = lists.filter(|other| **other == token).count();
            match occupant {
                Occupant::Listener(listener) => {
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
                }
                Occupant::Connection(entry) => {
                    let connection = &entry.connection;
                    if entry.closed.is_some() {
                        if !entry.noted {
                            return Err(format!("1: {token:?} is closed and will not be told"));
                        }
                        if entry.socket.is_some() && entry.must_reset() {
                            return Err(format!("1: {token:?} is lost and not reset"));
                        }
                        continue;
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
                    if connection.deadline != 0
                        && !self.deadlines.contains(connection.deadline, token)
                    {
                        return Err(format!("5: the deadline of {token:?} is nowhere"));
                    }
                    if connection.short && connection.deadline == 0 && on_list != 1 {
                        return Err(format!("5: nobody tries the send of {token:?} again"));
                    }
                    let blocked = !connection.ready.contains(Ready::WRITABLE);
                    let queued = connection.queue.len();
                    if queued > 0 && connection.must_watch() && !connection.short {
                        return Err(format!("5: {token:?} waits for room, and nobody will tell"));
                    }
                    if queued > 0 && !blocked && on_list != 1 && connection.may_write() {
                        return Err(format!(
                            "5: {token:?} could send {queued} bytes and is forgotten"
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}
