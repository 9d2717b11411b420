//! What follows from the bytes that connections hold: they wait for room, the slowest are closed, and memory goes back.

use super::room::{Room, Search};
use super::state::Reactor;
use crate::connection::{CloseReason, Connection, Reading, Sink};
use crate::kernel::Kernel;
use crate::Token;

/// How many connections that wait for room a turn looks at.
const LOOKS: usize = 64;
/// How many slots a turn searches, and how many connections it closes at most.
const SEARCHED: usize = 1_024;
const CLOSED: usize = 64;
/// Memory goes back once the connections have held less for so many nanoseconds: memory that is soon used again should stay.
const QUIET: u64 = 1_000_000_000;

impl<K: Kernel> Reactor<K> {
    /// Counts what a connection holds now. Called after everything that may change it.
    #[inline]
    pub(super) fn settle(&mut self, token: Token) {
        if let Some(entry) = self.entry_mut(token) {
            let held = entry.connection.held();
            if held != entry.held {
                self.settle_at(token, held);
            }
        }
    }

    fn settle_at(&mut self, token: Token, held: usize) {
        let Some(entry) = self.entry_mut(token) else {
            return;
        };
        let before = std::mem::replace(&mut entry.held, held);
        let (is_stalled, listener) = (entry.connection.stalled, entry.connection.listener);
        self.usage.now = self.usage.now - before + held;
        self.usage.most = self.usage.most.max(self.usage.now);
        let drops = self.usage.has_dropped();
        let now = self.clock.nanoseconds();
        let Some((token_of, from)) =
            listener.and_then(|token| Some((token, self.listener_mut(token)?)))
        else {
            // Nothing can wake the reactor for it.
            self.usage.gives_back |= drops && self.usage.now == 0;
            return;
        };
        from.room.buffered = from.room.buffered - before + held;
        if held > before {
            from.room.handle_growth();
        }
        let goes_on = is_stalled && from.room.more(held) > 0;
        let quiet_at = now + QUIET;
        let waits = drops && from.quiet_at == 0;
        if waits {
            from.quiet_at = quiet_at;
        }
        self.look_after(token_of);
        if waits {
            self.wheel.come_up_by(token_of.index, quiet_at);
            self.update_alarm();
        }
        if goes_on {
            self.go_on(token);
        }
    }

    /// Lists a listener whose connections may have to wait for room.
    fn look_after(&mut self, listener: Token) {
        if let Some(from) = self.listener_mut(listener) {
            if from.room.is_short() && !from.room.is_tight {
                from.room.is_tight = true;
                self.tight.push(listener);
            }
        }
    }

    /// The owner keeps this many bytes that the connections of a listener have handed over to it. Returns how much is free of
    /// [`ListenOptions::max_held`](super::ListenOptions::max_held). The owner should keep no more than that of one connection.
    pub fn keep(&mut self, listener: Token, bytes: usize) -> usize {
        let Some(from) = self.listener_mut(listener) else {
            return usize::MAX;
        };
        let grows = bytes > from.room.unread;
        from.room.unread = bytes;
        if grows {
            from.room.handle_growth();
        }
        let left = from.room.shared();
        self.look_after(listener);
        left
    }

    /// How much the connection may receive. If there is no room for more, it waits.
    #[inline]
    pub(super) fn room_for(&mut self, token: Token) -> usize {
        if self.tight.is_empty() {
            usize::MAX
        } else {
            self.tight_room_for(token)
        }
    }

    fn tight_room_for(&mut self, token: Token) -> usize {
        let Some(entry) = self.entry(token) else {
            return 0;
        };
        let (held, listener) = (entry.held, entry.connection.listener);
        if entry.connection.reading == Reading::Open(Sink::Discard) {
            return usize::MAX;
        }
        let Some(from) = listener.and_then(|listener| self.listener_mut(listener)) else {
            return usize::MAX;
        };
        if !from.room.is_tight {
            // Another listener's connections hold much.
            return usize::MAX;
        }
        let more = from.room.more(held);
        if more == 0 {
            self.stall(token);
        }
        more
    }

    fn stall(&mut self, token: Token) {
        let Some(entry) = self.entry_mut(token) else {
            return;
        };
        entry.connection.stalled = true;
        let listener = entry.connection.listener;
        if !std::mem::replace(&mut entry.waits_for_room, true) {
            if let Some(from) = listener.and_then(|listener| self.listener_mut(listener)) {
                from.room.wait(token);
            }
        }
    }

    /// There is room for the connection again.
    fn go_on(&mut self, token: Token) {
        if let Some(entry) = self.entry_mut(token) {
            entry.connection.stalled = false;
            self.list(token);
        }
    }

    /// True when there is something to do for those listeners.
    pub(super) fn room_has_work(&self) -> bool {
        let rooms = self
            .tight
            .iter()
            .filter_map(|token| self.slots.get(*token)?.listener());
        rooms.into_iter().any(|from| from.room.has_work())
    }

    /// A listener is closed, and bounds its connections no more.
    pub(super) fn release_waiting(&mut self, room: Room) {
        for token in room.into_waiting() {
            if let Some(entry) = self.entry_mut(token) {
                entry.waits_for_room = false;
                if entry.connection.stalled && entry.closed.is_none() {
                    self.go_on(token);
                }
            }
        }
    }

    /// Looks after the listeners whose connections hold much.
    pub(super) fn relieve(&mut self) {
        for at in (0..self.tight.len()).rev() {
            let listener = self.tight[at];
            self.wake_waiting(listener);
            self.shed(listener);
            let keeps = self.listener_mut(listener).is_some_and(|from| {
                from.room.is_tight = from.room.is_short();
                from.room.is_tight
            });
            if !keeps {
                self.tight.swap_remove(at);
            }
        }
    }

    /// Lets connections go on that waited for room.
    fn wake_waiting(&mut self, listener: Token) {
        for _ in 0..LOOKS {
            let Some(from) = self.listener_mut(listener) else {
                return;
            };
            let Some(token) = from.room.next() else {
                return;
            };
            let Some(held) = self.entry(token).map(|entry| entry.held) else {
                continue;
            };
            let more = self
                .listener_mut(listener)
                .map_or(0, |from| from.room.more(held));
            let Some(entry) = self.entry_mut(token) else {
                continue;
            };
            let waits = entry.connection.stalled && entry.closed.is_none();
            entry.waits_for_room = false;
            if waits && more > 0 {
                self.go_on(token);
            } else if waits {
                entry.waits_for_room = true;
                if let Some(from) = self.listener_mut(listener) {
                    from.room.wait_on(token);
                }
            }
        }
    }

    /// Closes some of the connections that hold most and send slowest, if too much is held. A turn searches a part of the slots.
    fn shed(&mut self, listener: Token) {
        let Some(from) = self.listener_mut(listener) else {
            return;
        };
        let Search::At(start, mut has_closed) = from.room.search else {
            return;
        };
        let least = from.room.buffered / from.open.max(1) as usize;
        let end = self.slots.places().min(start + SEARCHED);
        let clock = self.clock;
        let mut found: Vec<_> = (start..end)
            .filter_map(|place| {
                let (token, occupant) = self.slots.at(place)?;
                let entry = occupant.connection()?;
                let is_its = entry.connection.listener == Some(listener) && entry.closed.is_none();
                let holds = is_its && entry.held >= least && entry.connection.unsent() > 0;
                holds.then(|| (entry.connection.pace(clock), token))
            })
            .collect();
        found.sort_unstable_by_key(|(pace, _)| *pace);
        found.truncate(found.len().div_ceil(2).min(CLOSED));
        for (_, token) in found {
            let is_enough = |from: &mut super::listener::Listener<K::Socket>| from.room.has_shed();
            if self.listener_mut(listener).is_none_or(is_enough) {
                break;
            }
            self.close(token, CloseReason::Shed);
            self.stats.shed += 1;
            has_closed = true;
        }
        let places = self.slots.places();
        if let Some(from) = self.listener_mut(listener) {
            if from.room.has_shed() {
                from.room.search = Search::None;
            } else if end < places {
                from.room.search = Search::At(end, has_closed);
            } else {
                from.room.handle_searched(has_closed);
            }
        }
    }

    /// The held bytes have been fewer for a while.
    pub(super) fn handle_quiet(&mut self) {
        if self.usage.has_dropped() {
            self.usage.gives_back = true;
        }
    }

    /// True if the connections hold far less than they did, so that the owner should give the allocator's free memory back to the
    /// system. True once for each such drop.
    pub fn take_give_back(&mut self) -> bool {
        if !std::mem::take(&mut self.usage.gives_back) {
            return false;
        }
        self.usage.most = self.usage.now;
        self.reports.shrink_to_fit();
        true
    }

    /// The sums are those of the slots.
    #[cfg(feature = "simulation")]
    pub(super) fn check_room(&self) -> Result<(), String> {
        let entries = || {
            let all = self.slots.iter();
            all.filter_map(|(token, occupant)| Some((token, occupant.connection()?)))
        };
        let mut now = 0;
        for (token, entry) in entries() {
            let held = entry.connection.held();
            if entry.held != held {
                let counted = entry.held;
                return Err(format!(
                    "7: {token:?} holds {held} bytes, and {counted} are counted"
                ));
            }
            now += held;
            let from = entry
                .connection
                .listener
                .and_then(|token| self.slots.get(token)?.listener());
            let waits = entry.connection.stalled && entry.closed.is_none();
            if let Some(from) = from.filter(|_| waits) {
                let is_listed = self
                    .tight
                    .contains(&entry.connection.listener.unwrap_or(token));
                if !from.room.waiting().any(|other| *other == token) || !is_listed {
                    return Err(format!("5: {token:?} waits for room and is forgotten"));
                }
            }
        }
        if now != self.usage.now {
            return Err(format!(
                "7: {now} bytes are held, and {} are counted",
                self.usage.now
            ));
        }
        for (token, occupant) in self.slots.iter() {
            let Some(from) = occupant.listener() else {
                continue;
            };
            let its = entries().filter(|(_, entry)| entry.connection.listener == Some(token));
            let buffered: usize = its.map(|(_, entry)| entry.held).sum();
            if buffered != from.room.buffered {
                let counted = from.room.buffered;
                return Err(format!(
                    "7: {token:?} holds {buffered} bytes, and {counted} are counted"
                ));
            }
            if from.room.is_short() && !from.room.is_tight {
                return Err(format!("5: the room of {token:?} is forgotten"));
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Bytes that are held for it: queued, or received and not handed over.
    #[inline]
    pub(super) fn held(&self) -> usize {
        let pending = self.layers.as_ref().map_or(0, |layers| layers.pending());
        self.queue.len() + self.carry.len() + pending
    }
}
