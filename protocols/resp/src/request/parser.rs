//! Finds requests in the input, without a connection around it.

use std::ops::Range;
use std::rc::Rc;

use super::inline::{self, Words};
use crate::line::{number, Line};
use crate::{Argument, Refusal, Settings, MOST_FIELDS};

/// Limits before authentication, as in Redis.
const UNAUTHENTICATED_ARGUMENTS: usize = 10;
const UNAUTHENTICATED_BULK: usize = 16_384;
/// The capacity that the list of arguments keeps from one request to the next.
const KEPT: usize = 64;

/// What one look at the input found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A request, whose arguments [`RequestParser::arguments`] gives, or its beginning or its end, if one of its arguments is streamed.
    Request {
        /// How many bytes of the input it takes up.
        consumed: usize,
        /// Whether the first argument is the command's name. Otherwise these are the arguments behind one that was streamed.
        begins: bool,
        /// Whether a part of this request follows.
        continues: bool,
    },
    /// A part of an argument that is streamed.
    Part {
        /// Where its bytes are in the input.
        bytes: Range<usize>,
        /// How many bytes of this argument are still to come.
        left: usize,
        /// How many bytes of the input it takes up.
        consumed: usize,
        /// Whether this is not the end of the request.
        continues: bool,
    },
    /// So many bytes are no request: an empty line or an empty array.
    Nothing(usize),
    /// At least so many bytes are needed; 0 for any more.
    Need(usize),
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before a request.
    Start,
    /// Among the arguments of an array.
    Arguments,
    /// In an argument that is streamed, with so many bytes to come.
    Part(usize),
}

/// Finds requests in the input. It goes on where it stopped when it is shown more of the same input.
#[derive(Debug)]
pub struct RequestParser {
    settings: Rc<Settings>,
    state: State,
    /// Up to where the current request has been read.
    at: usize,
    /// How many arguments of the array are still to come.
    missing: usize,
    /// Whether the arguments begin with the command's name.
    begins: bool,
    arguments: Vec<Argument>,
    /// Where the arguments lie that are not in the list because it is full, and how many they are.
    rest: Range<usize>,
    further: usize,
    /// The bytes of quoted words.
    copied: Vec<u8>,
}

impl RequestParser {
    /// A parser for a new connection.
    #[must_use]
    pub fn new(settings: Rc<Settings>) -> RequestParser {
        RequestParser {
            settings,
            state: State::Start,
            at: 0,
            missing: 0,
            begins: true,
            arguments: Vec::new(),
            rest: 0..0,
            further: 0,
            copied: Vec::new(),
        }
    }

    /// The limits and choices.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The arguments of the request that was found: the first [`MOST_FIELDS`].
    #[inline]
    #[must_use]
    pub fn arguments(&self) -> &[Argument] {
        &self.arguments
    }

    /// The bytes of an argument of the request that was found in this input.
    ///
    /// # Panics
    /// If it is another input.
    #[inline]
    #[must_use]
    pub fn bytes<'a>(&'a self, argument: Argument, input: &'a [u8]) -> &'a [u8] {
        let from = if argument.is_copied() {
            &self.copied
        } else {
            input
        };
        &from[argument.range()]
    }

    /// The arguments behind those of [`RequestParser::arguments`]: how many, and where their bytes are, as they came.
    #[inline]
    #[must_use]
    pub fn further(&self) -> Option<(usize, Range<usize>)> {
        (self.further > 0).then(|| (self.further, self.rest.clone()))
    }

    /// Looks at the input from its start, which is what the last look did not consume. The name of a command is put into upper case.
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong. The parser is of no use after that.
    #[inline]
    pub fn look(&mut self, input: &mut [u8]) -> Result<Found, Refusal> {
        match self.state {
            State::Start => match input.first() {
                None => Ok(Found::Need(0)),
                Some(b'*') => self.array(input),
                Some(_) => self.line(input),
            },
            State::Arguments => self.go_on(input),
            State::Part(left) => self.part(left, input),
        }
    }

    fn begin(&mut self, begins: bool) {
        self.begins = begins;
        self.arguments.clear();
        self.arguments.shrink_to(KEPT);
        self.further = 0;
        self.copied = Vec::new();
    }

    #[inline]
    fn array(&mut self, input: &mut [u8]) -> Result<Found, Refusal> {
        let (count, next) = match number(input, 1) {
            Line::Number(count, next) => (count, next),
            Line::Incomplete => return Ok(Found::Need(0)),
            Line::Bad => return Err(Refusal::Count),
        };
        if count <= 0 {
            return Ok(Found::Nothing(next));
        }
        self.missing = usize::try_from(count).unwrap_or(usize::MAX);
        if self.missing > self.settings.max_arguments {
            return Err(Refusal::Count);
        }
        if self.settings.unauthenticated && self.missing > UNAUTHENTICATED_ARGUMENTS {
            return Err(Refusal::CountUnauthenticated);
        }
        self.begin(true);
        self.at = next;
        self.state = State::Arguments;
        self.go_on(input)
    }

    #[inline]
    fn go_on(&mut self, input: &mut [u8]) -> Result<Found, Refusal> {
        while self.missing > 0 {
            match input.get(self.at) {
                None => return Ok(Found::Need(0)),
                Some(b'$') => {}
                Some(other) => return Err(Refusal::NoBulk(*other)),
            }
            let (length, start) = match number(input, self.at + 1) {
                Line::Number(length, start) => (self.length(length)?, start),
                Line::Incomplete => return Ok(Found::Need(0)),
                Line::Bad => return Err(Refusal::Length),
            };
            let is_name = self.begins && self.arguments.is_empty();
            if !is_name && self.settings.stream.is_some_and(|most| length > most) {
                return Ok(self.stream(length, start));
            }
            let end = start + length;
            if end + 2 > self.settings.max_total {
                return Err(Refusal::Total);
            }
            let Some(terminator) = input.get(end..end + 2) else {
                return Ok(Found::Need(end + 2));
            };
            if terminator != b"\r\n" {
                return Err(Refusal::Terminator);
            }
            if is_name {
                input[start..end].make_ascii_uppercase();
            }
            self.add(start..end);
            self.missing -= 1;
            self.at = end + 2;
        }
        self.state = State::Start;
        Ok(self.found(self.at, false))
    }

    #[inline]
    fn length(&self, length: i64) -> Result<usize, Refusal> {
        match usize::try_from(length) {
            Ok(length) if length <= self.settings.max_bulk => {
                if self.settings.unauthenticated && length > UNAUTHENTICATED_BULK {
                    return Err(Refusal::LengthUnauthenticated);
                }
                Ok(length)
            }
            _ => Err(Refusal::Length),
        }
    }

    #[inline]
    fn add(&mut self, range: Range<usize>) {
        if self.arguments.len() < MOST_FIELDS {
            self.arguments.push(Argument::at(&range));
            return;
        }
        if self.further == 0 {
            self.rest.start = self.at;
        }
        self.further += 1;
        self.rest.end = range.end + 2;
    }

    #[inline]
    fn found(&mut self, consumed: usize, continues: bool) -> Found {
        self.at = 0;
        Found::Request {
            consumed,
            begins: self.begins,
            continues,
        }
    }

    /// An argument of that length, whose bytes begin at `start`, comes in parts.
    fn stream(&mut self, length: usize, start: usize) -> Found {
        self.state = State::Part(length);
        if self.arguments.is_empty() {
            // Two long arguments in a row.
            self.at = 0;
            return Found::Nothing(start);
        }
        self.found(start, true)
    }

    fn part(&mut self, left: usize, input: &[u8]) -> Result<Found, Refusal> {
        // Parts have the same lengths however the input is cut.
        let length = left.min(self.settings.stream.unwrap_or(left));
        if length < left {
            if input.len() < length {
                return Ok(Found::Need(length));
            }
            self.state = State::Part(left - length);
            return Ok(Found::Part {
                bytes: 0..length,
                left: left - length,
                consumed: length,
                continues: true,
            });
        }
        let Some(terminator) = input.get(length..length + 2) else {
            return Ok(Found::Need(length + 2));
        };
        if terminator != b"\r\n" {
            return Err(Refusal::Terminator);
        }
        self.missing -= 1;
        self.state = if self.missing == 0 {
            State::Start
        } else {
            State::Arguments
        };
        self.begin(false);
        Ok(Found::Part {
            bytes: 0..length,
            left: 0,
            consumed: length + 2,
            continues: self.missing > 0,
        })
    }

    fn line(&mut self, input: &mut [u8]) -> Result<Found, Refusal> {
        let (line, consumed) = match inline::line(input, self.at)? {
            Some(found) => found,
            None => {
                // What has been searched is not searched again.
                self.at = input.len();
                return Ok(Found::Need(0));
            }
        };
        self.at = 0;
        self.begin(true);
        let mut words = Words::new(&input[..line], &mut self.copied);
        while let Some(word) = words.next()? {
            if self.arguments.len() == MOST_FIELDS {
                return Err(Refusal::Inline);
            }
            self.arguments.push(word);
        }
        let Some(name) = self.arguments.first() else {
            return Ok(Found::Nothing(consumed));
        };
        let from = if name.is_copied() {
            &mut self.copied[..]
        } else {
            input
        };
        from[name.range()].make_ascii_uppercase();
        Ok(self.found(consumed, false))
    }
}
