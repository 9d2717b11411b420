//! Sets and clears timers, and handles those that have expired.
//!
//! A slot is in the wheel for its soonest timer or for an earlier time. Moving a timer to a later time or clearing it does not touch
//! the wheel: the slot comes up too early then, nothing has expired, and it is put back.

use std::time::Duration;

use super::alarm::State;
use super::occupant::Occupant;
use super::state::Reactor;
use crate::connection::Timer;
use crate::kernel::Kernel;
use crate::Token;

impl<K: Kernel> Reactor<K> {
    /// Sets a timer of a connection, or moves it.
    pub(super) fn set_timer(&mut self, token: Token, timer: Timer, at: u64) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.timers.set(timer, at);
        if !entry.is_due {
            self.wheel.come_up_by(token.index, at);
            self.update_alarm();
        }
    }

    pub(super) fn clear_timer(&mut self, token: Token, timer: Timer) {
        if let Some((_, entry)) = self.live(token) {
            entry.connection.timers.clear(timer);
        }
    }

    /// Makes a listener come up for its soonest timer.
    pub(super) fn set_listener_timer(&mut self, token: Token) {
        let soonest = self
            .listener_mut(token)
            .and_then(|listener| listener.soonest());
        if let Some(at) = soonest {
            self.wheel.come_up_by(token.index, at);
            self.update_alarm();
        }
    }

    /// True when a timer may have expired. It reads the clock only if the alarm is set.
    pub(super) fn alarm_is_due(&self) -> bool {
        self.alarm.at.is_some() && self.alarm.is_by(self.kernel.now())
    }

    /// Handles the timers that have expired. Listeners resume at once, and sends are tried again. For everything else the connection is
    /// served once more first: if the process was busy, stopped or asleep, input that arrived in time still waits in the
    /// kernel, and it counts.
    pub(super) fn handle_timers(&mut self) {
        let now = self.kernel.now();
        if self.alarm.is_by(now) {
            self.alarm.at = None;
        }
        let sessions_by = self.sessions_expire_by(now);
        self.wheel.take_due(now, &mut self.came_up);
        let mut is_quiet = false;
        for at in 0..self.came_up.len() {
            let slot = self.came_up[at];
            let Some((token, occupant)) = self.slots.at_mut(slot as usize) else {
                continue;
            };
            if occupant.handle_timers(now, sessions_by) {
                self.due.push(token);
            } else if let Some(at) = occupant.comes_up_at(now, sessions_by) {
                self.wheel.come_up_by(slot, at);
            }
            occupant.list(token, self.clock, &mut self.lists);
            let listener = occupant.listener_mut();
            is_quiet |= listener.is_some_and(|it| std::mem::take(&mut it.is_quiet));
        }
        self.came_up.clear();
        if is_quiet {
            self.handle_quiet();
        }
    }

    /// Does what follows for the connections with expired timers, which have been served since. What expires while it does that is
    /// left to the next turn, and so is a deadline of a connection that had more to do than this turn had room for.
    pub(super) fn judge_due(&mut self) {
        let (now, sessions_by) = (self.now, self.sessions_expire_by(self.now));
        let mut kept = 0;
        for at in 0..self.due.len() {
            let token = self.due[at];
            self.judge(token);
            let waits = self.judge_deadline(token);
            self.call_layer_timers(token);
            self.call_timers(token);
            self.settle(token);
            let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) else {
                continue;
            };
            if waits && entry.closed.is_none() {
                self.due[kept] = token;
                kept += 1;
                continue;
            }
            entry.is_due = false;
            if let Some(at) = entry.comes_up_at(now, sessions_by) {
                self.wheel.come_up_by(token.index, at);
            }
        }
        self.due.truncate(kept);
    }

    /// Sets the kernel's alarm to the soonest timer, unless it goes off by then already. If the kernel refuses, the owner gets one
    /// event for it, and each later change and turn tries again. Until one succeeds, each turn handles the timers that have expired,
    /// even if the alarm did not wake it.
    pub(super) fn update_alarm(&mut self) {
        if self.alarm.waits_for_turn {
            return;
        }
        let Some(soonest) = self.wheel.soonest() else {
            return;
        };
        if self.alarm.is_by(soonest) {
            return;
        }
        match self.kernel.set_alarm(soonest) {
            Ok(()) => (self.alarm.at, self.alarm.state) = (Some(soonest), State::Works),
            Err(errno) => {
                if self.alarm.state == State::Works {
                    self.alarm.state = State::Refused(errno);
                }
            }
        }
    }

    /// The time `milliseconds` from now, in nanoseconds of the kernel's clock.
    pub(super) fn after(&self, milliseconds: u32) -> u64 {
        self.kernel
            .now()
            .saturating_add(u64::from(milliseconds) * 1_000_000)
    }

    /// How long a turn waits: not at all when there is work, and at most until the soonest timer if no alarm will end the wait.
    pub(super) fn time_to_wait(&self, timeout: Option<Duration>) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        if self.alarm.state == State::Works {
            return timeout;
        }
        let now = self.kernel.now();
        let left = |at: u64| Duration::from_nanos(at.saturating_sub(now));
        let until = self.wheel.soonest().map(left);
        match (timeout, until) {
            (Some(timeout), Some(until)) => Some(timeout.min(until)),
            (timeout, until) => timeout.or(until),
        }
    }
}
