//! A session that does what each line says. Lines end with LF:
//!
//! | Line | What the session does |
//! |---|---|
//! | `echo TEXT` | gives a message of the kind 1 with the field TEXT |
//! | `values` | gives a message of the kind 2 with a name, a null, two integers, a double and a copied field |
//! | `reply TEXT` | sends TEXT and a line feed |
//! | `panic` | panics |
//! | `outside` | gives a field that ends behind the line |
//! | `beyond` | says that it consumed more than there is |
//! | `nothing` | says that it consumed nothing |
//! | `flood` | sends 1 GiB in one look |
//! | `drip N` | sends N bytes |
//! | `copy N` | gives a message of the kind 3 with a field of N copied bytes |
//! | `fields N` | gives a message of the kind 3 with N fields |
//! | `parts` | gives three messages of the kind 4, of which two are continued |
//! | `end` | ends its side |
//! | `late` | ends its side, and then sends |
//! | `refuse`, `malformed`, `long` | fails with such an error, after it has sent `sorry` and a line feed. `refuse` has the number 42 |
//! | `need` | asks for as many bytes as there can be |
//! | `pause` | gives a message of the kind 5 and pauses until the owner writes a message of the kind 1 |
//! | `spin` | sets a timer of 0 ms, which sets itself again |
//! | `tick N` | sets a timer of N ms, which sends `tick` and a line feed |
//!
//! Messages of the owner leave with a line feed behind them. One of the kind 2 fails, and one of the kind 6 ends the session's side.

use edgepoll_protocol::{Error, ErrorKind, Io, Protocol, Role, Session, Step};

/// The function that panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Where {
    /// None of them does.
    #[default]
    Nowhere,
    /// The exported function.
    Make,
    /// [`Protocol::session`].
    Session,
    /// [`Session::start`].
    Start,
    /// [`Session::decode`].
    Decode,
    /// [`Session::decode_end`].
    DecodeEnd,
    /// [`Session::encode`].
    Encode,
    /// [`Session::timer`].
    Timer,
    /// [`Session::end`].
    End,
    /// [`Session::limit`].
    Limit,
    /// The session's destructor.
    Drop,
    /// The protocol's destructor.
    DropProtocol,
}

impl Where {
    /// The names that JavaScript uses.
    pub const NAMES: [(&'static str, Where); 12] = [
        ("nowhere", Where::Nowhere),
        ("make", Where::Make),
        ("session", Where::Session),
        ("start", Where::Start),
        ("decode", Where::Decode),
        ("decodeEnd", Where::DecodeEnd),
        ("encode", Where::Encode),
        ("timer", Where::Timer),
        ("end", Where::End),
        ("limit", Where::Limit),
        ("drop", Where::Drop),
        ("dropProtocol", Where::DropProtocol),
    ];

    /// Panics if this is the place.
    pub(crate) fn reached(self, place: Where) {
        assert!(self != place, "asked for: {place:?}");
    }
}

/// The protocol.
#[derive(Debug, Default)]
pub struct Probe {
    /// The function that panics.
    pub panics: Where,
}

impl Protocol for Probe {
    type Session = ProbeSession;
    const NAME: &'static str = "probe";

    fn session(&self, _role: Role) -> ProbeSession {
        self.panics.reached(Where::Session);
        ProbeSession {
            panics: self.panics,
            spins: false,
            parts: 0,
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.panics.reached(Where::DropProtocol);
    }
}

/// The session of one connection.
#[derive(Debug)]
pub struct ProbeSession {
    panics: Where,
    spins: bool,
    /// How many more parts of `parts` follow.
    parts: u8,
}

impl ProbeSession {
    /// Does what a line says, which ends before `end`; its line feed stands there.
    fn line(&mut self, line: &[u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let end = line.len() + 1;
        let space = line.iter().position(|&byte| byte == b' ');
        let (command, text) = match space {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &line[line.len()..]),
        };
        let message = |io: &mut Io<'_>, kind| {
            io.kind(kind);
            Ok(Step::Message(end))
        };
        match command {
            b"echo" => {
                io.field(line.len() - text.len()..line.len());
                message(io, 1)
            }
            b"values" => {
                io.name(0..6);
                io.null();
                io.integer(-1);
                io.integer(1 << 60);
                io.double(0.5);
                io.copied("cöpied".as_bytes());
                message(io, 2)
            }
            b"reply" => {
                io.send(text);
                io.send(b"\n");
                Ok(Step::Skip(end))
            }
            b"panic" => panic!("asked for by the peer"),
            b"outside" => {
                io.field(0..end + 1);
                message(io, 1)
            }
            b"beyond" => Ok(Step::Message(usize::MAX)),
            b"nothing" => Ok(Step::Skip(0)),
            b"flood" => {
                (0..1024).for_each(|_| io.send(&[b'x'; 1 << 20]));
                Ok(Step::Skip(end))
            }
            b"drip" => {
                io.send(&vec![b'x'; number(text)?]);
                Ok(Step::Skip(end))
            }
            b"copy" => {
                io.copied(&vec![b'x'; number(text)?]);
                message(io, 3)
            }
            b"fields" => {
                (0..number(text)?).for_each(|_| io.null());
                message(io, 3)
            }
            b"parts" => {
                // The line is seen three times: two parts take a byte of it each, and the last one the rest.
                self.parts = 2;
                self.part(end, io)
            }
            b"end" => {
                io.end();
                Ok(Step::Skip(end))
            }
            b"late" => {
                io.end();
                io.send(b"late\n");
                Ok(Step::Skip(end))
            }
            b"refuse" => {
                io.send(b"sorry\n");
                Err(Error::new(ErrorKind::Refused, "refused as asked").with_number(42))
            }
            b"malformed" => {
                io.send(b"sorry\n");
                Err(Error::malformed("malformed as asked"))
            }
            b"long" => {
                io.send(b"sorry\n");
                Err(Error::too_long("too long as asked"))
            }
            b"need" => Ok(Step::Need(usize::MAX)),
            b"pause" => {
                io.kind(5);
                Ok(Step::Pause(end))
            }
            b"spin" => {
                self.spins = true;
                io.set_timer(0, 0);
                Ok(Step::Skip(end))
            }
            b"tick" => {
                let milliseconds = u32::try_from(number(text)?).unwrap_or(u32::MAX);
                io.set_timer(1, milliseconds);
                Ok(Step::Skip(end))
            }
            _ => Err(Error::malformed("an unknown command")),
        }
    }

    fn part(&mut self, left: usize, io: &mut Io<'_>) -> Result<Step, Error> {
        io.kind(4);
        io.field(0..1);
        if self.parts == 0 {
            return Ok(Step::Message(left));
        }
        self.parts -= 1;
        io.more();
        Ok(Step::Message(1))
    }
}

fn number(text: &[u8]) -> Result<usize, Error> {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok())
        .filter(|number| *number <= 1 << 30)
        .ok_or(Error::malformed("a number up to 2^30 is needed"))
}

impl Session for ProbeSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        self.panics.reached(Where::Start);
        if self.panics == Where::Timer {
            io.set_timer(0, 1);
        }
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.panics.reached(Where::Decode);
        let Some(length) = input.iter().position(|&byte| byte == b'\n') else {
            return Ok(Step::Need(0));
        };
        // Behind the first part, the line has no `p` at its front any more.
        match &input[..length] {
            b"arts" | b"rts" => self.part(length + 1, io),
            line => self.line(line, io),
        }
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.panics.reached(Where::DecodeEnd);
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        self.decode(input, io)
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        self.panics.reached(Where::Encode);
        io.send(body);
        io.send(b"\n");
        match kind {
            1 => io.resume(),
            6 => io.end(),
            2 => return Err(Error::new(ErrorKind::Refused, "not encoded, as asked")),
            _ => {}
        }
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.panics.reached(Where::Timer);
        if timer == 0 && self.spins {
            io.set_timer(0, 0);
        } else {
            io.send(b"tick\n");
        }
        Ok(())
    }

    fn end(&mut self, io: &mut Io<'_>) {
        self.panics.reached(Where::End);
        io.send(b"bye\n");
    }

    fn limit(&self) -> usize {
        self.panics.reached(Where::Limit);
        64 * 1024
    }
}

impl Drop for ProbeSession {
    fn drop(&mut self) {
        self.panics.reached(Where::Drop);
    }
}

#[cfg(test)]
mod tests {
    use edgepoll_protocol::host::{Fault, Panic};
    use edgepoll_protocol::testing::{any_cut_gives_the_same, feed, Came};
    use edgepoll_protocol::{host::Factory, Role};

    use super::*;

    fn came(wire: &[u8]) -> Came {
        let mut session = Factory::new(Probe::default()).session(Role::Server);
        feed(&mut session, [wire], usize::MAX)
    }

    #[test]
    fn what_is_well_behaved_is() {
        let wire = b"echo one\nvalues\nreply two\nparts\necho \ndrip 3\ncopy 2\nfields 3\nend\n";
        let came = any_cut_gives_the_same(Probe::default, Role::Server, wire, 20);
        let kinds: Vec<u8> = came.messages.iter().map(|message| message.kind).collect();
        assert_eq!(kinds, [1, 2, 4, 4, 4, 1, 3, 3]);
        assert_eq!(came.output, b"two\nxxx");
        assert!(came.ended);
    }

    #[test]
    fn what_misbehaves_is_a_fault() {
        for (line, fault) in [
            (
                &b"panic\n"[..],
                Fault::Panicked(Panic::new("decode", "asked for by the peer")),
            ),
            (b"outside\n", Fault::Broken),
            (b"outside\necho more\n", Fault::Broken),
            (b"beyond\n", Fault::Broken),
            (b"nothing\n", Fault::Broken),
            (b"flood\n", Fault::TooMuch),
            (b"fields 200000\n", Fault::TooMuch),
            (b"late\n", Fault::Broken),
        ] {
            assert_eq!(came(line).fault, Some(fault), "{line:?}");
        }
    }

    #[test]
    fn each_function_can_panic() {
        for (name, panics) in Where::NAMES {
            let make = || Factory::new(Probe { panics }).session(Role::Server);
            let came = match panics {
                // It panics before there is a session, or where no call can tell.
                Where::Nowhere | Where::Make | Where::Drop | Where::DropProtocol => continue,
                _ => {
                    let mut session = make();
                    let mut scratch = edgepoll_protocol::host::Scratch::default();
                    let mut results = vec![
                        session.start(&mut scratch).1,
                        session.decode(&mut scratch, &mut b"echo\n".to_vec(), 100).1,
                        session.encode(&mut scratch, 0, b"").1,
                        session.timer(&mut scratch, 1).1,
                        session.decode_end(&mut scratch, &mut [], 100).1,
                    ];
                    let _ = session.limit();
                    results.push(session.end(&mut scratch).1);
                    results
                }
            };
            let is_panic = |result: &Result<(), Fault>| matches!(result, Err(Fault::Panicked(_)));
            assert!(came.iter().any(is_panic), "{name}: {came:?}");
        }
    }

    #[test]
    fn a_destructor_that_panics_does_no_harm() {
        for panics in [Where::Drop, Where::DropProtocol] {
            drop(Factory::new(Probe { panics }).session(Role::Server));
        }
    }
}
