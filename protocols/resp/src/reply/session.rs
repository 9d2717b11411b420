//! The session of a client's connection.

use std::rc::Rc;

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

use super::parser::{Found, Item, ReplyParser};
use crate::{kind, Settings};

/// What the input may have beyond [`Settings::max_total`] when it is refused: a line of 64 KiB.
const SLACK: usize = 65_536 + 64;

/// The protocol of a client: each connection reads replies.
#[derive(Clone, Debug, Default)]
pub struct RespClient {
    settings: Rc<Settings>,
}

impl RespClient {
    /// A protocol with these limits and choices. Those for requests do nothing.
    #[must_use]
    pub fn new(settings: Settings) -> RespClient {
        RespClient {
            settings: Rc::new(settings),
        }
    }
}

impl Protocol for RespClient {
    type Session = Replies;
    const NAME: &'static str = "resp";

    fn session(&self, _role: Role) -> Replies {
        Replies {
            parser: ReplyParser::new(Rc::clone(&self.settings)),
        }
    }
}

/// Reads replies.
#[derive(Debug)]
pub struct Replies {
    parser: ReplyParser,
}

impl Session for Replies {
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        Ok(match self.parser.look(input)? {
            Found::Reply(kind, consumed) => {
                io.kind(kind);
                for item in self.parser.items() {
                    match *item {
                        Item::Bytes(place) => io.field(place.range()),
                        Item::Name(place) => io.name(place.range()),
                        Item::Integer(value) => io.integer(value),
                        Item::Double(value) => io.double(value),
                    }
                }
                Step::Message(consumed)
            }
            Found::Raw(consumed) => {
                io.kind(kind::RAW);
                io.field(0..consumed);
                Step::Message(consumed)
            }
            Found::Stream(consumed) => Step::Skip(consumed),
            Found::Part(length, left, consumed) => {
                io.kind(kind::PART);
                io.field(0..length);
                io.integer(left as i64);
                if left > 0 {
                    io.more();
                }
                Step::Message(consumed)
            }
            Found::Need(need) => Step::Need(need),
        })
    }

    fn limit(&self) -> usize {
        self.parser.settings.max_total + SLACK
    }
}
