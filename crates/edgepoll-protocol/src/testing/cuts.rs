//! The same bytes give the same, however they are cut.

use std::borrow::BorrowMut;

use super::came::Came;
use super::endpoint::{assert_sound, Endpoint};
use super::random::Random;
use super::transcript::Transcript;
use crate::host::Handle;
use crate::{Protocol, Role};

/// So many places of a transcript are tried at most, and so many bytes are fed for them at most.
const MOST_PLACES: usize = 2000;
const MOST_BYTES: usize = 8 << 20;

/// The places at which a transcript is cut in two: each, or some of a long one.
pub(super) fn places(length: usize) -> impl Iterator<Item = usize> {
    let most = MOST_PLACES.min(MOST_BYTES / length.max(1)).max(1);
    (1..length).step_by(length.div_ceil(most).max(1))
}

/// The bytes in pieces of random lengths.
pub(super) fn pieces<'a>(wire: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (wire, Vec::new());
    // Some runs have short pieces, and some long ones.
    let longest = 1 + random.below(wire.len().max(1));
    while !rest.is_empty() {
        let (piece, others) = rest.split_at(1 + random.below(rest.len().min(longest)));
        pieces.push(piece);
        rest = others;
    }
    pieces
}

/// Feeds a session with the pieces, and then with the end of the stream. `table_limit` bounds how many numbers one call may give.
///
/// Stops at the first fault or pause.
#[must_use]
pub fn feed<'a>(
    session: impl BorrowMut<Handle>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    table_limit: usize,
) -> Came {
    let endpoint = Endpoint::with_session("the session", session, &Transcript::default());
    endpoint.table_limit(table_limit).run(pieces, 0)
}

/// Checks that the same bytes, cut in any way, give the same messages, output, timers and end: whole, byte by byte, message by
/// message, in two at each place (at some places of a long one), and in `seeds` random ways. Returns what they give.
///
/// Byte by byte, the input is also shown before it has as many bytes as the session needs, which must then take none.
///
/// # Panics
/// If a cut gives something else, or the session panics or breaks its contract.
pub fn any_cut_gives_the_same<P: Protocol>(
    make: impl Fn() -> P,
    role: Role,
    transcript: impl Into<Transcript>,
    seeds: u64,
) -> Came {
    let transcript = transcript.into();
    let (wire, wait) = (transcript.wire.as_slice(), transcript.wait);
    let end = || Endpoint::new(make(), role, &transcript);
    let whole = end().run([wire], wait);
    assert_sound(P::NAME, "whole", &whole);
    let same = |came: Came, how: &dyn Fn() -> String| {
        assert_sound(P::NAME, &how(), &came);
        assert_eq!(came, whole, "{}: {}", P::NAME, how());
    };
    same(end().run(wire.chunks(1), wait), &|| {
        "cut byte by byte".into()
    });
    same(end().shows_early().run(wire.chunks(1), wait), &|| {
        "shown byte by byte".into()
    });
    same(end().table_limit(1).run([wire], wait), &|| {
        "message by message".into()
    });
    for cut in places(wire.len()) {
        let (one, two) = wire.split_at(cut);
        same(end().run([one, two], wait), &|| format!("cut at {cut}"));
    }
    for seed in 0..seeds {
        let pieces = pieces(wire, &mut Random::new(seed));
        same(end().run(pieces, wait), &|| format!("cut with seed {seed}"));
    }
    whole
}

/// Checks what a session does when the connection stops at any place: what it gave by then is the beginning of what the whole gives,
/// and it neither panics nor breaks its contract when the peer or the owner ends there, or nothing comes for an hour.
///
/// # Panics
/// If a check fails.
pub fn may_stop_anywhere<P: Protocol>(
    make: impl Fn() -> P,
    role: Role,
    transcript: impl Into<Transcript>,
) {
    let transcript = transcript.into();
    let wire = transcript.wire.as_slice();
    let whole = Endpoint::new(make(), role, &transcript).run([wire], transcript.wait);
    for cut in places(wire.len() + 1) {
        let (first, second) = wire.split_at(cut - 1);
        let begun = || {
            let mut end = Endpoint::new(make(), role, &transcript);
            end.start();
            end.receive(first);
            end
        };
        let name = |what: &str| format!("{what} behind {} bytes", first.len());

        let mut peer = begun();
        assert!(
            peer.came.is_beginning_of(&whole),
            "{}: {} bytes give what all bytes do not: {:?}",
            P::NAME,
            first.len(),
            peer.came
        );
        peer.finish();
        assert_sound(P::NAME, &name("the peer's end"), &peer.came);

        let mut owner = begun();
        owner.end();
        owner.receive(second);
        owner.wait(HOUR);
        owner.finish();
        assert_sound(P::NAME, &name("the owner's end"), &owner.came);

        let mut nothing = begun();
        nothing.wait(HOUR);
        assert_sound(P::NAME, &name("an hour"), &nothing.came);
        nothing.receive(second);
        nothing.finish();
        assert_sound(P::NAME, &name("an hour, and then the rest,"), &nothing.came);
    }
}

const HOUR: u64 = 3_600_000;
