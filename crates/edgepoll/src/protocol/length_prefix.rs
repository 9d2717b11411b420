//! Messages with their length in front: a header, which ends with the length, and the body.

use super::length_field::{Read, Written};
use super::{Error, ErrorKind, Io, Protocol, Role, Session, Step};

pub use super::length_field::{Endian, LengthSize};

/// Cuts the input by a length in front of each message.
#[derive(Clone, Copy, Debug)]
pub struct LengthPrefix {
    size: LengthSize,
    endian: Endian,
    limit: usize,
    offset: usize,
    inclusive: bool,
    adjust: i64,
    keep_header: bool,
}

impl LengthPrefix {
    /// Messages of at most `limit` bytes, not counting the header. The length is an unsigned integer of that size in big-endian order,
    /// counts the bytes behind it, and is not part of the message.
    #[must_use]
    pub fn new(size: LengthSize, limit: usize) -> LengthPrefix {
        LengthPrefix {
            size,
            endian: Endian::Big,
            limit,
            offset: 0,
            inclusive: false,
            adjust: 0,
            keep_header: false,
        }
    }

    /// The same with another order of bytes. It does not matter for [`LengthSize::Varint`].
    #[must_use]
    pub fn endian(mut self, endian: Endian) -> LengthPrefix {
        self.endian = endian;
        self
    }

    /// The same with so many bytes in front of the length. They belong to the header. Messages are then written with their header.
    #[must_use]
    pub fn offset(mut self, offset: usize) -> LengthPrefix {
        self.offset = offset;
        self
    }

    /// The same, and the length counts the header too.
    #[must_use]
    pub fn inclusive(mut self, inclusive: bool) -> LengthPrefix {
        self.inclusive = inclusive;
        self
    }

    /// The same, and so many bytes more follow than the length says, or fewer if it is negative.
    #[must_use]
    pub fn adjust(mut self, adjust: i64) -> LengthPrefix {
        self.adjust = adjust;
        self
    }

    /// The same, and the owner gets each message with its header, and writes it so. A written message is refused if the length in its
    /// header is wrong.
    #[must_use]
    pub fn keep_header(mut self, keep_header: bool) -> LengthPrefix {
        self.keep_header = keep_header;
        self
    }

    fn too_long(&self) -> Error {
        let text = format!("a message is longer than {} bytes", self.limit);
        Error::new(ErrorKind::TooLong, text)
    }

    /// How many bytes the header and the body have in front of `input`, or how many bytes are needed to know.
    #[inline]
    fn header(&self, input: &[u8]) -> Result<Result<(usize, usize), usize>, Error> {
        let field = input.get(self.offset..).unwrap_or_default();
        let (value, length) = match self.size.read(self.endian, field) {
            Read::Value(value, length) => (value, length),
            Read::Need(length) => return Ok(Err(self.offset.saturating_add(length))),
            Read::TooLarge => return Err(Error::malformed("a length has more than 64 bits")),
        };
        let header = self.offset + length;
        let counted = if self.inclusive { header as u64 } else { 0 };
        let too_small = || Error::malformed("a length is less than that of its header");
        let behind = value.checked_sub(counted).ok_or_else(too_small)?;
        let body = match behind.checked_add_signed(self.adjust) {
            Some(body) => body,
            None if self.adjust < 0 => return Err(too_small()),
            None => return Err(self.too_long()),
        };
        match usize::try_from(body) {
            Ok(body) if body <= self.limit => Ok(Ok((header, body))),
            _ => Err(self.too_long()),
        }
    }

    /// The length for a body that is written without its header.
    fn written(&self, body: usize) -> Option<Written> {
        let behind = (body as u64).checked_add_signed(self.adjust.checked_neg()?)?;
        self.size.write(self.endian, |length| {
            let header = self.offset.checked_add(length)?;
            behind.checked_add(if self.inclusive { header as u64 } else { 0 })
        })
    }
}

impl Protocol for LengthPrefix {
    type Session = LengthPrefixSession;
    const NAME: &'static str = "length-prefix";

    fn session(&self, _role: Role) -> LengthPrefixSession {
        LengthPrefixSession(*self)
    }
}

/// The messages of one connection.
#[derive(Clone, Copy, Debug)]
pub struct LengthPrefixSession(LengthPrefix);

impl Session for LengthPrefixSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let (header, body) = match self.0.header(input)? {
            Ok(found) => found,
            Err(need) => return Ok(Step::Need(need)),
        };
        let end = header.saturating_add(body);
        if input.len() < end {
            return Ok(Step::Need(end));
        }
        io.field(if self.0.keep_header { 0 } else { header }..end);
        Ok(Step::Message(end))
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if self.0.keep_header || self.0.offset > 0 {
            return match self.0.header(body)? {
                Ok((header, rest)) if header.checked_add(rest) == Some(body.len()) => {
                    io.send(body);
                    Ok(())
                }
                _ => Err(Error::malformed("a message's header has another length")),
            };
        }
        if body.len() > self.0.limit {
            return Err(self.0.too_long());
        }
        let Some(length) = self.0.written(body.len()) else {
            return Err(Error::malformed(
                "the length of a message does not fit into its field",
            ));
        };
        io.send(length.bytes());
        io.send(body);
        Ok(())
    }

    fn limit(&self) -> usize {
        let header = self.0.offset.saturating_add(self.0.size.most());
        self.0.limit.saturating_add(header)
    }
}
