//! The invariants that can be seen from inside the reactor. The simulation checks them after every turn.

use edgepoll_protocol::host::KEPT;

use super::alarm::State;
use super::entry::Entry;
use super::listener::Listener;
use super::occupant::Occupant;
use super::state::Reactor;
use super::wheel::MILLISECOND;
use crate::connection::Timer;
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
        for token in self.lists.iter() {
            match self.slots.get(*token) {
                Some(Occupant::Listener(listener)) if !listener.listed => {
                    return Err(format!(
                        "{token:?} is on the ready list without being marked as listed"
                    ));
                }
                _ => {}
            }
        }
        if self.lists.listeners_waited > 1 {
            return Err("8: listeners wait for more than a turn".to_owned());
        }
        self.check_timers()?;
        self.check_room()?;
        for (token, occupant) in self.slots.iter() {
            let lists = self.lists.iter();
            let on_list = lists.filter(|other| **other == token).count();
            match occupant {
                Occupant::Listener(listener) => self.check_listener(token, listener, on_list)?,
                Occupant::Connection(entry) => self.check_connection(token, entry, on_list)?,
            }
        }
        Ok(())
    }

    /// A turn serves listeners, or has no room for them.
    pub(super) fn note_listeners(&mut self, has_room: bool) {
        let waited = &mut self.lists.listeners_waited;
        *waited = if has_room { 0 } else { *waited + 1 };
    }

    /// The wheel gives each slot before its soonest timer expires, and the alarm goes off before the wheel gives the first one.
    fn check_timers(&self) -> Result<(), String> {
        self.wheel.check()?;
        for slot in self.wheel.slots() {
            let occupant = self.slots.at(slot as usize).map(|(_, occupant)| occupant);
            let is_closed = |entry: &Entry<K::Socket>| entry.closed.is_some();
            if occupant.is_none_or(|it| it.connection().is_some_and(is_closed)) {
                return Err(format!("1: slot {slot} is free or closed and comes up"));
            }
        }
        for (token, occupant) in self.slots.iter() {
            let comes_up = self.wheel.get(token.index);
            let soonest = match occupant {
                Occupant::Listener(listener) => listener.soonest(),
                Occupant::Connection(entry) if entry.is_due => continue,
                Occupant::Connection(entry) => self.latest_to_come_up(entry),
            };
            if soonest.is_some_and(|at| comes_up.is_none_or(|up| up > at)) {
                return Err(format!(
                    "5: a timer of {token:?} expires at {soonest:?}, and it comes up at {comes_up:?}"
                ));
            }
        }
        let works = self.alarm.state == State::Works;
        if works && self.wheel.soonest().is_some_and(|at| !self.alarm.is_by(at)) {
            return Err("5: the alarm is not set for the soonest timer".to_owned());
        }
        Ok(())
    }

    /// The latest time at which a connection has to come up for its timers: that of the soonest one, or a millisecond from now for a
    /// session's timer that has expired and may have waited for the owner.
    fn latest_to_come_up(&self, entry: &Entry<K::Socket>) -> Option<u64> {
        let (timers, now) = (&entry.connection.timers, self.kernel.now());
        let of_session = Timer::of_session().filter_map(|timer| timers.get(timer));
        let of_session = of_session.map(|at| if at <= now { now + MILLISECOND } else { at });
        let others = Timer::of_core().filter_map(|timer| timers.get(timer));
        of_session.chain(others).min()
    }

    fn check_listener(
        &self,
        token: Token,
        listener: &Listener<K::Socket>,
        on_list: usize,
    ) -> Result<(), String> {
        if listener.may_progress() && on_list != 1 {
            return Err(format!(
                "5: listener {token:?} may progress and is forgotten"
            ));
        }
        listener.clients.check()?;
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
            if connection.timers.soonest().is_some() {
                return Err(format!("1: {token:?} is closed and has timers"));
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
        if entry.is_due && on_list == 0 {
            return Err(format!("5: a timer of {token:?} was not handled"));
        }
        if connection.short && !connection.timers.is_set(Timer::Retry) && on_list != 1 {
            return Err(format!("5: the send of {token:?} is not tried again"));
        }
        if let Ok(Some(at)) = connection.judge(self.clock) {
            let set = connection.timers.get(Timer::Deadline);
            if set.is_none_or(|set| set > at) {
                return Err(format!(
                    "5: a deadline of {token:?} passes at {at}, and its timer expires at {set:?}"
                ));
            }
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
