//! One turn: waits, stores the events in the slots, serves the ready lists in order, and reports what happened.
//!
//! A turn serves a connection that gave bytes once, so that a connection with much input does not keep the others waiting. If it
//! has more to do, it goes to the end of the list `rest`, which is served after `ready`. A receive that was tried on a wrong guess
//! gave no bytes; that connection is served with the others.

use std::time::Duration;

use super::inbox::{Inbox, MIN_ROOM};
use super::occupant::Occupant;
use super::state::Reactor;
use crate::kernel::Kernel;
use crate::{Errno, Ready, Token};

/// What is left of a turn's budget.
struct Left {
    bytes: usize,
    frames: u32,
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
            ready,
            stats,
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
                    occupant.list(token, ready);
                }
                None => stats.stale += 1,
            }
        })?;
        self.guess.learn(last.filter(|_| events == 1));
        self.tick();
        self.alarm.waits_for_turn = true;
        if self.alarm.may_be_due() {
            self.handle_timers();
        }
        self.serve_lists(inbox);
        if !self.due.is_empty() {
            self.judge_due();
        }
        self.alarm.waits_for_turn = false;
        self.update_alarm();
        self.report(inbox);
        Ok(self.has_work())
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
        let (received, _) = self.serve(token, self.budget.turn_bytes, inbox);
        self.list_rest(token);
        received > 0
    }

    /// Serves each slot that is on the lists now, once.
    fn serve_lists<I: Inbox>(&mut self, inbox: &mut I) {
        let mut left = Left {
            bytes: self.budget.turn_bytes,
            frames: self.budget.turn_frames,
        };
        // A connection that is served in this turn and has more to do is added after these, for the next turn.
        let waiting = self.rest.len();
        let mut is_served = false;
        if std::mem::take(&mut self.rest_first) {
            is_served = self.serve_rest(waiting, &mut left, inbox);
            self.serve_ready(&mut left, inbox);
        } else {
            self.serve_ready(&mut left, inbox);
            if waiting > 0 {
                is_served = self.serve_rest(waiting, &mut left, inbox);
            }
        }
        self.rest_first = waiting > 0 && !is_served;
    }

    fn serve_ready<I: Inbox>(&mut self, left: &mut Left, inbox: &mut I) {
        for _ in 0..self.ready.len() {
            if left.bytes == 0 || inbox.room() < MIN_ROOM {
                break;
            }
            let Some(token) = self.ready.pop_front() else {
                break;
            };
            match self.slots.get_mut(token) {
                Some(Occupant::Listener(listener)) => {
                    listener.listed = false;
                    self.accept(token, inbox);
                    self.list(token);
                }
                Some(Occupant::Connection(_)) => self.serve_once(token, left, inbox),
                None => {}
            }
        }
    }

    /// Serves at most `waiting` connections of `rest`. Returns true when there was one.
    fn serve_rest<I: Inbox>(&mut self, waiting: usize, left: &mut Left, inbox: &mut I) -> bool {
        let mut is_served = false;
        for _ in 0..waiting {
            if left.bytes == 0 || left.frames == 0 || inbox.room() < MIN_ROOM {
                break;
            }
            let Some(token) = self.rest.pop_front() else {
                break;
            };
            if self.slots.get_mut(token).is_some() {
                is_served = true;
                self.serve_once(token, left, inbox);
            }
        }
        is_served
    }

    /// Serves a connection, and lists it for the next turn if it has more to do. It counts as listed until then, so that serving
    /// it does not put it on a list that this turn still serves.
    fn serve_once<I: Inbox>(&mut self, token: Token, left: &mut Left, inbox: &mut I) {
        let (bytes, frames) = self.serve(token, left.bytes, inbox);
        left.bytes = left.bytes.saturating_sub(bytes);
        left.frames = left.frames.saturating_sub(frames);
        self.list_rest(token);
    }
}
