//! The timers that sessions set: collects what their calls asked for, sets the timers, and calls the sessions when they expire.

use edgepoll_protocol::abi::TIMERS;
use edgepoll_protocol::host::{Outcome, Scratch};

use super::state::Reactor;
use super::wheel::MILLISECOND;
use crate::connection::Timer;
use crate::kernel::Kernel;
use crate::Token;

/// What the calls of one session have asked for: milliseconds for a timer that was set, `None` for one that was cleared.
#[derive(Debug, Default)]
pub(super) struct Asked {
    any: bool,
    timers: [Option<Option<u32>>; TIMERS],
}

impl Asked {
    /// Adds what a call asked for. The last call counts.
    #[inline]
    pub(super) fn add(&mut self, outcome: &Outcome, scratch: &Scratch) {
        if outcome.has_timers {
            self.any = true;
            for (timer, time) in scratch.timers() {
                self.timers[usize::from(timer)] = Some(time);
            }
        }
    }
}

/// How late timers of sessions may expire because they wait for the owner, in nanoseconds.
const MOST_LATE: u64 = 1_000 * MILLISECOND;

impl<K: Kernel> Reactor<K> {
    /// The timers of sessions that were set for this time or before expire at the time `now`.
    ///
    /// While the owner has still to handle messages of earlier turns, they wait for it. A session that gives the owner time to answer, and
    /// sends something itself then, would otherwise send that before the answer.
    pub(super) fn sessions_expire_by(&self, now: u64) -> u64 {
        match self.owner_is_behind {
            true => now.saturating_sub(MOST_LATE),
            false => now,
        }
    }

    /// Sets and clears the timers of a connection's session.
    #[inline]
    pub(super) fn set_session_timers(&mut self, token: Token, asked: &Asked) {
        if asked.any {
            let timers = Timer::of_session().zip(asked.timers);
            for (timer, time) in timers.filter_map(|(timer, time)| Some((timer, time?))) {
                match time {
                    Some(milliseconds) => {
                        let at = self.after(milliseconds);
                        self.set_timer(token, timer, at);
                    }
                    None => self.clear_timer(token, timer),
                }
            }
        }
    }

    /// Calls the session of a connection for each of its timers that has expired. One that it sets anew expires in another turn,
    /// however soon that is.
    pub(super) fn call_timers(&mut self, token: Token) {
        let until = self.sessions_expire_by(self.kernel.now());
        for (number, timer) in (0..).zip(Timer::of_session()) {
            let Some((_, entry)) = self.live(token) else {
                return;
            };
            // The turn may have had no room to receive what has arrived.
            let has_waiting_input = entry.listed && !entry.was_served;
            let is_held = entry.connection.is_stopped() || has_waiting_input;
            let timers = &mut entry.connection.timers;
            if timers.is_due(timer, until) {
                timers.clear(timer);
                self.call_session(token, |session, scratch| {
                    if is_held {
                        scratch.hold();
                    }
                    session.timer(scratch, number)
                });
            }
        }
    }
}
