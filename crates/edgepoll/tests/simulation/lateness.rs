//! The deadlines of peers, compared with what the kernel and the owner saw: none passes early, and each has passed by the end of the
//! first turn that leaves nothing to do.

use edgepoll::connection::{Deadline, Limits};
use edgepoll::kernel::simulated::Random;
use edgepoll::kernel::Kernel;

use crate::driver::Run;
use crate::model::Model;

const MILLISECOND: u64 = 1_000_000;

/// When a connection last did what has a deadline, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// `None` until it is established.
    moved: Option<u64>,
    /// When the owner did not read for the last time.
    stopped: u64,
    read: u64,
    written: u64,
    /// When the queue was empty for the last time, and how many bytes the kernel had taken after the next send: what is only
    /// collected to leave in one send does not wait for the peer yet.
    queued: Option<(u64, u64)>,
    /// Since when a reactor without work has kept the connection although it was late. A connection that had more to do in the turn
    /// that found it late is judged again a millisecond later.
    late_since: Option<u64>,
    /// What the owner had got then. While it still gets something, the connection is not closed.
    delivered: u64,
    /// Nothing has been sent since.
    is_fresh: bool,
}

/// Limits with deadlines that pass in a run.
pub(crate) fn short(random: &mut Random, limits: Limits) -> Limits {
    Limits {
        first_byte_timeout: random.pick(&[0, 4, 30_000]),
        idle_timeout: random.pick(&[0, 9, 40_000]),
        message_timeout: random.pick(&[0, 7, 60_000]),
        receive_rate: random.pick(&[0, 1, 1_000]),
        send_timeout: random.pick(&[0, 5, 60_000]),
        send_rate: random.pick(&[0, 1, 1_000]),
        ..limits
    }
}

/// Limits without deadlines, so that a reactor without work has no alarm.
pub(crate) fn none(limits: Limits) -> Limits {
    Limits {
        first_byte_timeout: 0,
        idle_timeout: 0,
        message_timeout: 0,
        send_timeout: 0,
        ..limits
    }
}

impl Run {
    /// Notes what has moved in the turn or the command that has just ended. The clock has not moved since.
    pub(crate) fn note_moves(&mut self) {
        let now = self.kernel().now();
        for place in 0..self.models.len() {
            let Model {
                token,
                connecting,
                closed,
                ..
            } = self.models[place];
            let (Some(token), false, false) = (token, connecting, closed) else {
                continue;
            };
            let Some((read, written)) = self.reactor.counters(token) else {
                continue;
            };
            let queued = self.reactor.queued(token);
            let paused = self.models[place].paused;
            let seen = &mut self.models[place].seen;
            if paused {
                seen.stopped = now;
            }
            let has_sent = seen.written != written;
            if seen.moved.is_none() || (seen.read, seen.written) != (read, written) {
                seen.moved = Some(now);
            }
            (seen.read, seen.written) = (read, written);
            seen.is_fresh |= seen.queued.is_none();
            seen.queued = match seen.queued {
                _ if queued == 0 => None,
                None => Some((now, written)),
                Some((since, _)) if seen.is_fresh => Some((since, written)),
                since => since,
            };
            seen.is_fresh &= !has_sent;
        }
    }

    /// Whether a connection that is closed for this deadline was late. The turn that closed it began at `now`.
    pub(crate) fn was_late(&self, place: usize, deadline: Deadline, now: u64) -> bool {
        let Model {
            seen,
            limits,
            listener,
            ..
        } = &self.models[place];
        let passed = |since: u64| (now - since) / MILLISECOND;
        let Some(moved) = seen.moved else {
            return false;
        };
        match deadline {
            Deadline::FirstByte => {
                let is_new = listener.is_some() && (seen.read, seen.written) == (0, 0);
                is_new
                    && limits.first_byte_timeout > 0
                    && passed(moved.max(seen.stopped)) >= u64::from(limits.first_byte_timeout)
            }
            Deadline::Idle => {
                limits.idle_timeout > 0 && passed(moved) >= u64::from(limits.idle_timeout)
            }
            Deadline::Send => {
                let Some((since, taken)) = seen.queued else {
                    return false;
                };
                let more = (seen.written - taken) * 1_000;
                let more = more.checked_div(u64::from(limits.send_rate)).unwrap_or(0);
                limits.send_timeout > 0 && passed(since) >= u64::from(limits.send_timeout) + more
            }
            // The model does not know which bytes of the peer make a message. Its first byte came before the last one.
            Deadline::Message => limits.message_timeout > 0 && self.models[place].lines,
            _ => false,
        }
    }

    /// A reactor without work keeps no connection that is late for more than a millisecond.
    pub(crate) fn check_lateness(&mut self) -> Result<(), String> {
        let now = self.kernel().now();
        for model in &mut self.models {
            let Model {
                token: Some(token),
                connecting: false,
                closed: false,
                ..
            } = model
            else {
                continue;
            };
            let (token, seen) = (*token, &mut model.seen);
            let Some(moved) = seen.moved else { continue };
            let is_new = model.listener.is_some() && (seen.read, seen.written) == (0, 0);
            let first = if is_new {
                model.limits.first_byte_timeout
            } else {
                0
            };
            // The first byte may lie in the kernel while the owner does not read.
            let is_wanted = !model.paused && !model.discarding;
            let first = if is_wanted { first } else { 0 };
            let began = if is_new {
                moved.max(seen.stopped)
            } else {
                moved
            };
            let is_late =
                |timeout: u32| timeout > 0 && now - began > (u64::from(timeout) + 1) * MILLISECOND;
            let is_kept = !model.write_failed && self.reactor.is_open(token);
            let is_served =
                std::mem::replace(&mut seen.delivered, model.delivered) != model.delivered;
            if !is_kept || is_served || !(is_late(first) || is_late(model.limits.idle_timeout)) {
                seen.late_since = None;
                continue;
            }
            let since = *seen.late_since.get_or_insert(now);
            if now - since > MILLISECOND {
                return Err(format!(
                    "5: {token:?} is late and was kept, since {since}: {seen:?}"
                ));
            }
        }
        Ok(())
    }
}
