//! Commands that write: they encode a message, and send it or queue it.

use std::fmt;

use edgepoll_protocol::host::Scratch;

use super::session_timers::Asked;
use super::state::Reactor;
use crate::connection::{CloseReason, Writing};
use crate::kernel::Kernel;
use crate::protocol::{Error, Fault};
use crate::{Ready, Token};

/// Why a write failed. Nothing of the message will be sent, except with [`WriteError::Failed`]: an earlier send of the same message
/// may have succeeded, and the rest of it counts as unsent. With the other errors, the message does not count as unsent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The connection is closed.
    Closed,
    /// The owner ended the writing side before.
    Ended,
    /// A send failed, now or before. The close event, which has the failure, follows.
    Failed,
    /// The send queue is full. The connection is reset.
    QueueFull,
    /// The protocol does not allow the message.
    Protocol(Error),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Closed => write!(f, "the connection is closed"),
            WriteError::Ended => write!(f, "write after end"),
            WriteError::Failed => write!(f, "an earlier send failed"),
            WriteError::QueueFull => write!(f, "the send queue is full"),
            WriteError::Protocol(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl<K: Kernel> Reactor<K> {
    /// Sends a message, and queues what the kernel does not take. Returns the number of queued bytes.
    /// With `more` the message is only queued: the owner writes to this connection again at once, and both leave in one send.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, token: Token, message: &[u8], more: bool) -> Result<usize, WriteError> {
        let written = self.write_within(token, message, more, false);
        self.settle(token);
        written
    }

    /// Writes a last message, even if the send queue is full, and then ends the connection as [`Reactor::end`] does, also when
    /// the message is refused. Returns the number of bytes that the kernel has not taken.
    ///
    /// # Errors
    /// [`WriteError`], except `QueueFull`.
    pub fn end_with(&mut self, token: Token, message: &[u8]) -> Result<usize, WriteError> {
        let written = self.write_within(token, message, false, true);
        self.end(token);
        written.map(|_| self.unsent(token))
    }

    #[inline]
    fn write_within(
        &mut self,
        token: Token,
        message: &[u8],
        more: bool,
        is_last: bool,
    ) -> Result<usize, WriteError> {
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        let connection = &entry.connection;
        if !connection.takes_writes() && connection.writing != Writing::Failed {
            return Err(WriteError::Ended);
        }
        if connection.encodes() {
            self.encode(token, message, more, is_last)
        } else {
            self.put(token, message, more, is_last)
        }
    }

    /// Encodes a message by the connection's session, and sends or queues it.
    fn encode(
        &mut self,
        token: Token,
        message: &[u8],
        more: bool,
        is_last: bool,
    ) -> Result<usize, WriteError> {
        let mut scratch = self.scratch.take();
        let result = self.encode_with(token, message, more, is_last, &mut scratch);
        self.put_back(scratch);
        result
    }

    fn encode_with(
        &mut self,
        token: Token,
        message: &[u8],
        more: bool,
        is_last: bool,
        scratch: &mut Option<Box<Scratch>>,
    ) -> Result<usize, WriteError> {
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        let connection = &mut entry.connection;
        let scratch = scratch.get_or_insert_default();
        // The owner chose the message's length. The queue's limit is checked as for bytes without a protocol.
        scratch.limit_output(usize::MAX, usize::MAX);
        let wire = connection.wire.as_mut().ok_or(WriteError::Closed)?;
        let (kind, body) = if wire.session.gives_frames() {
            (0, message)
        } else {
            message
                .split_first()
                .map_or((0, message), |(kind, body)| (*kind, body))
        };
        let (outcome, result) = wire.session.encode(scratch, kind, body);
        match result {
            Ok(()) => {}
            Err(Fault::Error(error)) => return Err(WriteError::Protocol(error)),
            Err(fault) => {
                // What an earlier call has sent does not tell the peer of this fault, and the message is lost.
                wire.has_sent = false;
                self.after_session(token, Some(fault));
                return Err(WriteError::Closed);
            }
        }
        let written = if scratch.output().is_empty() {
            Ok(self.queued(token))
        } else {
            self.put(token, scratch.output(), more, is_last)
        };
        let mut asked = Asked::default();
        asked.add(&outcome, scratch);
        self.set_session_timers(token, &asked);
        if let Some((_, entry)) = self.live(token) {
            entry.connection.handle_outcome(&outcome, &[]);
            self.report_ended_by_protocol(token);
            self.list(token);
        }
        written
    }

    /// Sends or queues encoded bytes.
    #[inline]
    fn put(
        &mut self,
        token: Token,
        bytes: &[u8],
        more: bool,
        is_last: bool,
    ) -> Result<usize, WriteError> {
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        let connection = &mut entry.connection;
        if connection.writing == Writing::Failed {
            entry.lose(bytes.len());
            return Err(WriteError::Failed);
        }
        if connection.unsent() >= connection.limits.send_queue as usize && !is_last {
            self.close(token, CloseReason::QueueFull);
            return Err(WriteError::QueueFull);
        }
        let at_once = connection.queue.is_empty()
            && connection.layers.is_none()
            && connection.writing == Writing::Open
            && connection.ready.contains(Ready::WRITABLE);
        if at_once && !more {
            if self.send_now(token, bytes) {
                return Ok(0);
            }
        } else {
            connection.push(bytes);
            if connection.has_failed_layer() {
                self.after_layers(token);
                return Err(WriteError::Failed);
            }
            if more {
                // A writer that waits at the high watermark needs a report when the queue is sent.
                if connection.queue.len() >= connection.limits.high_water as usize {
                    self.report_queued(token);
                }
                self.list(token);
            } else {
                self.report_queued(token);
                self.flush(token);
            }
        }
        self.set_layer_timers(token);
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        if entry.connection.writing == Writing::Failed {
            return Err(WriteError::Failed);
        }
        self.list(token);
        Ok(self.queued(token))
    }

    /// Counts `length` bytes as unsent. For bytes that the owner had accepted for this connection before it got the close event.
    pub fn count_unsent(&mut self, token: Token, length: usize) {
        if let Some(entry) = self.entry_mut(token) {
            entry.lose(length);
        }
    }
}
