//! Both sides of a protocol talk to each other, and the kit finds what goes wrong between them.

use edgepoll_protocol::testing::{converse, round_trip, Line, Seen, SeenField};
use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

/// One length byte, then as many bytes. A client says hello first and a server answers it; each pings after 1,000 ms without a message.
#[derive(Clone, Copy, Default)]
struct Talk {
    /// The server answers its greeting by each message too, and so does the client: they never stop.
    echoes: bool,
    /// A byte too much behind each message of the owner.
    leaves_a_byte: bool,
}

struct TalkSession {
    role: Role,
    talk: Talk,
    greeted: bool,
}

impl Protocol for Talk {
    type Session = TalkSession;
    const NAME: &'static str = "talk";

    fn session(&self, role: Role) -> TalkSession {
        TalkSession {
            role,
            talk: *self,
            greeted: false,
        }
    }
}

impl Session for TalkSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        if self.role == Role::Client {
            io.send(b"\x05hello");
        }
        io.set_timer(0, 1000);
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let end = 1 + usize::from(input[0]);
        if input.len() < end {
            return Ok(Step::Need(end));
        }
        if !self.greeted {
            self.greeted = true;
            if &input[1..end] != b"hello" {
                return Err(Error::malformed("no greeting"));
            }
            if self.role == Role::Server {
                io.send(b"\x05hello");
            }
            return Ok(Step::Skip(end));
        }
        if end == 1 {
            return Ok(Step::Skip(1));
        }
        if self.talk.echoes {
            io.send(&input[..end]);
        }
        io.set_timer(0, 1000);
        io.field(1..end);
        Ok(Step::Message(end))
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        if kind != 0 {
            return Err(Error::malformed("the only kind is 0"));
        }
        let length = u8::try_from(body.len()).map_err(|_| Error::too_long("at most 255 bytes"))?;
        io.send(&[length]);
        io.send(body);
        if self.talk.leaves_a_byte {
            io.send(b"\x09");
        }
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        io.send(&[0]);
        io.set_timer(timer, 1000);
        Ok(())
    }

    fn end(&mut self, io: &mut Io<'_>) {
        io.send(b"\x03bye");
    }

    fn limit(&self) -> usize {
        256
    }
}

fn texts(messages: &[Seen]) -> Vec<String> {
    let text = |message: &Seen| match &message.fields[..] {
        [SeenField::Bytes(bytes)] => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    messages.iter().map(text).collect()
}

#[test]
fn both_sides_get_what_the_other_wrote() {
    let script = [
        Line::client(0, "one"),
        Line::server(0, "two"),
        Line::wait(2500),
        Line::client(0, "three"),
        Line::end(Role::Client),
        Line::end(Role::Server),
    ];
    let conversation = converse(Talk::default, Talk::default, &script);
    assert_eq!(
        texts(&conversation.server.messages),
        ["one", "three", "bye"]
    );
    assert_eq!(texts(&conversation.client.messages), ["two", "bye"]);
    assert_eq!(conversation.server.output, b"\x05hello\x03two\0\0\x03bye");
    assert_eq!(
        conversation.client.output,
        b"\x05hello\x03one\0\0\x05three\x03bye"
    );
}

#[test]
fn what_is_written_arrives() {
    let long = [b'x'; 255];
    let messages: [(u8, &[u8]); 3] = [(0, b"a"), (0, b"hello"), (0, &long)];
    for from in [Role::Server, Role::Client] {
        let arrived = round_trip(Talk::default, Talk::default, from, &messages);
        for (seen, (_, body)) in arrived.iter().zip(messages) {
            assert_eq!(seen.len(), 1);
            assert_eq!(seen[0].fields, [SeenField::Bytes(body.to_vec())]);
        }
    }
}

#[test]
#[should_panic(expected = "nothing came for 0")]
fn a_message_that_does_not_arrive_is_found() {
    round_trip(Talk::default, Talk::default, Role::Client, &[(0, b"")]);
}

#[test]
#[should_panic(expected = "bytes of 0 [61] are left")]
fn bytes_that_are_left_are_found() {
    let make = || Talk {
        leaves_a_byte: true,
        ..Talk::default()
    };
    round_trip(make, Talk::default, Role::Server, &[(0, b"a")]);
}

#[test]
#[should_panic(expected = "the message 7 was refused: the only kind is 0")]
fn a_refused_message_is_found() {
    converse(Talk::default, Talk::default, &[Line::server(7, "a")]);
}

#[test]
#[should_panic(expected = "do not stop")]
fn sides_that_answer_each_other_for_ever_are_found() {
    let make = || Talk {
        echoes: true,
        ..Talk::default()
    };
    converse(make, make, &[Line::client(0, "a")]);
}
