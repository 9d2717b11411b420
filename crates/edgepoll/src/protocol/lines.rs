//! Lines: a message ends with LF, and a CR before the LF belongs to the delimiter. A CR alone is a byte like others.
//!
//! Each byte is searched for a delimiter once, however the input arrives.

use memchr::memchr;

use super::delimited::{Delimited, Rules, TooLong};
use super::{Error, Io, Protocol, Role, Session, Step};

/// What [`Lines`] appends to a message that is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// A line feed.
    #[default]
    Lf,
    /// A carriage return and a line feed, as most text protocols of the internet have it.
    CrLf,
}

/// Splits the input at line feeds. Encoding appends one. The last line of the input may lack it.
#[derive(Clone, Debug)]
pub struct Lines {
    rules: Rules,
    end: LineEnd,
}

impl Lines {
    /// Lines of at most `limit` bytes, not counting the delimiter.
    #[must_use]
    pub fn new(limit: usize) -> Lines {
        let rules = Rules {
            what: "a line",
            limit,
            too_long: TooLong::Close,
            keep_end: false,
        };
        Lines {
            rules,
            end: LineEnd::Lf,
        }
    }

    /// The same, and this is done with a line that is longer than the limit.
    #[must_use]
    pub fn too_long(mut self, too_long: TooLong) -> Lines {
        self.rules.too_long = too_long;
        self
    }

    /// The same, and the owner gets each line with its LF or CR LF.
    #[must_use]
    pub fn keep_end(mut self, keep_end: bool) -> Lines {
        self.rules.keep_end = keep_end;
        self
    }

    /// The same with this end of the lines that are written.
    #[must_use]
    pub fn write_end(mut self, end: LineEnd) -> Lines {
        self.end = end;
        self
    }
}

impl Protocol for Lines {
    type Session = LinesSession;
    const NAME: &'static str = "lines";

    fn session(&self, _role: Role) -> LinesSession {
        LinesSession {
            input: Delimited::new(self.rules),
            end: self.end,
        }
    }
}

/// The lines of one connection.
#[derive(Clone, Debug)]
pub struct LinesSession {
    input: Delimited,
    end: LineEnd,
}

/// How long the line is whose LF is at `delimiter`.
#[inline]
fn body_of(input: &[u8], delimiter: usize) -> usize {
    delimiter - usize::from(delimiter > 0 && input[delimiter - 1] == b'\r')
}

impl Session for LinesSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let searched = self.input.searched;
        if let Some(found) = memchr(b'\n', &input[searched..]) {
            let delimiter = searched + found;
            let body = body_of(input, delimiter);
            return self.input.whole(body, delimiter + 1, io);
        }
        // A CR at the end may belong to a delimiter whose LF has not arrived yet.
        let body = body_of(input, input.len());
        self.input.part(body, input.len(), io)
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        if memchr(b'\n', &input[self.input.searched..]).is_some() {
            return self.decode(input, io);
        }
        // No LF follows, so a CR at the end belongs to the line.
        self.input.last(input.len(), io)
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if body.len() > self.input.rules.limit {
            return Err(self.input.rules.error());
        }
        if memchr(b'\n', body).is_some() {
            return Err(Error::malformed("a line holds a line feed"));
        }
        io.send(body);
        io.send(match self.end {
            LineEnd::Lf => b"\n",
            LineEnd::CrLf => b"\r\n",
        });
        Ok(())
    }

    fn limit(&self) -> usize {
        self.input.rules.limit.saturating_add(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ErrorKind;
    use edgepoll_protocol::host::{Factory, Fault, Scratch};
    use edgepoll_protocol::testing::{any_cut_gives_the_same, SeenField};

    /// The lines of `text`, cut in any way.
    fn lines(text: &[u8], limit: usize) -> (Vec<Vec<u8>>, Option<Fault>) {
        let came = any_cut_gives_the_same(|| Lines::new(limit), Role::Server, text, 20);
        let lines = came.messages.into_iter().flat_map(|line| line.fields);
        let bytes = lines.map(|field| match field {
            SeenField::Bytes(bytes) => bytes,
            other => unreachable!("{other:?}"),
        });
        (bytes.collect(), came.fault)
    }

    fn is_too_long(fault: Option<&Fault>) -> bool {
        matches!(fault, Some(Fault::Error(error)) if error.kind() == ErrorKind::TooLong)
    }

    #[test]
    fn any_cut_gives_the_same_lines() {
        let text = b"one\r\n\ntwo\nthree\r\r\n\r\nlast";
        let whole: Vec<Vec<u8>> = [&b"one"[..], b"", b"two", b"three\r", b"", b"last"]
            .iter()
            .map(|line| line.to_vec())
            .collect();
        assert_eq!(lines(text, 100), (whole, None));
    }

    #[test]
    fn the_limit_applies_with_and_without_a_delimiter() {
        assert_eq!(lines(b"12345\r\n", 5).1, None);
        assert!(is_too_long(lines(b"123456\n", 5).1.as_ref()));
        assert!(is_too_long(lines(b"1234567", 5).1.as_ref()));
    }

    #[test]
    fn the_limit_applies_where_a_last_cr_is_no_delimiter() {
        assert!(is_too_long(lines(b"12345\r", 5).1.as_ref()));
        assert_eq!(lines(b"1234\r", 5), (vec![b"1234\r".to_vec()], None));
    }

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let mut scratch = Scratch::default();
        let mut session = Factory::new(Lines::new(usize::MAX)).session(Role::Server);
        let (outcome, result) = session.decode(&mut scratch, &mut b"part".to_vec(), usize::MAX);
        assert_eq!((outcome.messages, result), (0, Ok(())));
        assert_eq!(session.limit(), usize::MAX);
    }

    #[test]
    fn encoding_refuses_a_message_that_would_not_decode_as_one_line() {
        let mut scratch = Scratch::default();
        let mut encode = |limit, body: &[u8]| {
            let mut session = Factory::new(Lines::new(limit)).session(Role::Server);
            let (_, result) = session.encode(&mut scratch, 0, body);
            result.map(|()| scratch.output().to_vec())
        };
        assert!(encode(9, b"a\nb").is_err());
        assert!(encode(2, b"abc").is_err());
        assert_eq!(encode(2, b"ab"), Ok(b"ab\n".to_vec()));
    }
}
