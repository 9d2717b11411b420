//! Sends: at once when nothing is queued, else in order through the queue by vectored sends, and FIN last.
//!
//! Nothing is sent after a failure.

use std::io::IoSlice;

use super::entry::Entry;
use super::state::Reactor;
use crate::connection::{Timer, Writing, MAX_BUFFERS};
use crate::kernel::Kernel;
use crate::{Call, Errno, Token};

/// How long to wait before a send is tried again for which the kernel had no memory (ENOBUFS, ENOMEM), in milliseconds.
const RETRY: u32 = 10;

/// Why a series of sends stopped.
enum Stop {
    /// Everything is sent.
    Done,
    /// The kernel's buffer is full, or the budget is used up.
    Blocked,
    /// The kernel has no memory. No edge reports when it has some again.
    Short(Errno),
    /// The connection can send no more.
    Failed,
}

impl<K: Kernel> Reactor<K> {
    /// Sends `bytes` now, as far as the kernel takes them within the budget, and queues the rest. The queue must be
    /// empty, and the writing side open. Returns true when all bytes are sent, which is the usual case: nothing else has to be
    /// done then.
    pub(super) fn send_now(&mut self, token: Token, bytes: &[u8]) -> bool {
        let (slot_calls, clock) = (u64::from(self.budget.slot_calls), self.clock);
        let Some((kernel, entry)) = self.live(token) else {
            return false;
        };
        let mut rest = bytes;
        let mut calls = 0;
        let stop = loop {
            if rest.is_empty() {
                break Stop::Done;
            }
            // A peer that reads as fast as this sends must not keep other connections waiting.
            if calls >= slot_calls {
                break Stop::Blocked;
            }
            let Some(socket) = &entry.socket else {
                return false;
            };
            calls += 1;
            match kernel.send(socket, rest) {
                Ok(length) => {
                    entry.connection.handle_sent(length);
                    rest = &rest[length.min(rest.len())..];
                }
                Err(errno) => {
                    if let Some(stop) = refused(entry, errno) {
                        break stop;
                    }
                }
            }
        };
        match stop {
            Stop::Done => {}
            Stop::Blocked | Stop::Short(_) => entry.connection.queue.push(rest),
            Stop::Failed => entry.lose(rest.len()),
        }
        let sent = bytes.len() - rest.len();
        if matches!(stop, Stop::Done) {
            entry.connection.since.moves(clock);
            self.stats.sends += calls;
            return true;
        }
        self.stats.sends += calls;
        self.note_sent(token, sent as u64);
        self.after_sends(token, &stop);
        false
    }

    /// Sends what is queued, and then FIN if the owner has ended the connection.
    pub(super) fn flush(&mut self, token: Token) {
        let slot_calls = u64::from(self.budget.slot_calls);
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        if !entry.connection.may_write() {
            return;
        }
        let before = entry.connection.bytes_written;
        let mut calls = 0;
        let stop = loop {
            if entry.connection.queue.is_empty() {
                break Stop::Done;
            }
            if calls >= slot_calls {
                break Stop::Blocked;
            }
            let Some(socket) = &entry.socket else { return };
            calls += 1;
            let mut buffers = [IoSlice::new(&[]); MAX_BUFFERS];
            let count = entry.connection.queue.buffers(&mut buffers);
            match kernel.send_vectored(socket, &buffers[..count]) {
                Ok(length) => {
                    entry.connection.handle_sent(length);
                    entry.connection.queue.advance(length);
                }
                Err(errno) => {
                    if let Some(stop) = refused(entry, errno) {
                        break stop;
                    }
                }
            }
        };
        let sent = entry.connection.bytes_written - before;
        self.stats.sends += calls;
        self.note_sent(token, sent);
        self.after_sends(token, &stop);
    }

    /// Does what follows from a series of sends.
    fn after_sends(&mut self, token: Token, stop: &Stop) {
        self.report_queued(token);
        let clock = self.clock;
        if let Some((_, entry)) = self.live(token) {
            entry.connection.handle_drained(clock);
        }
        if !matches!(stop, Stop::Short(_)) {
            self.end_retry(token);
        }
        match stop {
            Stop::Done => self.send_fin(token),
            Stop::Short(errno) => self.retry_send(token, Call::Send, *errno),
            Stop::Failed => self.sending_failed(token),
            Stop::Blocked => self.watch_writable(token),
        }
    }

    /// Makes the kernel report when there is room. That is needed once in a connection's life.
    fn watch_writable(&mut self, token: Token) {
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        if !entry.connection.must_watch() {
            return;
        }
        let Some(socket) = &entry.socket else { return };
        match kernel.watch_writable(socket, token) {
            Ok(()) => entry.connection.watches_writable = true,
            // Without a registration for room, the send is tried again after a pause.
            Err(errno) => self.retry_send(token, Call::Register, errno),
        }
    }

    /// Tries again after a pause, because the kernel reports no event when it has memory again. If no byte is sent or received for
    /// the connection's `end_timeout`, the connection fails.
    fn retry_send(&mut self, token: Token, call: Call, errno: Errno) {
        let at = self.after(RETRY);
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.handle_shortage(RETRY) {
            entry.connection.timers.clear(Timer::Check);
            entry.connection.timers.clear(Timer::Late);
            self.set_timer(token, Timer::Retry, at);
            return;
        }
        entry.connection.handle_send_failure(call, errno);
        entry.lose_queue();
        self.end_retry(token);
        self.sending_failed(token);
    }

    /// The shortage is over, or nothing can be sent any more. The end has a deadline again, which the retries had instead of it.
    fn end_retry(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if std::mem::take(&mut entry.connection.short) {
            entry.connection.timers.clear(Timer::Retry);
            self.expect_flush(token);
        }
    }

    /// Nothing more can be sent. The owner gets a report at once. The connection's end is found by the next receive or, if the
    /// owner does not read, by a check of the socket.
    fn sending_failed(&mut self, token: Token) {
        self.report_failed(token);
        self.list(token);
    }

    /// Sends FIN if the owner has ended the connection and everything is sent.
    fn send_fin(&mut self, token: Token) {
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if connection.writing != Writing::Finishing || connection.holds_fin() {
            return;
        }
        connection.writing = Writing::Finished;
        if connection.finished().is_some() {
            // The peer has ended too, so the close follows at once and sends the FIN.
            return;
        }
        let Some(socket) = &entry.socket else { return };
        match kernel.shutdown(socket) {
            // ENOTCONN: the peer has reset the connection. The next receive returns the error.
            Ok(()) | Err(Errno::ENOTCONN) => self.expect_end(token),
            Err(errno) => {
                connection.handle_send_failure(Call::Shutdown, errno);
                self.sending_failed(token);
            }
        }
    }
}

/// What a failed send means. `None` means to try again at once.
fn refused<S>(entry: &mut Entry<S>, errno: Errno) -> Option<Stop> {
    match errno {
        Errno::EINTR => None,
        Errno::EAGAIN => {
            entry.connection.handle_send_blocked();
            Some(Stop::Blocked)
        }
        Errno::ENOBUFS | Errno::ENOMEM => {
            entry.connection.handle_send_blocked();
            Some(Stop::Short(errno))
        }
        errno => {
            entry.connection.handle_send_failure(Call::Send, errno);
            entry.lose_queue();
            Some(Stop::Failed)
        }
    }
}
