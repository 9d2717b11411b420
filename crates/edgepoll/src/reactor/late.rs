//! Connections that are about to end and make no progress: sets their deadlines, and closes those that are late.
//!
//! A connection is late when no byte was sent or received for its whole `end_timeout`. Within that time it is checked several
//! times, because the time starts again when a check finds that a byte has moved: the more checks, the less late the close.
//! A check also tries a send. The kernel reports room only once a third of its buffer is free, and a slow peer may need longer
//! than `end_timeout` for that.

use super::state::Reactor;
use crate::connection::{CloseReason, Failure, Writing};
use crate::kernel::Kernel;
use crate::{Call, Token};

/// How often a connection is checked within its `end_timeout`. It is closed at most one such part of the time late.
const CHECKS: u64 = 8;

impl<K: Kernel> Reactor<K> {
    /// Handles the deadlines that have passed. Listeners resume at once. Connections are served once more before they are judged:
    /// if the process was busy, stopped or asleep, input that arrived in time still waits in the kernel, and it counts.
    pub(super) fn handle_deadlines(&mut self) {
        let now = self.kernel.now();
        self.deadlines.alarm_is_over(now);
        while let Some(token) = self.deadlines.pop_due(now) {
            let occupant = self.slots.get_mut(token);
            if occupant.is_some_and(|occupant| occupant.handle_deadline(now)) {
                self.due.push(token);
            }
            self.list(token);
        }
        self.update_alarm();
    }

    /// Judges the connections whose deadline has passed and that have been served since.
    pub(super) fn judge_due(&mut self) {
        while let Some(token) = self.due.pop() {
            let Some((_, entry)) = self.live(token) else {
                continue;
            };
            if entry.connection.deadline != 0 {
                // Being served has given it more time.
                continue;
            }
            if entry.listed {
                // It has more to do than this turn had room for. A later turn judges it.
                let at = self.after(1);
                self.set_deadline(token, Some(at));
            } else {
                self.check_or_close(token);
            }
        }
    }

    fn check_or_close(&mut self, token: Token) {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &entry.connection;
        if connection.writing == Writing::Connecting || now >= connection.late_at {
            self.deadline_passed(token);
        } else if connection.writing != Writing::Open || connection.is_stopped() {
            if connection.has_moved_towards_end() {
                self.expect_end(token);
            } else {
                self.set_next_check(token);
            }
        }
    }

    /// Closes a connection that is late, or gives it more time if a byte has been sent or received.
    fn deadline_passed(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        let has_moved = connection.has_moved_towards_end();
        match connection.writing {
            Writing::Connecting => self.close(token, CloseReason::TimedOut(Call::Connect)),
            Writing::Finished | Writing::Failed => {
                if has_moved {
                    self.expect_end(token);
                } else {
                    let late = CloseReason::TimedOut(Call::Receive);
                    let reason = self.take_failure(token).map_or(late, CloseReason::Failed);
                    self.close(token, reason);
                }
            }
            // The peer reads nothing. What was written for it must not be kept without end.
            Writing::Finishing => {
                if has_moved {
                    self.expect_end(token);
                } else {
                    self.close(token, CloseReason::TimedOut(Call::Send));
                }
            }
            // The kernel reported an error or a hang-up while the owner did not read. Without one, a paused connection stays open.
            Writing::Open if connection.is_stopped() => match self.take_failure(token) {
                Some(_) if has_moved => self.expect_end(token),
                Some(failure) => self.close(token, CloseReason::Failed(failure)),
                None => {}
            },
            Writing::Open => {}
        }
    }

    /// The connection's failure, or else the socket's pending error, which becomes its failure.
    fn take_failure(&mut self, token: Token) -> Option<Failure> {
        let (kernel, entry) = self.live(token)?;
        if entry.connection.failure.is_none() {
            let errno = kernel.take_error(entry.socket.as_ref()?)?;
            entry.connection.handle_failure(Call::Receive, errno);
        }
        entry.connection.failure
    }

    /// Sets the deadline for the next byte to be sent, if FIN waits behind the queue.
    pub(super) fn expect_flush(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.writing == Writing::Finishing && !entry.connection.short {
            self.expect_end(token);
        }
    }

    /// Sets the deadline for the owner to read what comes before an error, unless a deadline is set already.
    pub(super) fn expect_reader(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            if entry.connection.deadline == 0 {
                self.expect_end(token);
            }
        }
    }

    /// Sets the deadline for the end: the next byte must be sent or received before it.
    pub(super) fn expect_end(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.mark = entry.connection.progress();
        // A timeout of 0 would pass at once and be set again, without end within one turn.
        let timeout = entry.connection.limits.end_timeout.max(1);
        let late_at = self.after(timeout);
        if let Some((_, entry)) = self.live(token) {
            entry.connection.late_at = late_at;
        }
        self.set_next_check(token);
    }

    /// Sets the deadline for the next check of a connection that is not late yet.
    fn set_next_check(&mut self, token: Token) {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let timeout = u64::from(entry.connection.limits.end_timeout.max(1)) * 1_000_000;
        let at = entry.connection.late_at.min(now + timeout / CHECKS);
        self.set_deadline(token, Some(at));
    }
}
