//! A protocol whose messages are bytes in both directions, and whose session makes the bytes that leave.

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

/// What arrives is one frame for each look. Each message leaves behind its length: `3:one`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted;

impl Protocol for Counted {
    type Session = CountedSession;
    const NAME: &'static str = "counted";

    fn session(&self, _role: Role) -> CountedSession {
        CountedSession
    }
}

/// The session of one connection.
#[derive(Clone, Copy, Debug)]
pub struct CountedSession;

impl Session for CountedSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        io.field(0..input.len());
        Ok(Step::Message(input.len()))
    }

    fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        io.send(format!("{}:", body.len()).as_bytes());
        io.send(body);
        Ok(())
    }
}
