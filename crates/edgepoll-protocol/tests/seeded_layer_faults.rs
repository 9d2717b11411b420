//! The kit finds faults of layers: `Xor` passes, and with each of these faults it does not.

use edgepoll_protocol::testing::layer::{under, Xor, XorLayer};
use edgepoll_protocol::testing::Transcript;
use edgepoll_protocol::{Error, Io, Layer, LayerFactory, LayerIo, Protocol, Role, Session, Step};

/// What is wrong with the layer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    TakesAFinForTheEnd,
    ChangesWhatIsShownAgain,
    LosesBytes,
    Panics,
    GivesBytesThatItHasNot,
    HasNoRoom,
}

#[derive(Clone, Copy)]
struct Flawed(Flaw);

struct FlawedLayer(Flaw, XorLayer);

impl LayerFactory for Flawed {
    type Layer = FlawedLayer;
    const NAME: &'static str = "flawed";

    fn layer(&self, role: Role) -> FlawedLayer {
        FlawedLayer(self.0, Xor.layer(role))
    }
}

impl Layer for FlawedLayer {
    fn start(&mut self, io: &mut LayerIo<'_>) -> Result<(), Error> {
        self.1.start(io)
    }

    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        let consumed = self.1.receive(input, io)?;
        match self.0 {
            Flaw::ChangesWhatIsShownAgain => {
                if let [_, body @ ..] = &mut input[consumed..] {
                    body.iter_mut().for_each(|byte| *byte ^= 1);
                }
            }
            Flaw::GivesBytesThatItHasNot => io.plain(0..input.len() + 1),
            _ => {}
        }
        Ok(consumed)
    }

    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        assert!(self.0 != Flaw::Panics, "a bug");
        let lost = usize::from(self.0 == Flaw::LosesBytes);
        self.1.send(&plain[..plain.len() - lost], io)
    }

    fn end(&mut self, io: &mut LayerIo<'_>) {
        self.1.end(io);
    }

    fn peer_ended(&mut self, rest: usize) -> Result<(), Error> {
        if self.0 == Flaw::TakesAFinForTheEnd {
            return Ok(());
        }
        self.1.peer_ended(rest)
    }

    fn limit(&self) -> usize {
        if self.0 == Flaw::HasNoRoom {
            4
        } else {
            self.1.limit()
        }
    }
}

/// Each byte is a message, which is answered.
struct Echo;

impl Protocol for Echo {
    type Session = Echo;
    const NAME: &'static str = "echo";

    fn session(&self, _role: Role) -> Echo {
        Echo
    }
}

impl Session for Echo {
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        io.send(&input[..1]);
        io.field(0..1);
        Ok(Step::Message(1))
    }
}

fn check(flaw: Flaw, role: Role) {
    let wire = Transcript::new("some bytes, and ".repeat(40));
    under(|| Flawed(flaw), || Echo, role, wire);
}

#[test]
fn a_layer_without_a_flaw_passes() {
    check(Flaw::None, Role::Server);
    check(Flaw::None, Role::Client);
}

macro_rules! found {
    ($($test:ident: $flaw:ident, $message:literal;)+) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $test() {
            check(Flaw::$flaw, Role::Server);
        }
    )+};
}

found! {
    a_fin_that_counts_as_the_end_is_found: TakesAFinForTheEnd, "was taken for the end";
    a_change_of_what_is_shown_again_is_found: ChangesWhatIsShownAgain, "flawed under echo: seed";
    bytes_that_are_lost_are_found: LosesBytes, "flawed under echo: seed";
    a_panic_is_found: Panics, "flawed: it panicked in send: a bug";
    a_range_outside_the_input_is_found: GivesBytesThatItHasNot, "flawed: it gave a range outside the input";
    too_low_a_limit_is_found: HasNoRoom, "bytes wait, and limit() is 4";
}
