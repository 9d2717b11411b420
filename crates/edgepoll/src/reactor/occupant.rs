//! What a slot holds: a listener or a connection.
//!
//! Other files use these methods. They match on the kind only to open or close a listener, to serve, and to check invariants.

use super::entry::Entry;
use super::listener::Listener;
use super::lists::{List, Lists};
use crate::connection::Clock;
use crate::{Ready, Token};

/// The occupant of a slot.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every slot has a connection, and a box would cost an allocation for each"
)]
pub(super) enum Occupant<S> {
    Listener(Box<Listener<S>>),
    Connection(Entry<S>),
}

impl<S> Occupant<S> {
    pub(super) fn connection(&self) -> Option<&Entry<S>> {
        match self {
            Occupant::Connection(entry) => Some(entry),
            Occupant::Listener(_) => None,
        }
    }

    #[inline]
    pub(super) fn connection_mut(&mut self) -> Option<&mut Entry<S>> {
        match self {
            Occupant::Connection(entry) => Some(entry),
            Occupant::Listener(_) => None,
        }
    }

    pub(super) fn listener(&self) -> Option<&Listener<S>> {
        match self {
            Occupant::Listener(listener) => Some(listener),
            Occupant::Connection(_) => None,
        }
    }

    pub(super) fn listener_mut(&mut self) -> Option<&mut Listener<S>> {
        match self {
            Occupant::Listener(listener) => Some(listener),
            Occupant::Connection(_) => None,
        }
    }

    /// Its socket, while that is open.
    pub(super) fn socket(&self) -> Option<&S> {
        match self {
            Occupant::Listener(listener) => Some(&listener.socket),
            Occupant::Connection(entry) => entry.socket.as_ref(),
        }
    }

    /// Latches the bits that the kernel reported.
    #[inline]
    pub(super) fn handle_ready(&mut self, ready: Ready) {
        match self {
            Occupant::Listener(listener) => listener.ready |= ready.contains(Ready::READABLE),
            Occupant::Connection(entry) => entry.connection.handle_ready(ready),
        }
    }

    /// True when serving it would do something.
    #[inline]
    pub(super) fn may_progress(&self) -> bool {
        match self {
            Occupant::Listener(listener) => listener.may_progress(),
            Occupant::Connection(entry) => entry.may_progress(),
        }
    }

    /// Appends it to its list, unless it is on one already or has nothing to do.
    #[inline]
    pub(super) fn list(&mut self, token: Token, clock: Clock, lists: &mut Lists) {
        let list = match self {
            Occupant::Listener(_) => List::Listeners,
            Occupant::Connection(entry) if entry.is_busy(clock) => List::Rest,
            Occupant::Connection(_) => List::Ready,
        };
        self.put_on(list, token, lists);
    }

    /// As [`Occupant::list`], after it was served.
    #[inline]
    pub(super) fn list_again(&mut self, token: Token, lists: &mut Lists) {
        let list = match self {
            Occupant::Listener(_) => List::Listeners,
            Occupant::Connection(entry) if entry.had_share => List::Rest,
            Occupant::Connection(_) => List::Ready,
        };
        self.put_on(list, token, lists);
    }

    #[inline]
    fn put_on(&mut self, list: List, token: Token, lists: &mut Lists) {
        if self.may_progress() {
            let listed = self.listed();
            if !*listed {
                *listed = true;
                lists.push(list, token);
            }
        }
    }

    /// Whether it is on a list.
    pub(super) fn listed(&mut self) -> &mut bool {
        match self {
            Occupant::Listener(listener) => &mut listener.listed,
            Occupant::Connection(entry) => &mut entry.listed,
        }
    }

    /// When it has to come up next, as [`Entry::comes_up_at`] says.
    pub(super) fn comes_up_at(&self, now: u64, sessions_by: u64) -> Option<u64> {
        match self {
            Occupant::Listener(listener) => listener.soonest(),
            Occupant::Connection(entry) => entry.comes_up_at(now, sessions_by),
        }
    }

    /// It came up at the time `now`. Timers of sessions expire if they were set for `sessions_by` or before. Returns true when more follows
    /// once it has been served.
    pub(super) fn handle_timers(&mut self, now: u64, sessions_by: u64) -> bool {
        match self {
            Occupant::Listener(listener) => {
                listener.handle_timers(now);
                false
            }
            Occupant::Connection(entry) => entry.handle_timers(now, sessions_by),
        }
    }
}
