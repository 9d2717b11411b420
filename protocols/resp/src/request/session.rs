//! The session of a server's connection.

use std::rc::Rc;

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

use super::parser::{Found, RequestParser};
use crate::{kind, Refusal, Settings};

/// What the input may have beyond [`Settings::max_total`] when it is refused: a line with a length.
const SLACK: usize = 64;
/// The shortest limit: an inline command.
const INLINE: usize = 65_536;

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
#[derive(Debug)]
pub struct Requests {
    parser: RequestParser,
}

impl Requests {
    /// The session of a new connection.
    #[must_use]
    pub fn new(settings: Rc<Settings>) -> Requests {
        Requests {
            parser: RequestParser::new(settings),
        }
    }

    /// What reads the input. A session that answers some commands itself has one of these inside.
    #[inline]
    pub fn parser(&mut self) -> &mut RequestParser {
        &mut self.parser
    }

    /// Describes the request that [`RequestParser::look`] found.
    #[inline]
    pub fn describe(&self, found: Found, input: &[u8], io: &mut Io<'_>) -> Step {
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

    /// Tells the peer why its request is refused. The connection ends with the error that this returns.
    #[cold]
    pub fn refuse(refusal: Refusal, io: &mut Io<'_>) -> Error {
        io.send(&refusal.reply());
        refusal.into()
    }
}

impl Session for Requests {
    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        match self.parser.look(input) {
            Ok(found) => Ok(self.describe(found, input, io)),
            Err(refusal) => Err(Requests::refuse(refusal, io)),
        }
    }

    fn limit(&self) -> usize {
        self.parser.settings().max_total.max(INLINE) + SLACK
    }
}
