//! One turn: waits, stores the events in the slots, serves the ready lists in order, and reports closes and queue lengths.
//!
//! It must never serve a slot twice in a turn if it gave bytes, so that a connection with much input does not keep the others
//! waiting: a connection that had its share and has more to do goes to the end of the list `rest`, which is served after
//! `ready`. A connection that was guessed wrongly gave no bytes, and is served with the others.

use std::time::Duration;

use super::receive::{receive, Outcome};
use super::{Alarm, Event, Inbox, Occupant, Reactor};
use crate::connection::{CloseReason, Failure, Reading, Writing};
use crate::kernel::Kernel;
use crate::{Call, Errno, Ready, Token};

/// What one slot may add to the inbox besides its frames, and the turn's own margin.
pub(super) const MIN_ROOM: usize = 8;

/// What is left of a turn's budget.
struct Left {
    bytes: usize,
    frames: u32,
}

impl<K: Kernel> Reactor<K> {
    /// Waits at most `timeout` (`None`: without limit; not at all when there is work left), then serves
    /// everyone who may make progress, once. Gives true when work is left for another turn.
    ///
    /// # Errors
    /// Whatever epoll_wait(2) gives, EINTR excepted.
    pub fn turn<I: Inbox>(
        &mut self,
        timeout: Option<Duration>,
        inbox: &mut I,
    ) -> Result<bool, Errno> {
        self.stats.turns += 1;
        let timeout = if self.has_work() {
            Some(Duration::ZERO)
        } else if self.alarm == Alarm::Works {
            timeout
        } else {
            self.at_most_until_the_soonest(timeout)
        };
        let Reactor {
            kernel,
            slots,
            ready,
            stats,
            ..
        } = self;
        let (mut told, mut last) = (0_u32, None);
        kernel.wait(timeout, &mut |token, bits| {
            told += 1;
            last = Some(token);
            stats.events += 1;
            match slots.get_mut(token) {
                Some(occupant) => {
                    occupant.handle_ready(bits);
                    occupant.list(token, ready);
                }
                None => stats.stale += 1,
            }
        })?;
        self.guess.learn(last.filter(|_| told == 1));
        if !self.deadlines.is_empty() {
            self.meet_deadlines();
        }
        self.serve_lists(inbox);
        if !self.due.is_empty() {
            self.judge_due();
        }
        self.tell(inbox);
        Ok(self.has_work())
    }

    /// Serves each slot that is on the lists now, once.
    fn serve_lists<I: Inbox>(&mut self, inbox: &mut I) {
        let mut left = Left {
            bytes: self.budget.turn_bytes,
            frames: self.budget.turn_frames,
        };
        // A connection that is served in this turn and has more to do is added behind these, for the next turn.
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
            let Some(occupant) = self.slots.get_mut(token) else {
                continue;
            };
            match occupant {
                Occupant::Listener(listener) => {
                    listener.listed = false;
                    self.accept(token, inbox);
                    self.list(token);
                }
                Occupant::Connection(_) => self.serve_once(token, left, inbox),
            }
        }
    }

    /// Serves at most `waiting` of the connections that were served before; gives whether there was one.
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

    /// Serves a connection, and lists it for the next turn if it has more to do. It counts as listed until then, so that
    /// nothing that is done for it puts it on a list that this turn still serves.
    fn serve_once<I: Inbox>(&mut self, token: Token, left: &mut Left, inbox: &mut I) {
        let (bytes, frames) = self.serve(token, left.bytes, inbox);
        left.bytes = left.bytes.saturating_sub(bytes);
        left.frames = left.frames.saturating_sub(frames);
        self.list_rest(token);
    }

    /// As [`Reactor::turn`] without waiting, for an owner whose own loop has seen the poll descriptor readable: then
    /// somebody is ready, and if it always was the same one, a receive is tried before the kernel is asked who.
    ///
    /// # Errors
    /// As [`Reactor::turn`].
    pub fn announced_turn<I: Inbox>(&mut self, inbox: &mut I) -> Result<bool, Errno> {
        if self.guessed(inbox) {
            self.stats.turns += 1;
            self.tell(inbox);
            return Ok(self.has_work());
        }
        self.turn(Some(Duration::ZERO), inbox)
    }

    /// Tries a receive of whoever was ready alone before. What the kernel has to tell stays until the next wait: its
    /// edge was not taken, so nothing is lost by not having seen it.
    fn guessed<I: Inbox>(&mut self, inbox: &mut I) -> bool {
        if self.has_work() || inbox.room() < MIN_ROOM {
            return false;
        }
        let Some(token) = self.guess.take() else {
            return false;
        };
        let Some((_, entry)) = self.live(token) else {
            return false;
        };
        // Whether a receive may be tried is asked as ever; a wrong guess is taken back by EAGAIN.
        entry.connection.ready.insert(Ready::READABLE);
        entry.listed = true;
        let (received, _) = self.serve(token, self.budget.turn_bytes, inbox);
        self.list_rest(token);
        received > 0
    }

    /// Hands over what commands brought about since the turn: closes and send queues' lengths.
    pub fn tell<I: Inbox>(&mut self, inbox: &mut I) {
        if let (Alarm::Refused(errno), true) = (self.alarm, inbox.room() > 0) {
            self.alarm = Alarm::Told;
            inbox.event(Event::AlarmRefused { errno });
        }
        while inbox.room() > 0 {
            let Some(token) = self.noted.pop_front() else {
                break;
            };
            let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) else {
                continue;
            };
            entry.noted = false;
            let Some(closed) = entry.closed.as_deref() else {
                let queued = std::mem::take(&mut entry.tell_queued);
                let failure = entry.connection.failure;
                if let (true, Some(failure)) = (std::mem::take(&mut entry.tell_failed), failure) {
                    inbox.event(Event::WriteFailed { token, failure });
                } else if queued {
                    let bytes = entry.connection.queue.len();
                    entry.connection.queue_told = u32::try_from(bytes).unwrap_or(u32::MAX);
                    inbox.event(Event::Queued { token, bytes });
                }
                continue;
            };
            inbox.event(Event::Closed {
                token,
                reason: closed.reason,
                unsent: entry.unsent,
                bytes_read: entry.connection.bytes_read,
                bytes_written: entry.connection.bytes_written,
                peer: entry.connection.peer.clone(),
                local: closed.local.clone(),
            });
            self.release(token);
            self.slots.remove(token);
        }
    }

    /// Does what one connection may do now; gives the bytes received, of which the turn has `left` at most, and the frames
    /// handed over.
    fn serve<I: Inbox>(&mut self, token: Token, left: usize, inbox: &mut I) -> (usize, u32) {
        let mut budget = self.budget;
        budget.slot_bytes = budget.slot_bytes.min(left);
        let Some((_, entry)) = self.live(token) else {
            return (0, 0);
        };
        let sends = entry.connection.may_connect() || entry.connection.may_write();
        if sends && !self.serve_sending(token, inbox) {
            return (0, 0);
        }
        let Some((kernel, entry)) = self.live(token) else {
            return (0, 0);
        };
        let outcome = if entry.connection.may_read() {
            receive(kernel, entry, token, &budget, inbox)
        } else {
            Outcome::default()
        };
        let (must_look, is_finished) = (
            entry.connection.must_look(),
            entry.connection.finished().is_some(),
        );
        self.stats.receives += u64::from(outcome.calls);
        if let Some(reason) = outcome.closed {
            self.close(token, reason);
        } else if must_look || is_finished {
            self.look(token);
            self.close_if_finished(token);
        }
        (outcome.bytes, outcome.frames)
    }

    /// Meets the connect's outcome and sends what waits; gives whether there is anything to receive for.
    fn serve_sending<I: Inbox>(&mut self, token: Token, inbox: &mut I) -> bool {
        let Some((kernel, entry)) = self.live(token) else {
            return false;
        };
        let is_new = entry.connection.may_connect();
        if is_new {
            let Some(socket) = &entry.socket else {
                return false;
            };
            match kernel.connected(socket) {
                Ok(peer) => {
                    entry.connection.peer = peer;
                    entry.connection.handle_connected();
                    inbox.event(Event::Connected { token });
                    self.set_deadline(token, None);
                }
                Err(Errno::EINPROGRESS) => {
                    entry.connection.handle_send_blocked();
                    return false;
                }
                Err(errno @ (Errno::ECONNRESET | Errno::EPIPE)) => {
                    entry.connection.handle_connected_and_reset(errno);
                    entry.lose_queue();
                    inbox.event(Event::Connected { token });
                    self.set_deadline(token, None);
                    self.tell_failed(token);
                }
                Err(errno) => {
                    entry.connection.handle_failure(Call::Connect, errno);
                    self.fail(token);
                    return false;
                }
            }
        }
        self.flush(token);
        if is_new {
            // The end may have been asked for before there was anybody to be late.
            self.expect_flush(token);
        }
        true
    }

    /// Meets an error that no receive will meet, because nobody wants bytes or there are none.
    fn look(&mut self, token: Token) {
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        if !entry.connection.must_look() {
            return;
        }
        entry.connection.look = false;
        if entry.connection.carry_ready {
            // Frames that wait for a resume come before the error.
            self.expect_reader(token);
            return;
        }
        let Some(socket) = &entry.socket else { return };
        let found = if entry.connection.reading == Reading::Ended {
            kernel.take_error(socket)
        } else {
            // SO_ERROR would eat the error, and the bytes before it would then end cleanly: peek instead.
            match kernel.has_input(socket) {
                Ok(false) if entry.connection.failure.is_some() => None,
                // Bytes or the peer's FIN may come before the error: an owner that reads within the deadline gets them first.
                Ok(_) => {
                    self.expect_reader(token);
                    return;
                }
                Err(errno) => Some(errno),
            }
        };
        if let Some(errno) = found {
            entry.connection.handle_failure(Call::Receive, errno);
        }
        if entry.connection.failure.is_some() {
            self.fail(token);
        }
    }

    /// Closes with the first failure that was met.
    fn fail(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if let Some(failure) = entry.connection.failure {
            self.close(token, CloseReason::Failed(failure));
        }
    }

    pub(super) fn close_if_finished(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if let Some(reason) = entry.connection.finished() {
            self.close(token, reason);
        }
    }

    /// Listeners go on at once. Connections are served once more before they are judged: after a pause of our own (a host that
    /// was busy, stopped or asleep) what came in time waits in the kernel beside the alarm, and it counts.
    fn meet_deadlines(&mut self) {
        let now = self.kernel.now();
        self.deadlines.alarm_is_over(now);
        while let Some(token) = self.deadlines.pop_due(now) {
            match self.slots.get_mut(token) {
                Some(Occupant::Listener(listener)) => listener.resume_at = 0,
                Some(Occupant::Connection(entry)) => {
                    let connection = &mut entry.connection;
                    connection.deadline = 0;
                    // One wait does not tell of everybody, so the kernel is asked about this one. A wrong guess is taken back by EAGAIN.
                    connection.ready.insert(Ready::WRITABLE);
                    // After a shortage of memory the deadline was the time to try the send again: the peer is not late.
                    if !connection.short {
                        if !connection.paused {
                            connection.ready.insert(Ready::READABLE);
                        }
                        self.due.push(token);
                    }
                }
                None => {}
            }
            self.list(token);
        }
        self.update_alarm();
    }

    /// The time to wait when no alarm will end the wait.
    fn at_most_until_the_soonest(&self, timeout: Option<Duration>) -> Option<Duration> {
        let now = self.kernel.now();
        let left = |at: u64| Duration::from_nanos(at.saturating_sub(now));
        let until = self.deadlines.soonest().map(left);
        match (timeout, until) {
            (Some(timeout), Some(until)) => Some(timeout.min(until)),
            (timeout, until) => timeout.or(until),
        }
    }

    fn judge_due(&mut self) {
        while let Some(token) = self.due.pop() {
            let Some((_, entry)) = self.live(token) else {
                continue;
            };
            if entry.connection.deadline != 0 {
                // Being served has given it more time.
                continue;
            }
            if entry.listed {
                // There is more to do than this turn had room for: another one judges.
                let at = self.after(1);
                self.set_deadline(token, Some(at));
            } else {
                self.deadline_passed(token);
            }
        }
    }

    fn deadline_passed(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        let has_moved = connection.progress() != connection.mark;
        match connection.writing {
            Writing::Connecting => self.close(token, CloseReason::TimedOut(Call::Connect)),
            // The deadline moves while the peer sends and the owner reads. Dropped bytes do not move it, because a peer could
            // otherwise keep the connection open for ever by sending slowly. It does not move either if the owner reads nothing.
            Writing::Finished | Writing::Failed => {
                if has_moved && connection.reading == Reading::Open {
                    self.expect_end(token);
                } else {
                    let late = CloseReason::TimedOut(Call::Receive);
                    let reason = self.take_failure(token).map_or(late, CloseReason::Failed);
                    self.close(token, reason);
                }
            }
            // A peer that reads nothing must not keep what was written for it for ever.
            Writing::Finishing => {
                if has_moved {
                    self.expect_end(token);
                } else {
                    self.close(token, CloseReason::TimedOut(Call::Send));
                }
            }
            // The kernel reported an error or a hang-up while the owner did not read. Without one, a paused connection stays open.
            Writing::Open if connection.paused => match self.take_failure(token) {
                Some(_) if has_moved => self.expect_end(token),
                Some(failure) => self.close(token, CloseReason::Failed(failure)),
                None => {}
            },
            Writing::Open => {}
        }
    }

    /// The connection's failure, or the error that the kernel still holds, which is its failure from here on.
    fn take_failure(&mut self, token: Token) -> Option<Failure> {
        let (kernel, entry) = self.live(token)?;
        if entry.connection.failure.is_none() {
            let errno = kernel.take_error(entry.socket.as_ref()?)?;
            entry.connection.handle_failure(Call::Receive, errno);
        }
        entry.connection.failure
    }

    /// Sets the deadline for the queue to move, if the end waits behind it.
    pub(super) fn expect_flush(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.writing == Writing::Finishing && !entry.connection.short {
            self.expect_end(token);
        }
    }

    /// Sets the deadline for the owner to read what comes before an error, unless there is one.
    fn expect_reader(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            if entry.connection.deadline == 0 {
                self.expect_end(token);
            }
        }
    }

    /// Sets the deadline for the end: the next byte in either direction must move before it.
    pub(super) fn expect_end(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.mark = entry.connection.progress();
        // A deadline of now would be met, and set again, for ever within one turn.
        let timeout = entry.connection.limits.end_timeout.max(1);
        let at = self.after(timeout);
        self.set_deadline(token, Some(at));
    }
}
