//! Feeds a session with bytes, as a reactor does, and compares the outcomes of different cuts.

#![allow(clippy::panic, reason = "these functions are assertions of tests")]

use crate::host::{Factory, Fault, Handle, Scratch};
use crate::message::{Field, Messages};
use crate::{Protocol, Role};

/// A field that a session gave.
#[derive(Clone, Debug, PartialEq)]
pub enum SeenField {
    /// Bytes.
    Bytes(Vec<u8>),
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
}

/// A message that a session gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its kind.
    pub kind: u8,
    /// Whether the next message continues it.
    pub continues: bool,
    /// Its fields.
    pub fields: Vec<SeenField>,
}

/// Everything that one connection gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Came {
    /// The messages, in order.
    pub messages: Vec<Seen>,
    /// What the session sent.
    pub output: Vec<u8>,
    /// How it failed.
    pub fault: Option<Fault>,
    /// The session paused at the last message.
    pub paused: bool,
    /// The session ended its side.
    pub ended: bool,
}

impl Came {
    fn take(&mut self, scratch: &Scratch, consumed: &[u8]) {
        let mut body = consumed.to_vec();
        body.extend_from_slice(scratch.made());
        for message in Messages::new(scratch.table(), &body) {
            let own = |field| match field {
                Field::Bytes(bytes) => SeenField::Bytes(bytes.to_vec()),
                Field::Null => SeenField::Null,
                Field::Integer(value) => SeenField::Integer(value),
                Field::Double(value) => SeenField::Double(value),
            };
            self.messages.push(Seen {
                kind: message.kind(),
                continues: message.continues(),
                fields: message.fields().map(own).collect(),
            });
        }
        self.output.extend_from_slice(scratch.output());
    }
}

/// Feeds a session with the pieces, and then with the end of the stream. `table_limit` bounds how many numbers one call may give.
///
/// Stops at the first fault, pause or end.
#[must_use]
pub fn feed<'a>(
    session: &mut Handle,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    table_limit: usize,
) -> Came {
    let (mut scratch, mut came) = (Scratch::default(), Came::default());
    let (mut rest, mut need) = (Vec::new(), 0);
    let (_, started) = session.start(&mut scratch);
    came.take(&scratch, &[]);
    came.fault = started.err();
    for piece in pieces {
        rest.extend_from_slice(piece);
        while came.fault.is_none() && rest.len() >= need && !rest.is_empty() {
            let (outcome, result) = session.decode(&mut scratch, &mut rest, table_limit);
            came.take(&scratch, &rest[..outcome.consumed]);
            rest.drain(..outcome.consumed);
            came.fault = result.err();
            came.ended |= outcome.ends;
            need = outcome.need.max(rest.len() + 1);
            if outcome.pauses {
                came.paused = true;
            }
            if !outcome.is_full {
                break;
            }
            need = 0;
        }
        if came.fault.is_some() || came.paused || came.ended {
            return came;
        }
        if rest.len() > session.limit().saturating_add(piece.len()) {
            panic!(
                "{} bytes wait, and the limit is {}",
                rest.len(),
                session.limit()
            );
        }
    }
    loop {
        let (outcome, result) = session.decode_end(&mut scratch, &mut rest, table_limit);
        came.take(&scratch, &rest[..outcome.consumed]);
        rest.drain(..outcome.consumed);
        came.fault = result.err();
        came.ended |= outcome.ends;
        came.paused |= outcome.pauses;
        if !outcome.is_full || came.fault.is_some() {
            return came;
        }
    }
}

/// A generator of pseudo-random numbers (xorshift64).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

fn session_of<P: Protocol>(make: &impl Fn() -> P, role: Role) -> Handle {
    Factory::new(make()).session(role)
}

/// Checks that the same bytes, cut in any way, give the same messages, output and end: whole, byte by byte, message by message, in two
/// at each place, and in `seeds` random ways. Returns what they give.
///
/// # Panics
/// If a cut gives something else.
pub fn any_cut_gives_the_same<P: Protocol>(
    make: impl Fn() -> P,
    role: Role,
    wire: &[u8],
    seeds: u64,
) -> Came {
    let run =
        |pieces: Vec<&[u8]>, table_limit| feed(&mut session_of(&make, role), pieces, table_limit);
    let whole = run(vec![wire], usize::MAX);
    assert_eq!(
        run(wire.chunks(1).collect(), usize::MAX),
        whole,
        "{}: cut byte by byte",
        P::NAME
    );
    assert_eq!(run(vec![wire], 1), whole, "{}: message by message", P::NAME);
    for cut in 1..wire.len() {
        let (one, two) = wire.split_at(cut);
        assert_eq!(
            run(vec![one, two], usize::MAX),
            whole,
            "{}: cut at {cut}",
            P::NAME
        );
    }
    for seed in 0..seeds {
        let mut random = Random::new(seed);
        let (mut rest, mut pieces) = (wire, Vec::new());
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(1 + random.below(rest.len()));
            pieces.push(piece);
            rest = others;
        }
        assert_eq!(
            run(pieces, usize::MAX),
            whole,
            "{}: cut with seed {seed}",
            P::NAME
        );
    }
    whole
}

/// Checks that no bytes make the protocol panic or break its contract: `like` with up to four changed bytes, in `seeds` ways.
///
/// # Panics
/// If a session panics, gives a range outside the input, or consumes nothing.
pub fn survives<P: Protocol>(make: impl Fn() -> P, role: Role, seeds: u64, like: &[u8]) {
    for seed in 0..seeds {
        let mut random = Random::new(seed);
        let mut wire = like.to_vec();
        for _ in 0..=seed % 4 {
            let at = random.below(wire.len());
            wire[at] = random.below(256) as u8;
        }
        let pieces = wire.chunks(1 + random.below(wire.len()));
        let came = feed(&mut session_of(&make, role), pieces, usize::MAX);
        if let Some(fault @ (Fault::Panicked | Fault::Broken | Fault::TooMuch)) = came.fault {
            panic!("{}: seed {seed}: {fault:?}", P::NAME);
        }
    }
}
