//! Netstrings: the length in decimal digits, a colon, so many bytes, and a comma, as in `5:hello,`.

use std::io::Write;

use super::{Error, ErrorKind, Io, Protocol, Role, Session, Step};

/// The longest length in digits, with the colon: as many digits as the largest `u64` has.
const MOST_HEADER: usize = 21;

/// Reads and writes netstrings.
#[derive(Clone, Copy, Debug)]
pub struct Netstring {
    limit: usize,
}

impl Netstring {
    /// Strings of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Netstring {
        Netstring { limit }
    }
}

impl Protocol for Netstring {
    type Session = NetstringSession;
    const NAME: &'static str = "netstring";

    fn session(&self, _role: Role) -> NetstringSession {
        NetstringSession { limit: self.limit }
    }
}

/// The netstrings of one connection.
#[derive(Clone, Copy, Debug)]
pub struct NetstringSession {
    limit: usize,
}

impl NetstringSession {
    /// The length, and how many bytes it and the colon take. `None` if the colon has not arrived.
    #[inline]
    fn header(&self, input: &[u8]) -> Result<Option<(usize, usize)>, Error> {
        let mut length = 0_usize;
        for (place, &byte) in input.iter().enumerate() {
            match byte {
                b'0'..=b'9' if place == 0 || length > 0 => {
                    length = length
                        .checked_mul(10)
                        .and_then(|tens| tens.checked_add(usize::from(byte - b'0')))
                        .filter(|&length| length <= self.limit)
                        .ok_or_else(|| self.too_long())?;
                }
                b'0'..=b'9' => return Err(Error::malformed("a length begins with a zero")),
                b':' if place > 0 => return Ok(Some((length, place + 1))),
                _ => return Err(Error::malformed("a length is no decimal number")),
            }
        }
        Ok(None)
    }

    fn too_long(&self) -> Error {
        let text = format!("a netstring is longer than {} bytes", self.limit);
        Error::new(ErrorKind::TooLong, text)
    }
}

impl Session for NetstringSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let Some((length, header)) = self.header(input)? else {
            return Ok(Step::Need(0));
        };
        let end = header.saturating_add(length);
        match input.get(end) {
            Some(b',') => {
                io.field(header..end);
                Ok(Step::Message(end + 1))
            }
            Some(_) => Err(Error::malformed("a netstring does not end with a comma")),
            None => Ok(Step::Need(end.saturating_add(1))),
        }
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if body.len() > self.limit {
            return Err(self.too_long());
        }
        let mut header = [0; MOST_HEADER];
        let mut rest = &mut header[..];
        if write!(rest, "{}:", body.len()).is_err() {
            return Err(self.too_long());
        }
        let length = MOST_HEADER - rest.len();
        io.send(&header[..length]);
        io.send(body);
        io.send(b",");
        Ok(())
    }

    fn limit(&self) -> usize {
        self.limit.saturating_add(MOST_HEADER + 1)
    }
}
