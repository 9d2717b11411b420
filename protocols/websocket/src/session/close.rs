//! The end of a connection: close frames, from either side.

use std::ops::Range;

use edgepoll_protocol::{Error, ErrorKind, Io, Role, Step};

use super::{Ending, State, WebSocketSession};
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
    /// The peer broke a rule. Returns that all of the input is dealt with.
    pub(super) fn fail(&mut self, failure: Failure, input: &[u8], io: &mut Io<'_>) -> Step {
        self.end_soon(Ending::Failure(failure), io);
        Step::Skip(input.len())
    }

    fn end_soon(&mut self, ending: Ending, io: &mut Io<'_>) {
        self.state = State::Ending(ending);
        self.stop_timers(io);
        self.await_moment(io);
    }

    /// Does what is left to do at the end.
    pub(super) fn finish(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        let State::Ending(ending) = self.state else {
            return Ok(());
        };
        self.state = State::Closed;
        match ending {
            Ending::Answer(code) => {
                let code = code.map(u16::to_be_bytes);
                self.send_close(code.as_ref().map_or(&[], |code| &code[..]), io)?;
                self.end_of_both(io);
                Ok(())
            }
            Ending::Failure(failure) => {
                let payload = [&failure.code.to_be_bytes()[..], failure.text.as_bytes()].concat();
                self.send_close(&payload, io)?;
                Err(failure.error())
            }
        }
    }

    /// Sends the close frame, unless it has been sent.
    fn send_close(&mut self, payload: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if self.has_sent_close {
            return Ok(());
        }
        self.control(kind::CLOSE, payload, io)?;
        self.has_sent_close = true;
        Ok(())
    }

    /// Both close frames have gone.
    fn end_of_both(&mut self, io: &mut Io<'_>) {
        self.state = State::Closed;
        self.stop_timers(io);
        match self.role {
            Role::Server => io.end(),
            // The server ends first: then the client's port is free at once.
            Role::Client => self.await_peer(io),
        }
    }

    /// The peer's close frame has come. `payload` lies in the first `consumed` bytes.
    pub(super) fn closed(
        &mut self,
        input: &[u8],
        payload: Range<usize>,
        consumed: usize,
        io: &mut Io<'_>,
    ) -> Step {
        let (code, reason) = match &input[payload.clone()] {
            [] => (None, payload.end..payload.end),
            [_] => return self.fail(Failure::protocol("a close frame has one byte"), input, io),
            [high, low, ..] => (
                Some(u16::from_be_bytes([*high, *low])),
                payload.start + 2..payload.end,
            ),
        };
        if code.is_some_and(|code| !code::is_valid(code)) {
            return self.fail(
                Failure::protocol("a close frame has a code that none may have"),
                input,
                io,
            );
        }
        if simdutf8::basic::from_utf8(&input[reason.clone()]).is_err() {
            return self.fail(
                Failure::invalid("the reason of a close frame is not UTF-8"),
                input,
                io,
            );
        }
        if self.has_sent_close {
            self.end_of_both(io);
        } else {
            self.end_soon(Ending::Answer(code), io);
        }
        io.kind(kind::CLOSE);
        io.integer(code.unwrap_or(code::NONE).into());
        io.field(reason);
        Step::Message(consumed)
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
        self.send_close(body, io)?;
        match self.state {
            State::Ending(Ending::Answer(_)) => self.end_of_both(io),
            State::Ending(Ending::Failure(_)) => {}
            _ => {
                self.stop_timers(io);
                self.await_peer(io);
            }
        }
        Ok(())
    }

    /// The program ends the connection. A close frame says that this is on purpose.
    pub(super) fn end_of_program(&mut self, io: &mut Io<'_>) {
        let code = match self.state {
            State::Open => Some(code::NORMAL),
            State::Ending(Ending::Answer(code)) => code,
            State::Ending(Ending::Failure(failure)) => Some(failure.code),
            State::Head { .. } | State::Asking(_) | State::Closed => return,
        };
        self.stop_timers(io);
        if !matches!(self.state, State::Open) {
            self.state = State::Closed;
        }
        let code = code.map(u16::to_be_bytes);
        // Two bytes are not too many, and FIN follows in any case.
        let _ = self.send_close(code.as_ref().map_or(&[], |code| &code[..]), io);
    }
}
