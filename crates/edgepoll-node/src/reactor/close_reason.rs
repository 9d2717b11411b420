//! A connection's close reason as one 32-bit field of a record.

use edgepoll::connection::CloseReason;
use edgepoll::protocol::CodecError;
use edgepoll::Errno;

use crate::layout::{
    REASON_CALL_SHIFT, REASON_DESTROYED, REASON_ENDED, REASON_FAILED, REASON_FRAME_TOO_LONG,
    REASON_FRAME_TRUNCATED, REASON_MALFORMED, REASON_NUMBER_SHIFT, REASON_QUEUE_FULL,
    REASON_TIMED_OUT,
};
use crate::names;

/// The texts of protocol errors, each once. A record holds the index of a text.
#[derive(Debug, Default)]
pub(crate) struct Texts(Vec<&'static str>);

impl Texts {
    /// The text with that index.
    pub(crate) fn get(&self, index: usize) -> &'static str {
        self.0.get(index).copied().unwrap_or("malformed input")
    }

    fn index_of(&mut self, text: &'static str) -> i32 {
        let found = self.0.iter().position(|known| *known == text);
        let index = found.unwrap_or_else(|| {
            self.0.push(text);
            self.0.len() - 1
        });
        i32::try_from(index).unwrap_or(0)
    }

    /// The field for a reason: its code, the system call, and an error number or the index of a text.
    pub(crate) fn encode(&mut self, reason: CloseReason) -> i32 {
        let (code, call, number) = match reason {
            CloseReason::Ended => (REASON_ENDED, 0, 0),
            CloseReason::Failed(failure) => (
                REASON_FAILED,
                failure.call as i32,
                names::number(failure.errno),
            ),
            CloseReason::Destroyed => (REASON_DESTROYED, 0, 0),
            CloseReason::QueueFull => (REASON_QUEUE_FULL, 0, 0),
            CloseReason::TimedOut(call) => (REASON_TIMED_OUT, call as i32, 0),
            CloseReason::Protocol(CodecError::FrameTooLong { .. }) => (REASON_FRAME_TOO_LONG, 0, 0),
            CloseReason::Protocol(CodecError::Malformed(text)) => {
                (REASON_MALFORMED, 0, self.index_of(text))
            }
            CloseReason::Protocol(CodecError::Truncated) => (REASON_FRAME_TRUNCATED, 0, 0),
            // A reason of a newer core. The program must see a failure, not a normal end or a close of its own.
            _ => (REASON_FAILED, names::NO_CALL, names::number(Errno::EIO)),
        };
        code | call << REASON_CALL_SHIFT | number << REASON_NUMBER_SHIFT
    }
}
