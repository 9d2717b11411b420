//! A connection's close reason as one 32-bit field of a record.

use edgepoll::connection::CloseReason;
use edgepoll::protocol::{Error, ErrorKind, Fault, ProtocolError};
use edgepoll::Errno;
use napi_derive::napi;

use crate::layout::{
    PROTOCOL_BROKEN, PROTOCOL_PANICKED, PROTOCOL_SENT_TOO_MUCH, REASON_CALL_SHIFT,
    REASON_DESTROYED, REASON_ENDED, REASON_FAILED, REASON_FRAME_TOO_LONG, REASON_FRAME_TRUNCATED,
    REASON_LATE, REASON_MALFORMED, REASON_NUMBER_SHIFT, REASON_PROTOCOL, REASON_QUEUE_FULL,
    REASON_SHED, REASON_TIMED_OUT,
};
use crate::names;

/// Why a protocol ended a connection.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct ProtocolFailure {
    /// The protocol's name.
    pub protocol: String,
    /// What kind of error it is: a number of the crate `edgepoll-protocol`, or a `PROTOCOL_` number of `layout.rs`.
    pub kind: i32,
    /// The protocol's own number, or 0.
    pub number: u32,
    /// What was wrong.
    pub text: String,
}

/// Why a protocol refused a message of the program.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct MessageRefusal {
    /// What kind of error it is: a number of the crate `edgepoll-protocol`.
    pub kind: i32,
    /// The protocol's own number, or 0.
    pub number: u32,
    /// What was wrong.
    pub text: String,
}

impl From<Error> for MessageRefusal {
    fn from(error: Error) -> MessageRefusal {
        MessageRefusal {
            kind: error.kind() as i32,
            number: error.number(),
            text: error.to_string(),
        }
    }
}

/// The protocols' errors since the turn began. A record holds the index of its error, and JavaScript asks for the rest while it reads the
/// record.
#[derive(Debug, Default)]
pub(crate) struct ProtocolErrors(Vec<ProtocolError>);

impl ProtocolErrors {
    /// Begins a turn: JavaScript has read the records of the last one.
    pub(crate) fn begin(&mut self) {
        self.0.clear();
    }

    /// The error with that index.
    pub(crate) fn get(&self, index: usize) -> Option<ProtocolFailure> {
        let error = self.0.get(index)?;
        let (kind, number, text) = match &error.fault {
            Fault::Error(error) => (error.kind() as i32, error.number(), error.to_string()),
            Fault::Panicked(panic) => (PROTOCOL_PANICKED, 0, panic.to_string()),
            fault @ Fault::Broken => (PROTOCOL_BROKEN, 0, fault.to_string()),
            fault @ Fault::TooMuch => (PROTOCOL_SENT_TOO_MUCH, 0, fault.to_string()),
        };
        Some(ProtocolFailure {
            protocol: error.protocol.to_string(),
            kind,
            number,
            text,
        })
    }

    /// The reason's code and number. A framing's errors have codes of their own.
    fn add(&mut self, error: ProtocolError) -> (i32, i32) {
        let code = match &error.fault {
            Fault::Error(found) if error.is_framing => match found.kind() {
                ErrorKind::TooLong => REASON_FRAME_TOO_LONG,
                ErrorKind::Truncated => REASON_FRAME_TRUNCATED,
                _ => REASON_MALFORMED,
            },
            _ => REASON_PROTOCOL,
        };
        // The number has 24 bits of the record's field. So many errors of one turn do not fit into the memory.
        let index = i32::try_from(self.0.len()).unwrap_or(0);
        self.0.push(error);
        (code, index)
    }

    /// The field for a reason: its code, the system call, and an error number or the index of a protocol's error.
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
            CloseReason::Late(deadline) => (REASON_LATE, 0, deadline as i32),
            CloseReason::Shed => (REASON_SHED, 0, 0),
            CloseReason::Protocol(error) => {
                let (code, index) = self.add(error);
                (code, 0, index)
            }
            // A reason of a newer core. The program must see a failure, not a normal end or a close of its own.
            _ => (REASON_FAILED, names::NO_CALL, names::number(Errno::EIO)),
        };
        code | call << REASON_CALL_SHIFT | number << REASON_NUMBER_SHIFT
    }
}
