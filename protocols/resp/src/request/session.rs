//! The session of a server's connection.

use std::rc::Rc;

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

use super::parser::{Found, RequestParser};
use crate::{kind, Refusal, Settings};

/// What the input may have beyond [`Settings::max_total`] when it is refused: a line with a length.
const SLACK: usize = 64;
/// The shortest limit: an inline command.
const INLINE: usize = 65_536;
/// The timer that sends the refusal of a request.
const REFUSAL: u8 = 0;

/// The protocol of a server: each connection reads requests.
#[derive(Clone, Debug, Default)]
pub struct Resp {
    settings: Rc<Settings>,
}

impl Resp {
    /// A protocol with these limits and choices.
    #[must_use]
    pub fn new(settings: Settings) -> Resp {
        Resp {
            settings: Rc::new(settings),
        }
    }
}

impl Protocol for Resp {
    type Session = Requests;
    const NAME: &'static str = "resp";

    fn session(&self, _role: Role) -> Requests {
        Requests::new(Rc::clone(&self.settings))
    }
}

/// Reads requests.
///
/// A request that is refused is answered a moment later, so that the answers of the requests before it leave first. What the peer
/// sends meanwhile is thrown away.
#[derive(Debug)]
pub struct Requests {
    parser: RequestParser,
    /// Why a request is refused, and all input after it. The peer has not been told yet.
    refused: Option<Refusal>,
}

impl Requests {
    /// The session of a new connection.
    #[must_use]
    pub fn new(settings: Rc<Settings>) -> Requests {
        Requests {
            parser: RequestParser::new(settings),
            refused: None,
        }
    }

    /// As [`Session::decode`], for a session that answers some requests itself: `answers` gets each request that is whole, and says
    /// whether it has answered it.
    ///
    /// # Errors
    /// As [`Session::decode`].
    #[inline]
    pub fn decode_with(
        &mut self,
        input: &mut [u8],
        io: &mut Io<'_>,
        answers: impl FnOnce(&RequestParser, &[u8], &mut Io<'_>) -> bool,
    ) -> Result<Step, Error> {
        if self.refused.is_some() {
            return Ok(Step::Skip(input.len()));
        }
        match self.parser.look(input) {
            Ok(Found::Request {
                consumed,
                begins: true,
                continues: false,
            }) if answers(&self.parser, input, io) => Ok(Step::Skip(consumed)),
            Ok(found) => Ok(self.describe(found, input, io)),
            Err(refusal) => {
                self.refused = Some(refusal);
                io.set_timer(REFUSAL, 1);
                Ok(Step::Skip(input.len()))
            }
        }
    }

    /// As [`Session::decode_end`], for a session that uses [`Requests::decode_with`].
    ///
    /// # Errors
    /// As [`Session::decode_end`].
    pub fn decode_end_with(
        &mut self,
        input: &mut [u8],
        io: &mut Io<'_>,
        answers: impl FnOnce(&RequestParser, &[u8], &mut Io<'_>) -> bool,
    ) -> Result<Step, Error> {
        if input.is_empty() {
            return self.refuse(io).map_or(Ok(Step::Need(0)), Err);
        }
        match self.decode_with(input, io, answers)? {
            Step::Need(_) => Err(Error::truncated()),
            step => Ok(step),
        }
    }

    /// Tells the peer why its request is refused. The connection ends with the error that this returns.
    #[cold]
    fn refuse(&mut self, io: &mut Io<'_>) -> Option<Error> {
        let refusal = self.refused?;
        io.send(&refusal.reply());
        Some(refusal.into())
    }

    #[inline]
    fn describe(&self, found: Found, input: &[u8], io: &mut Io<'_>) -> Step {
        match found {
            Found::Request {
                consumed,
                begins,
                continues,
            } => {
                self.fields(begins, input, io);
                if continues {
                    io.more();
                }
                Step::Message(consumed)
            }
            Found::Part {
                bytes,
                left,
                consumed,
                continues,
            } => {
                io.kind(kind::PART);
                io.field(bytes);
                io.integer(left as i64);
                if continues {
                    io.more();
                }
                Step::Message(consumed)
            }
            Found::Nothing(consumed) => Step::Skip(consumed),
            Found::Need(need) => Step::Need(need),
        }
    }

    #[inline]
    fn fields(&self, begins: bool, input: &[u8], io: &mut Io<'_>) {
        let arguments = self.parser.arguments();
        match arguments.first() {
            Some(name) if begins => {
                let name = self.parser.bytes(*name, input);
                io.kind(self.parser.settings().commands.kind(name));
            }
            _ => io.kind(kind::ARGUMENTS),
        }
        // The name and the key come again and again.
        let names = if begins { 2 } else { 0 };
        for (index, argument) in arguments.iter().enumerate() {
            if argument.is_copied() {
                io.copied(self.parser.bytes(*argument, input));
            } else if index < names {
                io.name(argument.range());
            } else {
                io.field(argument.range());
            }
        }
        if let Some((further, rest)) = self.parser.further() {
            io.integer(further as i64);
            io.field(rest);
        }
    }
}

impl Session for Requests {
    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.decode_with(input, io, |_, _, _| false)
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.decode_end_with(input, io, |_, _, _| false)
    }

    fn timer(&mut self, _timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.refuse(io).map_or(Ok(()), Err)
    }

    fn limit(&self) -> usize {
        self.parser.settings().max_total.max(INLINE) + SLACK
    }
}
