//! What a session does with the peer's frames.

use edgepoll_protocol::{Error, Io, Role, Step};

use super::WebSocketSession;
use crate::kind;
use crate::receive::{Body, Found, Rules};

impl WebSocketSession {
    #[inline]
    pub(super) fn frames(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        loop {
            let rules = Rules {
                settings: &self.shared.settings,
                shared: &self.shared,
                from: match self.role {
                    Role::Server => Role::Client,
                    Role::Client => Role::Server,
                },
                deflate: self.deflate.as_ref(),
            };
            match self.receiver.look(input, &rules) {
                Err(failure) => return Ok(self.fail(failure, input, io)),
                Ok(Found::Need(length)) => return Ok(Step::Need(length)),
                Ok(Found::Skip(length)) => return Ok(Step::Skip(length)),
                Ok(Found::Message {
                    kind,
                    is_last,
                    body,
                    consumed,
                }) => {
                    io.kind(kind);
                    if !is_last {
                        io.more();
                    }
                    match body {
                        Body::Input(range) => io.field(range),
                        Body::Own(bytes) => {
                            io.copied(&bytes);
                            self.shared.pool.borrow_mut().give_buffer(bytes);
                        }
                    }
                    return Ok(Step::Message(consumed));
                }
                Ok(Found::Control {
                    kind: kind::CLOSE,
                    payload,
                    consumed,
                }) => {
                    let consumed = self.in_front(input, consumed);
                    return Ok(self.closed(input, payload, consumed, io));
                }
                Ok(Found::Control {
                    kind,
                    payload,
                    consumed,
                }) => {
                    // The close frame is the last one that this side sends.
                    if kind == kind::PING && !self.has_sent_close {
                        self.control(kind::PONG, &input[payload.clone()], io)?;
                    }
                    if self.shared.settings.control {
                        io.kind(kind);
                        io.field(payload);
                        return Ok(Step::Message(self.in_front(input, consumed)));
                    }
                    if consumed > 0 {
                        return Ok(Step::Skip(consumed));
                    }
                }
            }
        }
    }

    /// How many bytes end with a control frame that has been found. If a message lies in front of it, that is moved out of the way.
    fn in_front(&mut self, input: &[u8], consumed: usize) -> usize {
        match consumed {
            0 => self.receiver.move_out(input),
            consumed => consumed,
        }
    }
}
