//! Commands that pause, resume, end and destroy a connection. Turns report what follows from them.

use super::state::Reactor;
use crate::connection::CloseReason;
use crate::kernel::Kernel;
use crate::Token;

impl<K: Kernel> Reactor<K> {
    /// Receives nothing more for this connection until [`Reactor::resume`]. Errors are still reported. An error behind bytes that
    /// were not received is reported after [`Limits::end_timeout`](crate::connection::Limits::end_timeout) at the latest, so that
    /// the owner can resume and get the bytes first.
    ///
    /// Does nothing after [`Reactor::end_and_discard`], because the input is not for the owner then.
    pub fn pause(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.connection.pause();
            self.list(token);
        }
    }

    /// Receives again. What the kernel reported meanwhile is not lost.
    pub fn resume(&mut self, token: Token) {
        let clock = self.clock;
        if let Some((_, entry)) = self.live(token) {
            let was_paused = entry.connection.paused;
            entry.connection.resume();
            if was_paused {
                entry.connection.restart_reading(clock);
                self.expect_peer(token);
            }
            self.list(token);
        }
    }

    /// Sends FIN after what is queued. Receiving goes on until the peer's end. Both have a deadline:
    /// [`Limits::end_timeout`](crate::connection::Limits::end_timeout).
    pub fn end(&mut self, token: Token) {
        self.end_session(token);
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.finish();
        self.end_layers(token);
        self.flush(token);
        self.expect_flush(token);
        self.close_if_finished(token);
        self.settle(token);
        self.list(token);
    }

    /// As [`Reactor::end`], and discards what still arrives, up to [`Limits::discard`](crate::connection::Limits::discard).
    /// Closing with unread bytes instead would reset the connection and destroy what was sent.
    pub fn end_and_discard(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.discard_input();
        self.end(token);
    }

    /// Closes at once. What is queued is lost, and the peer then sees a reset. If nothing is lost, the peer sees FIN, or a reset
    /// if bytes that it sent are unread (RFC 1122, 4.2.2.13).
    pub fn destroy(&mut self, token: Token) {
        self.close(token, CloseReason::Destroyed);
    }

    /// As [`Reactor::destroy`], and the peer sees a reset (RST) in any case. What the kernel has taken and not sent is
    /// lost as well.
    pub fn reset(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.resets = true;
        }
        self.close(token, CloseReason::Destroyed);
    }
}
