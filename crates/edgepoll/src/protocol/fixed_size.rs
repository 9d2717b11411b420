//! Messages that all have the same length.

use std::num::NonZeroUsize;

use super::{Error, Io, Protocol, Role, Session, Step};

/// Cuts the input into messages of one length.
#[derive(Clone, Copy, Debug)]
pub struct FixedSize {
    size: NonZeroUsize,
}

impl FixedSize {
    /// Messages of `size` bytes.
    #[must_use]
    pub fn new(size: NonZeroUsize) -> FixedSize {
        FixedSize { size }
    }
}

impl Protocol for FixedSize {
    type Session = FixedSizeSession;
    const NAME: &'static str = "fixed";

    fn session(&self, _role: Role) -> FixedSizeSession {
        FixedSizeSession {
            size: self.size.get(),
        }
    }
}

/// The messages of one connection.
#[derive(Clone, Copy, Debug)]
pub struct FixedSizeSession {
    size: usize,
}

impl Session for FixedSizeSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.len() < self.size {
            return Ok(Step::Need(self.size));
        }
        io.field(0..self.size);
        Ok(Step::Message(self.size))
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if body.len() != self.size {
            return Err(Error::malformed("a message has another length"));
        }
        io.send(body);
        Ok(())
    }

    fn limit(&self) -> usize {
        self.size
    }
}
