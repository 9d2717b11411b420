//! A protocol of lines that does everything that a session can do. Each line is a command:
//!
//! `say X` is a message, `copy X` a message whose bytes are not in the input, `ping` is answered, `flood N` is answered by N bytes, `pause X` is
//! a message after which nothing is decoded, `quit` ends this side, `fail` is answered and then fails, `die` fails, and `panic`, `wide` and
//! `stuck` break the contract.

use edgepoll::protocol::{Error, Io, Protocol, Role, Session, Step};

/// The kind of a `pause` message. The others have the kind 1.
pub(crate) const PAUSED: u8 = 2;

pub(crate) struct Talk;

pub(crate) struct TalkSession;

impl Protocol for Talk {
    type Session = TalkSession;
    const NAME: &'static str = "talk";

    fn session(&self, _role: Role) -> TalkSession {
        TalkSession
    }
}

impl Session for TalkSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        io.send(b"hello\n");
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
            return Ok(Step::Need(0));
        };
        let space = input[..end].iter().position(|byte| *byte == b' ');
        let (command, start) = space.map_or((end, end), |space| (space, space + 1));
        let step = Step::Message(end + 1);
        io.kind(1);
        match &input[..command] {
            b"say" => io.name(start..end),
            b"copy" => io.copied(&input[start..end].to_ascii_uppercase()),
            b"ping" => {
                io.send(b"pong\n");
                return Ok(Step::Skip(end + 1));
            }
            b"flood" => {
                let text = std::str::from_utf8(&input[start..end]).unwrap_or_default();
                io.send(&vec![b'.'; text.parse().unwrap_or(0)]);
                return Ok(Step::Skip(end + 1));
            }
            b"pause" => {
                io.kind(PAUSED);
                io.field(start..end);
                return Ok(Step::Pause(end + 1));
            }
            b"quit" => {
                io.end();
                return Ok(Step::Skip(end + 1));
            }
            b"fail" => {
                io.send(b"bad\n");
                return Err(Error::malformed("the peer asked for it").with_number(7));
            }
            b"panic" => panic!("the peer asked for it"),
            b"wide" => io.field(0..end + 2),
            b"stuck" => return Ok(Step::Skip(0)),
            _ => return Err(Error::malformed("an unknown command")),
        }
        Ok(step)
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        match kind {
            b'r' => io.resume(),
            b'x' => return Err(Error::malformed("the owner asked for it")),
            b'p' => panic!("the owner asked for it"),
            _ => {}
        }
        io.send(body);
        io.send(b"\n");
        if kind == b'e' {
            io.end();
        }
        Ok(())
    }

    fn end(&mut self, io: &mut Io<'_>) {
        io.send(b"bye\n");
    }

    fn limit(&self) -> usize {
        100
    }
}
