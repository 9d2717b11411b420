//! Deadlines of the peer: when they begin, and what follows when one has passed.

use super::state::Reactor;
use crate::connection::{Clock, CloseReason, Deadline, Timer};
use crate::kernel::Kernel;
use crate::Token;

impl<K: Kernel> Reactor<K> {
    /// Reads the clock. Commands between two turns take the time of the last turn for the present time, unless the owner calls this
    /// before them: with an old time, a deadline that a write begins would pass early.
    pub fn tick(&mut self) {
        self.now = self.kernel.now();
        self.clock = Clock::new(self.now);
    }

    /// The connection is established: its first deadlines begin.
    pub(super) fn begin_deadlines(&mut self, token: Token) {
        let clock = self.clock;
        if let Some((_, entry)) = self.live(token) {
            entry.connection.since.moves(clock);
            self.expect_peer(token);
        }
    }

    /// Bytes were received, or messages decoded.
    #[inline]
    pub(super) fn note_received(&mut self, token: Token, bytes: usize) {
        let clock = self.clock;
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if bytes > 0 {
            entry.connection.since.moves(clock);
        }
        if entry.connection.note_message(clock) {
            self.expect_peer(token);
        }
    }

    /// A send was tried.
    pub(super) fn note_sent(&mut self, token: Token, bytes: u64) {
        let clock = self.clock;
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if bytes > 0 {
            entry.connection.since.moves(clock);
        }
        if entry.connection.note_queue(clock) {
            self.expect_peer(token);
        }
    }

    /// Sets the timer for the next deadline, unless it comes up by then anyway.
    pub(super) fn expect_peer(&mut self, token: Token) {
        let clock = self.clock;
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        connection.restart_message_if_stopped(clock);
        if let Ok(Some(at)) = connection.judge(clock) {
            let is_sooner = connection
                .timers
                .get(Timer::Deadline)
                .is_none_or(|set| set > at);
            if is_sooner {
                self.set_timer(token, Timer::Deadline, at);
            }
        }
    }

    /// Closes a connection whose peer is late, or sets the timer for the next deadline. It has been served since the timer expired.
    /// Returns true if it seems late and had more to do than this turn had room for, so that a later turn has to judge it: what it has not
    /// received yet may have arrived in time.
    pub(super) fn judge_deadline(&mut self, token: Token) -> bool {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return false;
        };
        let (is_listed, was_served) = (entry.listed, entry.was_served);
        let connection = &mut entry.connection;
        if !connection.timers.is_due(Timer::Deadline, now) {
            return false;
        }
        let clock = Clock::new(now);
        connection.restart_message_if_stopped(clock);
        let judged = connection.judge(clock);
        // A connection that was served has tried to send. How much it has to receive does not matter for that.
        let is_sure = |deadline| deadline == Deadline::Send && was_served;
        if is_listed && judged.is_err_and(|deadline| !is_sure(deadline)) {
            return true;
        }
        connection.timers.clear(Timer::Deadline);
        match judged {
            Ok(Some(at)) => self.set_timer(token, Timer::Deadline, at),
            Ok(None) => {}
            Err(deadline) => {
                self.stats.count_late(deadline);
                self.close(token, CloseReason::Late(deadline));
            }
        }
        false
    }
}
