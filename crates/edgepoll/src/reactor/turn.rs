//! One turn: waits, stores the events in the slots, serves the ready lists in order, and reports what happened.
//!
//! A turn serves a connection that gave bytes once, so that a connection with much input does not keep the others waiting. If it
//! had its share and has more to do, it goes to the end of the list `rest`, which is served after `ready`. So does a connection that
//! becomes ready not long after it had its share. A receive that was tried on a wrong guess gave no bytes; that connection is served with the
//! others.

use std::time::Duration;

use super::inbox::{Inbox, MIN_ROOM};
use super::occupant::Occupant;
use super::share::Portion;
use super::state::Reactor;
use crate::kernel::Kernel;
use crate::{Errno, Ready, Token};

/// A turn hands over so many times more frames of connections that were quiet than of those that had their share before.
const READY: u32 = 4;

/// While the owner is behind, this many turns in a row serve no connection of `rest` at most.
const MOST_SKIPPED: u8 = 64;

/// What is left of a turn's budget.
struct Left {
    bytes: usize,
    /// Frames, as far as connections of `rest` may have them.
    frames: u32,
    /// Frames, as far as connections of `ready` may have them.
    of_ready: u32,
}

/// The part of a budget that is kept for others.
#[derive(Default)]
struct Kept {
    bytes: usize,
    frames: u32,
}

impl Left {
    /// Takes what a connection got. Serving one costs as much as a frame even if it gave none.
    fn take(&mut self, (bytes, frames): (usize, u32)) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.frames = self.frames.saturating_sub(frames.max(1));
    }

    /// As [`Left::take`], for a connection of `ready`.
    fn take_of_ready(&mut self, (bytes, frames): (usize, u32)) {
        self.take((bytes, frames));
        self.of_ready = self.of_ready.saturating_sub(frames.max(1));
    }

    /// What stays for others of those who get a quarter of it.
    fn after_quarter(&self) -> Kept {
        Kept {
            bytes: self.bytes - (self.bytes / 4).max(1),
            frames: self.frames - (self.frames / 4).max(1),
        }
    }
}

impl<K: Kernel> Reactor<K> {
    /// Waits at most `timeout` (`None` for no limit), then serves every slot that may make progress, once. It does not wait
    /// when there is work. Returns true when work is left for another turn.
    ///
    /// # Errors
    /// The errors of epoll_wait(2), except EINTR.
    pub fn turn<I: Inbox>(
        &mut self,
        timeout: Option<Duration>,
        inbox: &mut I,
    ) -> Result<bool, Errno> {
        self.stats.turns += 1;
        let timeout = self.time_to_wait(timeout);
        let Reactor {
            kernel,
            slots,
            lists,
            stats,
            clock,
            ..
        } = self;
        let (mut events, mut last) = (0_u32, None);
        let mask = kernel.token_bits().generation_mask();
        kernel.wait(timeout, &mut |kept, bits| {
            events += 1;
            stats.events += 1;
            match slots.find_mut(kept, mask) {
                Some((token, occupant)) => {
                    last = Some(token);
                    occupant.handle_ready(bits);
                    occupant.list(token, *clock, lists);
                }
                None => stats.stale += 1,
            }
        })?;
        self.guess.learn(last.filter(|_| events == 1));
        self.tick();
        self.pace.begin(self.now);
        self.alarm.waits_for_turn = true;
        if self.alarm.may_be_due() {
            self.handle_timers();
        }
        self.serve_lists(inbox);
        if !self.due.is_empty() {
            self.judge_due();
        }
        if !self.tight.is_empty() {
            self.relieve();
        }
        self.alarm.waits_for_turn = false;
        self.update_alarm();
        self.report(inbox);
        let leaves_work = self.has_work();
        self.pace.finish_turn(leaves_work);
        Ok(leaves_work)
    }

    /// As [`Reactor::turn`] without waiting, for an owner whose own loop has found the poll descriptor readable. If the same
    /// connection was the only ready one in each of the last two waits, this tries a receive of it first, and skips the wait if
    /// that gives bytes.
    ///
    /// # Errors
    /// As [`Reactor::turn`].
    pub fn announced_turn<I: Inbox>(&mut self, inbox: &mut I) -> Result<bool, Errno> {
        if self.serve_guess(inbox) {
            self.stats.turns += 1;
            self.report(inbox);
            return Ok(self.has_work());
        }
        self.turn(Some(Duration::ZERO), inbox)
    }

    /// The owner has handled what the last turn reported. Call [`Reactor::tick`] before. The reactor measures by it how long that took
    /// since the turn began: if it was more than a few milliseconds, the next turns are shorter.
    pub fn batch_handled(&mut self) {
        self.pace.end(self.now);
    }

    /// Says whether the owner has still to handle messages of earlier turns. While it has, connections that had their share wait: their
    /// messages would only make the others wait longer at the owner.
    pub fn set_behind(&mut self, is_behind: bool) {
        self.owner_is_behind = is_behind;
    }

    /// Tries a receive of the connection that is probably ready. Returns true when it gave bytes. The kernel's events stay
    /// pending until the next wait, so none is lost.
    fn serve_guess<I: Inbox>(&mut self, inbox: &mut I) -> bool {
        if self.has_work() || inbox.room() < MIN_ROOM {
            return false;
        }
        self.tick();
        if self.alarm_is_due() {
            return false;
        }
        let Some(token) = self.guess.take() else {
            return false;
        };
        let Some((_, entry)) = self.live(token) else {
            return false;
        };
        // The connection's state still decides whether to receive. After a wrong guess, EAGAIN clears the bit.
        entry.connection.ready.insert(Ready::READABLE);
        entry.listed = true;
        let portion = Portion::whole(self.budget.turn_bytes, &self.budget);
        let (received, _) = self.serve(token, portion, inbox);
        self.list_again(token);
        received > 0
    }

    /// Serves each slot that is on the lists now, once, as far as the turn has room.
    fn serve_lists<I: Inbox>(&mut self, inbox: &mut I) {
        if std::mem::take(&mut self.lists.connections_first) {
            self.serve_connections(inbox);
            self.serve_listeners(inbox);
        } else {
            self.serve_listeners(inbox);
            let is_waiting = self.lists.has_connections();
            self.lists.connections_first = !self.serve_connections(inbox) && is_waiting;
        }
    }

    /// Listeners come first: a turn accepts a bounded number of connections, so that takes little of it.
    fn serve_listeners<I: Inbox>(&mut self, inbox: &mut I) {
        let count = self.lists.listeners.len();
        let Ok(divisor @ 1..) = u32::try_from(count) else {
            return;
        };
        // A new connection is work for the owner, as messages are.
        let most = (self.pace.part(self.budget.accepts) / divisor).max(1);
        #[cfg(feature = "simulation")]
        self.note_listeners(inbox.room() >= MIN_ROOM);
        for _ in 0..count {
            if inbox.room() < MIN_ROOM {
                break;
            }
            let Some(token) = self.lists.listeners.pop_front() else {
                break;
            };
            if let Some(Occupant::Listener(_)) = self.slots.get_mut(token) {
                self.accept(token, most, inbox);
                self.list_again(token);
            }
        }
    }

    /// Returns true when a connection was served.
    fn serve_connections<I: Inbox>(&mut self, inbox: &mut I) -> bool {
        let mut left = Left {
            bytes: self.pace.bytes(self.budget.turn_bytes),
            frames: self.pace.part(self.budget.turn_frames),
            of_ready: self
                .pace
                .part(self.budget.turn_frames.saturating_mul(READY)),
        };
        // A connection that is served in this turn and has more to do is added after these, for the next turn.
        let (quiet, waiting) = (self.lists.ready.len(), self.lists.rest.len());
        if waiting > 0 && self.owner_is_behind && self.lists.rest_skipped < MOST_SKIPPED {
            self.lists.rest_skipped += 1;
            self.serve_ready(quiet, &mut left, inbox);
            return true;
        }
        self.lists.rest_skipped = 0;
        let (has_ready, has_rest);
        if std::mem::take(&mut self.lists.rest_first) {
            let kept = left.after_quarter();
            has_rest = self.serve_rest(waiting, &mut left, &kept, inbox);
            has_ready = self.serve_ready(quiet, &mut left, inbox);
        } else {
            has_ready = self.serve_ready(quiet, &mut left, inbox);
            has_rest = self.serve_rest(waiting, &mut left, &Kept::default(), inbox);
        }
        self.lists.rest_first = waiting > 0 && !has_rest;
        has_ready || has_rest
    }

    /// Serves at most `count` connections of `ready`. Each gets an equal part of the turn. Returns true when there was one.
    fn serve_ready<I: Inbox>(&mut self, count: usize, left: &mut Left, inbox: &mut I) -> bool {
        let mut portion = Portion::of(count, left.bytes, left.of_ready, &self.budget);
        let mut is_served = false;
        for _ in 0..count {
            if left.bytes == 0 || left.of_ready == 0 || inbox.room() < MIN_ROOM {
                break;
            }
            let Some(token) = self.lists.ready.pop_front() else {
                break;
            };
            if self.slots.get_mut(token).is_some() {
                is_served = true;
                portion.left = left.bytes;
                left.take_of_ready(self.serve_once(token, portion, inbox));
            }
        }
        is_served
    }

    /// Serves at most `waiting` connections of `rest`, until only what is kept for others is left. Returns true when there was one.
    fn serve_rest<I: Inbox>(
        &mut self,
        waiting: usize,
        left: &mut Left,
        kept: &Kept,
        inbox: &mut I,
    ) -> bool {
        // While many wait, each receives less, because what has no room in this turn is kept in memory.
        let bytes = Portion::of(waiting, left.bytes, left.frames, &self.budget).bytes;
        let mut is_served = false;
        for _ in 0..waiting {
            let is_spent = left.bytes <= kept.bytes || left.frames <= kept.frames;
            if is_spent || inbox.room() < MIN_ROOM {
                break;
            }
            let Some(token) = self.lists.rest.pop_front() else {
                break;
            };
            if self.slots.get_mut(token).is_some() {
                is_served = true;
                let portion = Portion {
                    left: left.bytes,
                    bytes,
                    frames: self.pace.part(self.budget.slot_frames),
                };
                left.take(self.serve_once(token, portion, inbox));
            }
        }
        is_served
    }

    /// Serves a connection, and lists it for the next turn if it has more to do. It counts as listed until then, so that serving
    /// it does not put it on a list that this turn still serves. Returns the bytes received and the frames handed over.
    fn serve_once<I: Inbox>(
        &mut self,
        token: Token,
        portion: Portion,
        inbox: &mut I,
    ) -> (usize, u32) {
        let got = self.serve(token, portion, inbox);
        self.list_again(token);
        got
    }
}
