//! No bytes make a protocol panic or break its contract.

use super::came::{Came, Seen};
use super::cuts::pieces;
use super::endpoint::{assert_sound, Endpoint, Long};
use super::random::Random;
use super::transcript::Transcript;
use crate::{Protocol, Role};

/// Numbers that protocols tend to mistake: the ends of the ranges of integers, and characters with a meaning.
const TELLING: [&[u8]; 14] = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\r\n",
    b"\n",
    b"-1",
    b"99999999999999999999",
    b":",
    b"\xc3\x28",
];

/// Damages bytes: some are changed, removed, repeated, or replaced by numbers that protocols tend to mistake.
pub(super) fn damage(wire: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(wire.len() + 1);
    let length = random.below((wire.len() - at).min(32) + 1);
    match random.below(8) {
        0 if at < wire.len() => wire[at] = random.byte(),
        1 if at < wire.len() => wire[at] ^= 1 << random.below(8),
        2 => drop(wire.drain(at..at + length)),
        3 => {
            let part = wire[at..at + length].to_vec();
            let to = random.below(wire.len() + 1);
            drop(wire.splice(to..to, part));
        }
        4 => {
            let part = TELLING[random.below(TELLING.len())];
            let until = wire.len().min(at + part.len());
            drop(wire.splice(at..until, part.iter().copied()));
        }
        5 => {
            let part = TELLING[random.below(TELLING.len())];
            drop(wire.splice(at..at, part.iter().copied()));
        }
        6 => wire.truncate(at),
        _ => {
            let part: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            drop(wire.splice(at..at, part));
        }
    }
}

/// Checks that no bytes make the protocol panic or break its contract: `like` with up to four kinds of damage, in `seeds` ways, each cut
/// in two ways, which must give the same
/// messages, and both an error or none.
///
/// # Panics
/// If a session panics, breaks its contract, or gives something else for another cut.
pub fn survives<P: Protocol>(
    make: impl Fn() -> P,
    role: Role,
    seeds: u64,
    like: impl Into<Transcript>,
) {
    let like = like.into();
    for seed in 0..seeds {
        let mut random = Random::new(seed);
        let mut wire = like.wire.clone();
        for _ in 0..=seed % 4 {
            damage(&mut wire, &mut random);
        }
        run_twice(
            &make,
            role,
            &like.with_wire(wire),
            &mut random,
            &format!("seed {seed}"),
        );
    }
}

/// Runs damaged bytes whole and cut.
pub(super) fn run_twice<P: Protocol>(
    make: &impl Fn() -> P,
    role: Role,
    transcript: &Transcript,
    random: &mut Random,
    what: &str,
) {
    let end = || Endpoint::new(make(), role, transcript).long(Long::Ends);
    let whole = end().run([transcript.wire.as_slice()], transcript.wait);
    assert_sound(P::NAME, what, &whole);
    let cut = end().run(pieces(&transcript.wire, random), transcript.wait);
    assert_sound(P::NAME, what, &cut);
    assert_eq!(
        told(&cut),
        told(&whole),
        "{}: {what}, cut: {:02x?}",
        P::NAME,
        transcript.wire
    );
}

/// What must not depend on the cut. If the bytes break two rules, it may depend on the cut which of them is found, and so may what
/// the session says of it.
pub(super) fn told(came: &Came) -> (&[Seen], Option<&[u8]>) {
    let output = came.fault.is_none().then_some(came.output.as_slice());
    (&came.messages, output)
}
