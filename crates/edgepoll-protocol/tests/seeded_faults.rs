//! The kit finds faults: a small protocol passes all checks, and with each of these faults it does not.

use edgepoll_protocol::testing::{check, Counted, SeenField, Transcript};
use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

#[global_allocator]
static MEMORY: Counted = Counted;

/// What is wrong with the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    KeepsBytes,
    ConsumesTooMuch,
    TakesAPartForTheWhole,
    Panics,
    PanicsAtTheEnd,
    RemembersMessages,
    CollectsAnUnfinishedMessage,
    RangeOutside,
    RepliesAfterItsEnd,
    ConsumesNothing,
    NeedsTooMuch,
    NeedsMoreThanItsLimit,
    RearmsATimerAtOnce,
    SendsWithoutBound,
    ChangesWhatIsShownAgain,
}

/// One byte says what comes. `P`: a ping, which the session answers. `M`: a message, masked with 0x20, behind its length. `C`: a comment
/// up to a line feed. `U`: the owner is asked before anything more is decoded. `Q`: the session ends its side.
#[derive(Clone, Copy)]
struct Small(Flaw);

struct SmallSession {
    flaw: Flaw,
    kept: Vec<u8>,
    in_comment: bool,
    has_ended: bool,
}

impl Protocol for Small {
    type Session = SmallSession;
    const NAME: &'static str = "small";

    fn session(&self, _role: Role) -> SmallSession {
        SmallSession {
            flaw: self.0,
            kept: Vec::new(),
            in_comment: false,
            has_ended: false,
        }
    }
}

impl SmallSession {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn message(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if self.has(Flaw::Panics) {
            assert!(input.len() > 1, "no length");
        }
        let Some(&length) = input.get(1) else {
            return Ok(Step::Need(2));
        };
        let mut end = 2 + usize::from(length);
        if length > 40 && !self.has(Flaw::NeedsMoreThanItsLimit) {
            return Err(Error::too_long("at most 40 bytes"));
        }
        if self.has(Flaw::TakesAPartForTheWhole) {
            end = end.min(input.len());
        }
        let Some(body) = input.get_mut(2..end) else {
            if self.has(Flaw::ChangesWhatIsShownAgain) {
                for byte in &mut input[2..] {
                    *byte ^= 0x20;
                }
            }
            if self.has(Flaw::KeepsBytes) {
                self.kept.extend_from_slice(&input[2..]);
            }
            return Ok(Step::Need(end + usize::from(self.has(Flaw::NeedsTooMuch))));
        };
        for byte in &mut *body {
            *byte ^= 0x20;
        }
        if self.has(Flaw::RemembersMessages) {
            self.kept.extend_from_slice(body);
        }
        io.kind(1);
        if self.has(Flaw::KeepsBytes) && !self.kept.is_empty() {
            self.kept.extend_from_slice(&input[2..end]);
            io.copied(&self.kept);
            self.kept.clear();
            return Ok(Step::Message(end));
        }
        io.field(2..end + usize::from(self.has(Flaw::RangeOutside)));
        if self.has(Flaw::ConsumesTooMuch) && input.len() > end {
            end += 1;
        }
        Ok(Step::Message(end))
    }

    fn comment(&mut self, input: &[u8]) -> Step {
        let end = input.iter().position(|&byte| byte == b'\n');
        let consumed = end.map_or(input.len(), |end| end + 1);
        self.in_comment = end.is_none();
        if self.has(Flaw::CollectsAnUnfinishedMessage) {
            self.kept.extend_from_slice(&input[..consumed]);
            if end.is_some() {
                self.kept = Vec::new();
            }
        }
        Step::Skip(consumed)
    }

    fn answer(&mut self, reply: &[u8], io: &mut Io<'_>) {
        if !self.has_ended || self.has(Flaw::RepliesAfterItsEnd) {
            io.send(reply);
        }
    }
}

impl Session for SmallSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        io.set_timer(0, 1000);
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if self.in_comment {
            return Ok(self.comment(input));
        }
        match input[0] {
            b'P' => {
                self.answer(b"p", io);
                if self.has(Flaw::SendsWithoutBound) {
                    (0..1000).for_each(|_| self.answer(&[0; 1 << 20], io));
                }
                Ok(Step::Skip(1))
            }
            b'M' => self.message(input, io),
            b'C' => Ok(self.comment(input)),
            b'U' => {
                io.kind(2);
                Ok(Step::Pause(1))
            }
            b'Q' => {
                self.answer(b"q", io);
                self.has_ended = true;
                io.end();
                Ok(Step::Skip(1))
            }
            _ if self.has(Flaw::ConsumesNothing) => Ok(Step::Skip(0)),
            _ => Err(Error::malformed("an unknown byte")),
        }
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        let step = self.decode(input, io)?;
        let is_need = matches!(step, Step::Need(_));
        assert!(
            !is_need || !self.has(Flaw::PanicsAtTheEnd),
            "half a message"
        );
        Ok(step)
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        self.answer(body, io);
        if kind == 2 {
            io.resume();
        }
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        let is_at_once = self.has(Flaw::RearmsATimerAtOnce);
        io.set_timer(timer, if is_at_once { 0 } else { 1000 });
        Ok(())
    }

    fn limit(&self) -> usize {
        64
    }
}

fn transcripts() -> [Transcript; 3] {
    [
        Transcript::new("PM\x02HIC a comment\nPM\x00PQPM\x01!").wait(10_000),
        Transcript::new("PUM\x01!UP")
            .answer(2, "ok")
            .answer(2, "again"),
        Transcript::new("M\x08ABCDEFGHx"),
    ]
}

#[test]
fn a_protocol_without_a_flaw_passes() {
    let came = check(|| Small(Flaw::None), Role::Server, transcripts());
    assert_eq!(came[0].messages.len(), 3);
    assert_eq!(
        came[0].messages[0].fields,
        [SeenField::Bytes(b"hi".to_vec())]
    );
    assert_eq!(came[0].output, b"pppq");
    assert_eq!(came[0].timers, [Some(1000), None, None, None]);
    assert_eq!(came[1].messages.len(), 3);
    assert_eq!(came[1].output, b"pokagainp");
    assert!(came[2].fault.is_some());
}

macro_rules! found {
    ($($test:ident: $flaw:ident, $message:literal;)+) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $test() {
            check(|| Small(Flaw::$flaw), Role::Server, transcripts());
        }
    )+};
}

found! {
    bytes_that_are_kept_are_found: KeepsBytes, "shown byte by byte";
    a_wrong_number_of_consumed_bytes_is_found: ConsumesTooMuch, "cut byte by byte";
    a_result_that_depends_on_the_cut_is_found: TakesAPartForTheWhole, "cut byte by byte";
    a_panic_is_found: Panics, "it panicked in decode: ";
    a_panic_at_the_peers_end_is_found: PanicsAtTheEnd, "the peer's end behind 2 bytes: it panicked in decode_end: ";
    memory_that_grows_with_messages_is_found: RemembersMessages, "a repeated message: its memory grew";
    memory_that_grows_without_a_message_is_found: CollectsAnUnfinishedMessage, "its memory grew";
    a_range_outside_the_input_is_found: RangeOutside, "it gave a range outside the input";
    a_reply_after_the_end_is_found: RepliesAfterItsEnd, "sent after its end";
    a_step_that_consumes_nothing_is_found: ConsumesNothing, "consumed nothing";
    a_need_that_is_too_large_is_found: NeedsTooMuch, "it asked for 5 bytes, and was shown 4, of which it took 4";
    a_need_beyond_the_limit_is_found: NeedsMoreThanItsLimit, "bytes, and limit() is 64";
    a_timer_without_end_is_found: RearmsATimerAtOnce, "timer 0 expired 1000 times";
    replies_without_bound_are_found: SendsWithoutBound, "it sent too much at once";
    a_change_of_what_is_shown_again_is_found: ChangesWhatIsShownAgain, "shown byte by byte";
}
