//! Deadlines of slots, and the kernel's alarm for the soonest one.

use std::time::Duration;

use super::deadlines::Alarm;
use super::state::Reactor;
use crate::kernel::Kernel;
use crate::Token;

impl<K: Kernel> Reactor<K> {
    /// Sets or clears the deadline of a slot. A slot has one deadline.
    pub(super) fn set_deadline(&mut self, token: Token, at: Option<u64>) {
        let Some(occupant) = self.slots.get_mut(token) else {
            return;
        };
        let before = std::mem::replace(occupant.deadline(), at.unwrap_or(0));
        if before != 0 {
            self.deadlines.remove(before, token);
        }
        if let Some(at) = at {
            self.deadlines.insert(at, token);
        }
        self.update_alarm();
    }

    /// Sets the kernel's alarm to the soonest deadline. If the kernel refuses, the owner gets one event for it, and each later
    /// change and turn tries again. Until one succeeds, each turn handles the deadlines that have passed, even if the
    /// alarm did not wake it.
    pub(super) fn update_alarm(&mut self) {
        let Some(alarm) = self.deadlines.alarm_to_set() else {
            return;
        };
        match self.kernel.set_alarm(alarm) {
            Ok(()) => self.alarm = Alarm::Works,
            Err(errno) => {
                self.deadlines.alarm_was_refused();
                if self.alarm == Alarm::Works {
                    self.alarm = Alarm::Refused(errno);
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

    /// How long a turn waits: not at all when there is work, and at most until the soonest deadline if no alarm will end the wait.
    pub(super) fn time_to_wait(&self, timeout: Option<Duration>) -> Option<Duration> {
        if self.has_work() {
            return Some(Duration::ZERO);
        }
        if self.alarm == Alarm::Works {
            return timeout;
        }
        let now = self.kernel.now();
        let left = |at: u64| Duration::from_nanos(at.saturating_sub(now));
        let until = self.deadlines.soonest().map(left);
        match (timeout, until) {
            (Some(timeout), Some(until)) => Some(timeout.min(until)),
            (timeout, until) => timeout.or(until),
        }
    }
}
