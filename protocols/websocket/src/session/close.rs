//! The end of a connection: close frames, from either side.

use std::ops::Range;

use edgepoll_protocol::{Error, ErrorKind, Io, Role, Step};

use super::{State, WebSocketSession};
use crate::failure::Failure;
use crate::send::refused;
use crate::{code, kind};

/// The peer's FIN came without a close frame.
pub(super) fn no_close_frame() -> Error {
    Error::new(
        ErrorKind::Truncated,
        "the connection ended without a close frame",
    )
    .with_number(code::ABNORMAL.into())
}

impl WebSocketSession {
    /// The peer broke a rule. It is told which one, and then the connection ends.
    pub(super) fn fail(&mut self, failure: Failure, io: &mut Io<'_>) -> Error {
        if !self.has_sent_close {
            self.has_sent_close = true;
            let payload = [&failure.code.to_be_bytes()[..], failure.text.as_bytes()].concat();
            if let Err(error) = self.control(kind::CLOSE, &payload, io) {
                return error;
            }
        }
        self.state = State::Closed;
        failure.error()
    }

    /// The peer's close frame has come. `payload` lies in the first `consumed` bytes.
    pub(super) fn closed(
        &mut self,
        input: &[u8],
        payload: Range<usize>,
        consumed: usize,
        io: &mut Io<'_>,
    ) -> Result<Step, Error> {
        let (code, reason) = match &input[payload.clone()] {
            [] => (code::NONE, payload.end..payload.end),
            [_] => return Err(self.fail(Failure::protocol("a close frame has one byte"), io)),
            [high, low, ..] => (
                u16::from_be_bytes([*high, *low]),
                payload.start + 2..payload.end,
            ),
        };
        if code != code::NONE && !code::is_valid(code) || code == code::NONE && !payload.is_empty()
        {
            return Err(self.fail(
                Failure::protocol("a close frame has a code that none may have"),
                io,
            ));
        }
        if simdutf8::basic::from_utf8(&input[reason.clone()]).is_err() {
            return Err(self.fail(
                Failure::invalid("the reason of a close frame is not UTF-8"),
                io,
            ));
        }
        if !self.has_sent_close {
            self.has_sent_close = true;
            self.control(kind::CLOSE, &input[payload.start..reason.start], io)?;
        }
        self.state = State::Closed;
        self.stop_timers(io);
        match self.role {
            Role::Server => io.end(),
            // The server ends first: then the client's port is free at once.
            Role::Client => self.await_peer(io),
        }
        io.kind(kind::CLOSE);
        io.integer(code.into());
        io.field(reason);
        Ok(Step::Message(consumed))
    }

    /// The program closes.
    pub(super) fn close(&mut self, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        match *body {
            [] => {}
            [high, low, ref reason @ ..] => {
                if !code::is_valid(u16::from_be_bytes([high, low])) {
                    return Err(refused("a close frame cannot have this code"));
                }
                if simdutf8::basic::from_utf8(reason).is_err() {
                    return Err(refused("the reason of a close frame is not UTF-8"));
                }
            }
            [_] => return Err(refused("a close frame has no body or a code of two bytes")),
        }
        self.control(kind::CLOSE, body, io)?;
        self.has_sent_close = true;
        self.stop_timers(io);
        self.await_peer(io);
        Ok(())
    }

    /// The program ends the connection. A close frame says that this is on purpose.
    pub(super) fn end_of_program(&mut self, io: &mut Io<'_>) {
        if matches!(self.state, State::Open) && !self.has_sent_close {
            self.has_sent_close = true;
            self.stop_timers(io);
            // Two bytes are not too many, and FIN follows in any case.
            let _ = self.control(kind::CLOSE, &code::NORMAL.to_be_bytes(), io);
        }
    }
}
