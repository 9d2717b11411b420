//! Connections that are about to end and make no progress: sets their deadlines, and closes those that are late.
//!
//! A connection is late when no byte was sent or received for its whole `end_timeout`. Within that time it is checked several
//! times, because the time starts again when a check finds that a byte has moved: the more checks, the less late the close.
//! A check also tries a send. The kernel reports room only once a third of its buffer is free, and a slow peer may need longer
//! than `end_timeout` for that.

use super::state::Reactor;
use super::wheel::MILLISECOND;
use crate::connection::{CloseReason, Failure, Timer, Writing};
use crate::kernel::Kernel;
use crate::{Call, Token};

/// How often a connection is checked within its `end_timeout`. It is closed at most one such part of the time late.
const CHECKS: u64 = 8;

impl<K: Kernel> Reactor<K> {
    /// Judges a connection whose time for the connect or the end is over, or that has to be checked. It has been served since the timer
    /// expired, which may have moved or cleared the timer.
    pub(super) fn judge(&mut self, token: Token) {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let is_listed = entry.listed;
        let timers = &mut entry.connection.timers;
        let of_end = [Timer::Connect, Timer::Late, Timer::Check];
        let due = of_end.map(|timer| timers.is_due(timer, now));
        for (timer, _) in of_end.into_iter().zip(due).filter(|(_, is_due)| *is_due) {
            if is_listed {
                // It has more to do than this turn had room for. A later turn judges it.
                timers.set(timer, now + MILLISECOND);
            } else {
                timers.clear(timer);
            }
        }
        match due {
            _ if is_listed => {}
            [true, ..] | [_, true, _] => self.deadline_passed(token),
            [.., true] => self.check_end(token),
            _ => {}
        }
    }

    /// Checks a connection that is about to end and is not late yet.
    fn check_end(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if connection.writing == Writing::Open && !connection.is_stopped() {
            // The owner reads again, and finds the error that way.
            connection.timers.clear(Timer::Late);
        } else if connection.has_moved_towards_end() {
            self.expect_end(token);
        } else {
            self.set_next_check(token);
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
            let timers = &entry.connection.timers;
            let is_expected = [Timer::Late, Timer::Retry]
                .iter()
                .any(|it| timers.is_set(*it));
            if !is_expected {
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
        // The earlier timer first, so that the alarm is set once.
        self.set_next_check(token);
        self.set_timer(token, Timer::Late, late_at);
    }

    /// Sets the deadline for the next check of a connection that is not late yet.
    fn set_next_check(&mut self, token: Token) {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let timeout = u64::from(entry.connection.limits.end_timeout.max(1)) * MILLISECOND;
        self.set_timer(token, Timer::Check, now + timeout / CHECKS);
    }
}
