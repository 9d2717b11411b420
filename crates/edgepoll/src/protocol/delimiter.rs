//! Messages that end with a delimiter of up to 64 bytes.
//!
//! Each byte is searched for the delimiter once, except that a delimiter may begin in the last bytes of what has been searched.

use std::rc::Rc;

use memchr::memmem::Finder;

use super::delimited::{Delimited, Rules, TooLong};
use super::{Error, Io, Protocol, Role, Session, Step};

/// The longest delimiter.
pub const MOST_DELIMITER: usize = 64;

/// Splits the input at a delimiter. Encoding appends it. The last message of the input may lack it.
#[derive(Clone, Debug)]
pub struct Delimiter {
    rules: Rules,
    finder: Rc<Finder<'static>>,
}

impl Delimiter {
    /// Messages of at most `limit` bytes, not counting the delimiter. `None` if the delimiter does not have 1 to
    /// [`MOST_DELIMITER`] bytes.
    #[must_use]
    pub fn new(delimiter: &[u8], limit: usize) -> Option<Delimiter> {
        if !(1..=MOST_DELIMITER).contains(&delimiter.len()) {
            return None;
        }
        let rules = Rules {
            what: "a message",
            limit,
            too_long: TooLong::Close,
            keep_end: false,
        };
        let finder = Rc::new(Finder::new(delimiter).into_owned());
        Some(Delimiter { rules, finder })
    }

    /// The same, and this is done with a message that is longer than the limit.
    #[must_use]
    pub fn too_long(mut self, too_long: TooLong) -> Delimiter {
        self.rules.too_long = too_long;
        self
    }

    /// The same, and the owner gets each message with its delimiter.
    #[must_use]
    pub fn keep_end(mut self, keep_end: bool) -> Delimiter {
        self.rules.keep_end = keep_end;
        self
    }
}

impl Protocol for Delimiter {
    type Session = DelimiterSession;
    const NAME: &'static str = "delimiter";

    fn session(&self, _role: Role) -> DelimiterSession {
        DelimiterSession {
            input: Delimited::new(self.rules),
            finder: Rc::clone(&self.finder),
        }
    }
}

/// The messages of one connection.
#[derive(Clone, Debug)]
pub struct DelimiterSession {
    input: Delimited,
    finder: Rc<Finder<'static>>,
}

impl DelimiterSession {
    /// Where the next delimiter begins.
    #[inline]
    fn find(&self, input: &[u8]) -> Option<usize> {
        let searched = self.input.searched;
        self.finder
            .find(&input[searched..])
            .map(|found| searched + found)
    }

    /// Whether a delimiter ends before the end of `body` and the delimiter behind it.
    fn is_cut(&self, body: &[u8]) -> bool {
        if self.finder.find(body).is_some() {
            return true;
        }
        // As in a body that ends with "a" before the delimiter "aa".
        let delimiter = self.finder.needle();
        let tail = &body[body.len().saturating_sub(delimiter.len() - 1)..];
        let mut joint = [0; 2 * MOST_DELIMITER];
        let joint = &mut joint[..tail.len() + delimiter.len()];
        joint[..tail.len()].copy_from_slice(tail);
        joint[tail.len()..].copy_from_slice(delimiter);
        self.finder.find(joint) != Some(tail.len())
    }
}

impl Session for DelimiterSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let length = self.finder.needle().len();
        if let Some(body) = self.find(input) {
            return self.input.whole(body, body + length, io);
        }
        // The last bytes may be the start of a delimiter.
        let body = input.len().saturating_sub(length - 1);
        self.input.part(body, body, io)
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        if self.find(input).is_some() {
            return self.decode(input, io);
        }
        self.input.last(input.len(), io)
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if body.len() > self.input.rules.limit {
            return Err(self.input.rules.error());
        }
        if self.is_cut(body) {
            return Err(Error::malformed("a message holds the delimiter"));
        }
        io.send(body);
        io.send(self.finder.needle());
        Ok(())
    }

    fn limit(&self) -> usize {
        let delimiter = self.finder.needle().len();
        self.input.rules.limit.saturating_add(delimiter)
    }
}
