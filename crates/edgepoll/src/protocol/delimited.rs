//! What the framings with a delimiter share: the limit of a message, what becomes of a longer one, and the last message, which may
//! lack its delimiter.

use super::{Error, ErrorKind, Io, Step};

/// What becomes of a message that is longer than the limit. In each case at most about `limit` bytes of it are buffered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooLong {
    /// It ends the connection with [`ErrorKind::TooLong`].
    #[default]
    Close,
    /// It is dropped.
    Skip,
    /// Its first `limit + 1` bytes come as a message, and the rest is dropped. So a message of more than `limit` bytes is known to be
    /// the beginning of a longer one.
    Report,
}

/// How messages with a delimiter are taken from the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// What a message is called in errors, with its article.
    pub(super) what: &'static str,
    /// The most bytes of a message, without its delimiter.
    pub(super) limit: usize,
    pub(super) too_long: TooLong,
    /// Whether the delimiter belongs to what the owner gets.
    pub(super) keep_end: bool,
}

impl Rules {
    pub(super) fn error(&self) -> Error {
        let text = format!("{} is longer than {} bytes", self.what, self.limit);
        Error::new(ErrorKind::TooLong, text)
    }
}

/// The input of one connection, which messages with a delimiter are taken from.
#[derive(Clone, Debug)]
pub(super) struct Delimited {
    pub(super) rules: Rules,
    /// No delimiter ends before this place of the unconsumed input, so the search goes on from here.
    pub(super) searched: usize,
    /// The input up to the next delimiter is the rest of a message that was too long.
    drops: bool,
}

impl Delimited {
    pub(super) fn new(rules: Rules) -> Delimited {
        Delimited {
            rules,
            searched: 0,
            drops: false,
        }
    }

    /// A delimiter was found. The message ends at `body`, and its delimiter at `end`.
    #[inline]
    pub(super) fn whole(
        &mut self,
        body: usize,
        end: usize,
        io: &mut Io<'_>,
    ) -> Result<Step, Error> {
        self.searched = 0;
        let Rules {
            limit, keep_end, ..
        } = self.rules;
        if self.drops || body > limit {
            return self.over_long(end, io);
        }
        io.field(0..if keep_end { end } else { body });
        Ok(Step::Message(end))
    }

    /// The first `body` bytes of the input belong to a message whose delimiter has not arrived yet. The search goes on at `searched`.
    pub(super) fn part(
        &mut self,
        body: usize,
        searched: usize,
        io: &mut Io<'_>,
    ) -> Result<Step, Error> {
        self.searched = searched;
        if body == 0 || !self.drops && body <= self.rules.limit {
            return Ok(Step::Need(0));
        }
        self.searched -= body;
        let step = self.over_long(body, io);
        self.drops = true;
        step
    }

    /// The input has ended, and `length` bytes without a delimiter are left.
    pub(super) fn last(&mut self, length: usize, io: &mut Io<'_>) -> Result<Step, Error> {
        self.searched = 0;
        if self.drops || length > self.rules.limit {
            return self.over_long(length, io);
        }
        io.field(0..length);
        Ok(Step::Message(length))
    }

    /// Takes `length` bytes that belong to a message beyond the limit.
    fn over_long(&mut self, length: usize, io: &mut Io<'_>) -> Result<Step, Error> {
        if std::mem::take(&mut self.drops) {
            return Ok(Step::Skip(length));
        }
        match self.rules.too_long {
            TooLong::Close => Err(self.rules.error()),
            TooLong::Skip => Ok(Step::Skip(length)),
            TooLong::Report => {
                io.field(0..self.rules.limit + 1);
                Ok(Step::Message(length))
            }
        }
    }
}
