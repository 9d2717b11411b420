//! Lines: a frame ends with LF, and a CR before the LF belongs to the delimiter.
//!
//! Each byte is searched for a delimiter once, however the input arrives.

use memchr::memchr;

use super::{Error, ErrorKind, Io, Protocol, Role, Session, Step};

/// Splits the input at line feeds. Encoding appends one.
#[derive(Clone, Debug)]
pub struct Lines {
    limit: usize,
}

impl Lines {
    /// Lines of at most `limit` bytes, not counting the delimiter.
    #[must_use]
    pub fn new(limit: usize) -> Lines {
        Lines { limit }
    }
}

impl Protocol for Lines {
    type Session = LinesSession;
    const NAME: &'static str = "lines";

    fn session(&self, _role: Role) -> LinesSession {
        LinesSession {
            limit: self.limit,
            searched: 0,
        }
    }
}

/// The lines of one connection.
#[derive(Clone, Debug)]
pub struct LinesSession {
    limit: usize,
    /// How many bytes of the unconsumed input are known to hold no line feed.
    searched: usize,
}

impl LinesSession {
    fn body_end(input: &[u8], delimiter: usize) -> usize {
        if delimiter > 0 && input[delimiter - 1] == b'\r' {
            delimiter - 1
        } else {
            delimiter
        }
    }

    fn too_long(&self) -> Error {
        let text = format!("a line is longer than {} bytes", self.limit);
        Error::new(ErrorKind::TooLong, text)
    }
}

impl Session for LinesSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let Some(found) = memchr(b'\n', &input[self.searched..]) else {
            self.searched = input.len();
            // A CR at the end may belong to a delimiter whose LF has not arrived yet.
            let complete = input.len() - usize::from(input.last() == Some(&b'\r'));
            return if complete > self.limit {
                Err(self.too_long())
            } else {
                Ok(Step::Need(0))
            };
        };
        let delimiter = self.searched + found;
        self.searched = 0;
        let end = LinesSession::body_end(input, delimiter);
        if end > self.limit {
            return Err(self.too_long());
        }
        io.field(0..end);
        Ok(Step::Message(delimiter + 1))
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        // No LF follows, so a CR at the end belongs to the line.
        if memchr(b'\n', &input[self.searched..]).is_some() {
            return self.decode(input, io);
        }
        self.searched = 0;
        if input.len() > self.limit {
            return Err(self.too_long());
        }
        // The last line of a text may lack its delimiter.
        io.field(0..input.len());
        Ok(Step::Message(input.len()))
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if body.len() > self.limit {
            return Err(self.too_long());
        }
        if memchr(b'\n', body).is_some() {
            return Err(Error::malformed("a line holds a line feed"));
        }
        io.send(body);
        io.send(b"\n");
        Ok(())
    }

    fn limit(&self) -> usize {
        self.limit.saturating_add(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
