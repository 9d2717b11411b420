//! Serves one connection: the outcome of its connect, what waits to be sent, what has arrived, and its errors.

use super::inbox::{Event, Inbox};
use super::receive::{receive, Received};
use super::share::{had_share, Portion};
use super::state::Reactor;
use crate::connection::{Reading, Timer};
use crate::kernel::Kernel;
use crate::{Call, Errno, Ready, Token};

impl<K: Kernel> Reactor<K> {
    /// Does what one connection may do now, within its portion of the turn. Returns the bytes received and the frames handed
    /// over.
    pub(super) fn serve<I: Inbox>(
        &mut self,
        token: Token,
        portion: Portion,
        inbox: &mut I,
    ) -> (usize, u32) {
        let served = self.serve_unsettled(token, portion, inbox);
        self.settle(token);
        served
    }

    fn serve_unsettled<I: Inbox>(
        &mut self,
        token: Token,
        portion: Portion,
        inbox: &mut I,
    ) -> (usize, u32) {
        let mut budget = self.budget;
        budget.slot_bytes = budget.slot_bytes.min(portion.left);
        budget.slot_frames = portion.frames;
        let Some((_, entry)) = self.live(token) else {
            return (0, 0);
        };
        entry.was_served = true;
        let sends = entry.connection.may_connect() || entry.connection.may_write();
        if sends && !self.serve_sending(token, inbox) {
            return (0, 0);
        }
        let room = self.room_for(token);
        let Some((kernel, entry, scratch)) = self.live_with_scratch(token) else {
            return (0, 0);
        };
        let received = if entry.connection.may_read() {
            let most = portion.bytes.min(room);
            receive(kernel, entry, scratch, token, &budget, most, inbox)
        } else {
            Received::default()
        };
        if received.calls > 0 || received.frames > 0 {
            if received.calls > 0 {
                entry.drained = !entry.connection.ready.contains(Ready::READABLE);
            }
            entry.had_share = had_share(&entry.connection, entry.drained, received.bytes);
        }
        let has_session = entry.connection.wire.is_some();
        let has_layers = entry.connection.layers.is_some();
        if let Some(scratch) = scratch.as_mut().filter(|_| has_session) {
            scratch.trim();
        }
        let (must_check, is_finished) = (
            entry.connection.must_check_error(),
            entry.connection.finished().is_some(),
        );
        self.stats.receives += u64::from(received.calls);
        self.note_received(token, received.bytes);
        if has_session {
            self.set_session_timers(token, &received.asked);
            self.after_session(token, received.fault);
        } else if has_layers {
            self.after_layers(token);
        }
        if let Some(reason) = received.closed {
            self.close(token, reason);
        } else if must_check || is_finished {
            self.check_error(token);
            self.close_if_finished(token);
        }
        (received.bytes, received.frames)
    }

    /// Handles the outcome of the connect and sends what waits. Returns false when there is nothing to receive, because the
    /// connection is closed or still connecting.
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
                    self.clear_timer(token, Timer::Connect);
                }
                Err(Errno::EINPROGRESS) => {
                    entry.connection.handle_send_blocked();
                    return false;
                }
                Err(errno @ (Errno::ECONNRESET | Errno::EPIPE)) => {
                    entry.connection.handle_connected_and_reset(errno);
                    entry.lose_queue();
                    inbox.event(Event::Connected { token });
                    self.clear_timer(token, Timer::Connect);
                    self.report_failed(token);
                }
                Err(errno) => {
                    entry.connection.handle_failure(Call::Connect, errno);
                    self.close_if_failed(token);
                    return false;
                }
            }
        }
        if is_new {
            self.begin_deadlines(token);
        }
        self.flush(token);
        if is_new {
            // The owner may have ended the connection while it was connecting. The deadline for that starts now.
            self.expect_flush(token);
        }
        true
    }

    /// Finds an error that no receive will return, because the connection is paused or the stream has ended.
    fn check_error(&mut self, token: Token) {
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        if !entry.connection.must_check_error() {
            return;
        }
        entry.connection.error_reported = false;
        if entry.connection.carry_ready {
            // Frames that wait for a resume come before the error.
            self.expect_reader(token);
            return;
        }
        let Some(socket) = &entry.socket else { return };
        let found = if entry.connection.reading == Reading::Ended {
            kernel.take_error(socket)
        } else {
            // Reading SO_ERROR would clear the error, and the bytes before it would then seem to end cleanly. So this peeks.
            match kernel.has_input(socket) {
                Ok(false) if entry.connection.failure.is_some() => None,
                // Bytes or the peer's FIN may come before the error. An owner that reads before the deadline gets them first.
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
        self.close_if_failed(token);
    }
}
