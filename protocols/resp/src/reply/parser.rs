//! Finds replies in the input.

use std::rc::Rc;

use edgepoll_protocol::Error;

use crate::line::{number, Line};
use crate::{kind, Argument, Settings, MOST_FIELDS};

/// The longest line: a simple string, an error, a number.
const LONGEST_LINE: usize = 65_536;
/// How deep arrays may lie in each other. Redis nests a few levels; a script may nest more.
const DEEPEST: usize = 128;
/// Where the number begins in a header, above the kind.
const COUNT_SHIFT: u32 = 8;
/// The capacity that the lists keep from one reply to the next.
const KEPT: usize = 64;

/// A field of a reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Bytes(Argument),
    /// As `Bytes`, for a text that comes again and again: `OK`.
    Name(Argument),
    Integer(i64),
    Double(f64),
}

/// What one look at the input found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A reply of that kind takes up so many bytes. Its fields are in [`ReplyParser::items`].
    Reply(u8, usize),
    /// As `Reply`, with too many fields: the bytes are its only one.
    Raw(usize),
    /// A string comes in parts. So many bytes are before the first one.
    Stream(usize),
    /// So many bytes of that string, how many are still to come, and how many are consumed with the end of the line.
    Part(usize, usize, usize),
    /// So many bytes are needed; 0 for any more.
    Need(usize),
}

/// Finds replies in the input. It goes on where it stopped when it is shown more of the same input.
#[derive(Debug)]
pub(super) struct ReplyParser {
    pub(super) settings: Rc<Settings>,
    /// Up to where the current reply has been read.
    at: usize,
    /// How far the current line has been searched for its end.
    searched: usize,
    /// The kind of the whole reply, once its first byte has been read.
    kind: Option<u8>,
    /// For each array, map … around the current value, how many values are still to come in it.
    missing: Vec<u64>,
    items: Vec<Item>,
    /// Where the header of the bulk strings is that the last items are.
    run: Option<usize>,
    /// There were more than [`MOST_FIELDS`].
    is_raw: bool,
    /// Bytes to come of a string that is streamed.
    part: Option<usize>,
}

impl ReplyParser {
    pub(super) fn new(settings: Rc<Settings>) -> ReplyParser {
        ReplyParser {
            settings,
            at: 0,
            searched: 0,
            kind: None,
            missing: Vec::new(),
            items: Vec::new(),
            run: None,
            is_raw: false,
            part: None,
        }
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(super) fn look(&mut self, input: &[u8]) -> Result<Found, Error> {
        if let Some(left) = self.part {
            return self.next_part(left, input);
        }
        if self.kind.is_none() {
            self.items.clear();
            self.items.shrink_to(KEPT);
            self.missing.clear();
            self.run = None;
            self.is_raw = false;
        }
        loop {
            let Some(&byte) = input.get(self.at) else {
                return Ok(Found::Need(0));
            };
            if let Some(found) = self.value(byte, input)? {
                return Ok(found);
            }
            self.searched = 0;
            if self.at > self.settings.max_total {
                return Err(Error::too_long("a reply is above maxTotal"));
            }
            // The value may have been the last one of what is around it.
            while self.missing.last() == Some(&0) {
                self.missing.pop();
            }
            if self.missing.is_empty() {
                break;
            }
        }
        let kind = self.kind.take().unwrap_or(kind::RAW);
        let consumed = std::mem::take(&mut self.at);
        Ok(if self.is_raw {
            Found::Raw(consumed)
        } else {
            Found::Reply(kind, consumed)
        })
    }

    /// Reads the value at `self.at`, or returns what is to be done first.
    fn value(&mut self, byte: u8, input: &[u8]) -> Result<Option<Found>, Error> {
        match byte {
            b'$' | b'=' | b'!' => self.bulk(byte, input),
            b'*' | b'%' | b'~' | b'>' | b'|' => self.aggregate(byte, input),
            b':' => match number(input, self.at + 1) {
                Line::Number(value, next) => {
                    self.begin(kind::INTEGER, None);
                    self.push(Item::Integer(value));
                    self.at = next;
                    Ok(None)
                }
                Line::Incomplete => Ok(Some(Found::Need(0))),
                Line::Bad => self.plus(input),
            },
            b'+' | b'-' | b'_' | b'#' | b',' | b'(' => match self.line(input)? {
                Some(end) => {
                    self.simple(byte, self.at + 1, end, input)?;
                    self.at = end + 2;
                    Ok(None)
                }
                None => Ok(Some(Found::Need(0))),
            },
            _ => Err(Error::new(
                edgepoll_protocol::ErrorKind::Malformed,
                format!("'{}' begins no reply", byte.escape_ascii()),
            )),
        }
    }

    /// An integer with a plus sign, which the specification allows.
    fn plus(&mut self, input: &[u8]) -> Result<Option<Found>, Error> {
        let bad = Err(Error::malformed("an integer is malformed"));
        if input.get(self.at + 1) != Some(&b'+') || input.get(self.at + 2) == Some(&b'-') {
            return bad;
        }
        match number(input, self.at + 2) {
            Line::Number(value, next) => {
                self.begin(kind::INTEGER, None);
                self.push(Item::Integer(value));
                self.at = next;
                Ok(None)
            }
            Line::Incomplete => Ok(Some(Found::Need(0))),
            Line::Bad => bad,
        }
    }

    /// Where the line at `self.at` ends, before CR LF.
    fn line(&mut self, input: &[u8]) -> Result<Option<usize>, Error> {
        let most = self.at + LONGEST_LINE + 2;
        let from = self.at + self.searched;
        let searched = &input[..input.len().min(most)];
        if let Some(found) = memchr::memchr2(b'\r', b'\n', &searched[from..]) {
            let end = from + found;
            // Looked at again once the next byte is there.
            self.searched = end - self.at;
            return match (input[end], input.get(end + 1)) {
                (b'\r', Some(b'\n')) => Ok(Some(end)),
                (b'\r', None) => Ok(None),
                _ => Err(Error::malformed("CR or LF inside a line")),
            };
        }
        if input.len() >= most {
            return Err(Error::too_long("a line is longer than 64 KiB"));
        }
        self.searched = searched.len() - self.at;
        Ok(None)
    }

    fn simple(&mut self, byte: u8, start: usize, end: usize, input: &[u8]) -> Result<(), Error> {
        let (place, text) = (Argument::at(&(start..end)), &input[start..end]);
        match byte {
            b'+' => {
                self.begin(kind::SIMPLE, None);
                self.push(Item::Name(place));
            }
            b'-' => {
                self.begin(kind::ERROR, None);
                self.push(Item::Bytes(place));
            }
            b'_' if text.is_empty() => self.begin(kind::NULL, None),
            b'#' if text == b"t" || text == b"f" => {
                self.begin(kind::BOOLEAN, Some(i64::from(text == b"t")));
            }
            b',' => {
                let value = double(text).ok_or(Error::malformed("a double is malformed"))?;
                self.begin(kind::DOUBLE, None);
                self.push(Item::Double(value));
            }
            b'(' if is_big_number(text) => {
                self.begin(kind::BIG_NUMBER, None);
                self.push(Item::Bytes(place));
            }
            b'_' => return Err(Error::malformed("a null is malformed")),
            b'#' => return Err(Error::malformed("a boolean is malformed")),
            _ => return Err(Error::malformed("a big number is malformed")),
        }
        Ok(())
    }

    fn bulk(&mut self, byte: u8, input: &[u8]) -> Result<Option<Found>, Error> {
        let (length, start) = match number(input, self.at + 1) {
            Line::Number(length, start) => (length, start),
            Line::Incomplete => return Ok(Some(Found::Need(0))),
            Line::Bad => return Err(Error::malformed("a length is malformed")),
        };
        if length == -1 && byte == b'$' {
            self.begin(kind::NULL, None);
            self.at = start;
            return Ok(None);
        }
        let length =
            usize::try_from(length).map_err(|_| Error::malformed("a length is negative"))?;
        if length > self.settings.max_bulk {
            return Err(Error::too_long("a string is above maxBulk"));
        }
        let is_whole = self.kind.is_none() && byte == b'$';
        if is_whole && self.settings.stream.is_some_and(|most| length > most) {
            self.part = Some(length);
            return Ok(Some(Found::Stream(start)));
        }
        let end = start + length;
        if end + 2 > self.settings.max_total {
            return Err(Error::too_long("a reply is above maxTotal"));
        }
        let Some(terminator) = input.get(end..end + 2) else {
            return Ok(Some(Found::Need(end + 2)));
        };
        if terminator != b"\r\n" {
            return Err(Error::malformed("no CR LF behind a string"));
        }
        let place = Argument::at(&(start..end));
        match byte {
            b'$' => {
                self.begin_bulk();
                self.push(Item::Bytes(place));
            }
            b'!' => {
                self.begin(kind::ERROR, None);
                self.push(Item::Bytes(place));
            }
            _ => {
                if input[start..end].get(3) != Some(&b':') {
                    return Err(Error::malformed("a verbatim string has no format"));
                }
                self.begin(kind::VERBATIM, None);
                self.push(Item::Bytes(Argument::at(&(start..start + 3))));
                self.push(Item::Bytes(Argument::at(&(start + 4..end))));
            }
        }
        self.at = end + 2;
        Ok(None)
    }

    fn aggregate(&mut self, byte: u8, input: &[u8]) -> Result<Option<Found>, Error> {
        let (count, next) = match number(input, self.at + 1) {
            Line::Number(count, next) => (count, next),
            Line::Incomplete => return Ok(Some(Found::Need(0))),
            Line::Bad => return Err(Error::malformed("a count is malformed")),
        };
        self.at = next;
        if count == -1 && byte == b'*' {
            self.begin(kind::NULL, None);
            return Ok(None);
        }
        let elements =
            u32::try_from(count).map_err(|_| Error::malformed("a count is out of range"))?;
        let elements = u64::from(elements);
        if self.missing.len() == DEEPEST {
            return Err(Error::malformed("arrays are nested too deeply"));
        }
        let (kind, elements) = match byte {
            b'*' => (kind::ARRAY, elements),
            b'~' => (kind::SET, elements),
            b'>' => (kind::PUSH, elements),
            b'%' => (kind::MAP, elements * 2),
            // The value behind the attributes takes their place.
            _ => {
                self.begin(kind::ATTRIBUTE, Some(count));
                self.missing.push(elements * 2 + 1);
                return Ok(None);
            }
        };
        self.begin(kind, Some(count));
        self.missing.push(elements);
        Ok(None)
    }

    /// A value begins. Of a value inside another one, the header is written: kind, and the number that comes with it.
    fn begin(&mut self, kind: u8, number: Option<i64>) {
        self.run = None;
        if self.kind.is_none() {
            self.kind = Some(kind);
            if let Some(number) = number {
                self.push(Item::Integer(number));
            }
        } else {
            self.take();
            self.push(header(kind, number.unwrap_or(0)));
        }
    }

    /// A bulk string begins. Those that follow each other have one header, with their number.
    fn begin_bulk(&mut self) {
        let Some(run) = self.run else {
            let is_whole = self.kind.is_none();
            self.begin(kind::BULK, (!is_whole).then_some(1));
            self.run = self.items.len().checked_sub(1).filter(|_| !is_whole);
            return;
        };
        self.take();
        if let Some(Item::Integer(header)) = self.items.get_mut(run) {
            *header += 1 << COUNT_SHIFT;
        }
    }

    /// One value fewer is to come in what is around it.
    fn take(&mut self) {
        if let Some(missing) = self.missing.last_mut() {
            *missing -= 1;
        }
    }

    fn push(&mut self, item: Item) {
        if self.is_raw {
            return;
        }
        if self.items.len() == MOST_FIELDS {
            self.is_raw = true;
            self.run = None;
            self.items.clear();
            return;
        }
        self.items.push(item);
    }

    fn next_part(&mut self, left: usize, input: &[u8]) -> Result<Found, Error> {
        // Parts have the same lengths however the input is cut.
        let length = left.min(self.settings.stream.unwrap_or(left));
        if length < left {
            if input.len() < length {
                return Ok(Found::Need(length));
            }
            self.part = Some(left - length);
            return Ok(Found::Part(length, left - length, length));
        }
        let Some(terminator) = input.get(length..length + 2) else {
            return Ok(Found::Need(length + 2));
        };
        if terminator != b"\r\n" {
            return Err(Error::malformed("no CR LF behind a string"));
        }
        self.part = None;
        Ok(Found::Part(length, 0, length + 2))
    }
}

/// A double: digits with an optional fraction and exponent, `inf`, `-inf` or `nan`.
fn double(text: &[u8]) -> Option<f64> {
    match text {
        b"inf" | b"+inf" => return Some(f64::INFINITY),
        b"-inf" => return Some(f64::NEG_INFINITY),
        b"nan" | b"-nan" => return Some(f64::NAN),
        _ => {}
    }
    // Other words, as "infinity", are none.
    let is_number = text
        .iter()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let text = std::str::from_utf8(text).ok().filter(|_| is_number)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The header of a value inside another one.
fn header(kind: u8, number: i64) -> Item {
    Item::Integer(i64::from(kind) | number << COUNT_SHIFT)
}

fn is_big_number(text: &[u8]) -> bool {
    let digits = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}
