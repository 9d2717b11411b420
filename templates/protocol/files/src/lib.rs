//! Messages with a topic, each behind its length. A length of 0 is a ping, which a server answers itself.

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

#[cfg(feature = "node")]
mod node;

/// The kind of a message with a topic. Its fields are the topic and the payload.
pub const MESSAGE: u8 = 0;
/// The kind of a ping of the owner, and of the answer that it gets. It has no fields.
pub const PING: u8 = 1;

/// The protocol: four bytes of length (the high byte first), one byte with the length of the topic, the topic, and the payload.
#[derive(Clone, Copy, Debug)]
pub struct ProtocolName {
    /// The longest message, in bytes behind its length.
    pub max_length: u32,
}

impl Default for ProtocolName {
    fn default() -> Self {
        let max_length = 1 << 20;
        ProtocolName { max_length }
    }
}

impl Protocol for ProtocolName {
    type Session = Connection;
    const NAME: &'static str = "protocol-name";

    fn session(&self, role: Role) -> Connection {
        let max_length = self.max_length as usize;
        Connection { max_length, role }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    max_length: usize,
    role: Role,
}

impl Session for Connection {
    const ENCODES: bool = true;

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let Some(head) = input.first_chunk() else {
            return Ok(Step::Need(4));
        };
        let length = u32::from_be_bytes(*head) as usize;
        if length == 0 {
            return Ok(self.ping(io));
        }
        if length > self.max_length {
            return Err(Error::too_long("a message is longer than maxLength"));
        }
        let end = 4 + length;
        if input.len() < end {
            return Ok(Step::Need(end));
        }
        let payload = 4 + topic_end(&input[4..end])?;
        io.kind(MESSAGE);
        io.name(5..payload);
        io.field(payload..end);
        Ok(Step::Message(end))
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if kind == PING {
            io.send(&[0; 4]);
            return Ok(());
        }
        if body.len() > self.max_length {
            return Err(Error::too_long("a message is longer than maxLength"));
        }
        topic_end(body)?;
        io.send(&(body.len() as u32).to_be_bytes());
        io.send(body);
        Ok(())
    }

    fn limit(&self) -> usize {
        4 + self.max_length
    }
}

impl Connection {
    /// A server answers a ping. For a client it is the answer, of which its program hears.
    fn ping(&self, io: &mut Io<'_>) -> Step {
        if self.role == Role::Server {
            io.send(&[0; 4]);
            return Step::Skip(4);
        }
        io.kind(PING);
        Step::Message(4)
    }
}

/// Where the topic at the front of a message's body ends.
fn topic_end(body: &[u8]) -> Result<usize, Error> {
    match body.first() {
        Some(&length) if usize::from(length) < body.len() => Ok(1 + usize::from(length)),
        _ => Err(Error::malformed("a topic is longer than its message")),
    }
}
