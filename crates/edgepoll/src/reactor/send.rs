//! Sending: at once when nothing is queued, else in order through the queue by vectored sends; FIN last.
//!
//! It must never reorder and never send past a failure. Called by the turn and by the write commands.

use std::io::IoSlice;

use super::{Entry, Occupant, Reactor};
use crate::connection::{Writing, MAX_BUFFERS};
use crate::kernel::Kernel;
use crate::{Call, Errno, Token};

/// How long to wait, in milliseconds, when the kernel had no memory for a send (ENOBUFS, ENOMEM).
const RETRY: u32 = 10;

/// Why a series of sends stopped.
enum Stop {
    /// Everything went out.
    Done,
    /// The kernel's buffer is full, or the budget is used up.
    Blocked,
    /// The kernel lacks memory; no edge will follow.
    Short(Errno),
    /// The connection cannot send any more.
    Failed,
}

impl<K: Kernel> Reactor<K> {
    /// Sends `bytes` now as far as the kernel takes them within the budget, and queues the rest. The queue must be
    /// empty, and writing open. Gives true when all of it went out, as nearly always: then nothing has changed that
    /// matters to anybody.
    pub(super) fn send_now(&mut self, token: Token, bytes: &[u8]) -> bool {
        let slot_calls = u64::from(self.budget.slot_calls);
        let Some((kernel, entry)) = self.live(token) else {
            return false;
        };
        let mut rest = bytes;
        let mut calls = 0;
        let stop = loop {
            if rest.is_empty() {
                break Stop::Done;
            }
            // A peer that drains as fast must not keep everybody else waiting.
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
        self.stats.sends += calls;
        if matches!(stop, Stop::Done) {
            return true;
        }
        self.after_sends(token, &stop);
        false
    }

    /// Sends what is queued, then FIN if that is what comes next.
    pub(super) fn flush(&mut self, token: Token) {
        let slot_calls = u64::from(self.budget.slot_calls);
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        if !entry.connection.may_write() {
            return;
        }
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
        self.stats.sends += calls;
        self.after_sends(token, &stop);
    }

    fn after_sends(&mut self, token: Token, stop: &Stop) {
        self.tell_queued(token);
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

    /// Asks the kernel to tell when there is room, once in a connection's life.
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
            // No memory for it: then by the clock.
            Err(errno) => self.retry_send(token, Call::Register, errno),
        }
    }

    /// Tries again after a pause, because the kernel reports no event when it has memory again. If no byte moves for the
    /// connection's `end_timeout`, the connection fails.
    fn retry_send(&mut self, token: Token, call: Call, errno: Errno) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.handle_shortage(RETRY) {
            let at = self.after(RETRY);
            self.set_deadline(token, Some(at));
            return;
        }
        entry.connection.handle_send_failure(call, errno);
        entry.lose_queue();
        self.end_retry(token);
        self.sending_failed(token);
    }

    /// The shortage is over, or nothing can be sent any more. Removes the deadline of the retry, which would be taken for the
    /// one of the end.
    fn end_retry(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if std::mem::take(&mut entry.connection.short) {
            self.set_deadline(token, None);
            self.expect_flush(token);
        }
    }

    /// Nothing more can be sent. The owner gets that at once. The next receive meets the connection's end, or, if the owner does
    /// not read, a check of the socket.
    fn sending_failed(&mut self, token: Token) {
        self.tell_failed(token);
        self.list(token);
    }

    /// Tells the owner the queue's length when it grew, fell to the low watermark, or emptied, each since he was told last:
    /// it may have fallen and grown again in between, and whoever waits for the low watermark has heard of neither.
    pub(super) fn tell_queued(&mut self, token: Token) {
        let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) else {
            return;
        };
        let connection = &entry.connection;
        let (now, told) = (connection.queue.len(), connection.queue_told as usize);
        let low = connection.limits.low_water as usize;
        let grew = now > told;
        let fell = now <= low && told > low;
        let emptied = now == 0 && told > 0;
        if grew || fell || emptied {
            entry.tell_queued = true;
            self.note(token);
        }
    }

    /// Tells the owner that what was queued is lost: whoever waits for room must not wait for the last byte to be received.
    pub(super) fn tell_failed(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.tell_failed = true;
        }
        self.note(token);
    }

    fn send_fin(&mut self, token: Token) {
        let Some((kernel, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if connection.writing != Writing::Finishing || !connection.queue.is_empty() {
            return;
        }
        connection.writing = Writing::Finished;
        if connection.finished().is_some() {
            // The close follows at once, and sends the FIN.
            return;
        }
        let Some(socket) = &entry.socket else { return };
        match kernel.shutdown(socket) {
            // ENOTCONN: the peer reset meanwhile; the receive tells.
            Ok(()) | Err(Errno::ENOTCONN) => self.expect_end(token),
            Err(errno) => {
                connection.handle_send_failure(Call::Shutdown, errno);
                self.sending_failed(token);
            }
        }
    }
}

/// What a refused send means; `None` is «again».
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
