//! A session's memory does not grow with what its connection has carried.

use super::endpoint::{assert_sound, Endpoint, Long};
use super::transcript::Transcript;
use crate::host::Counted;
use crate::{Protocol, Role};

/// A connection carries at least so many bytes in this test, and at most so many. Between them, 16 times the limit of the session.
const LEAST: usize = 2 << 20;
const MOST: usize = 64 << 20;
/// The length of one receive.
const PIECE: usize = 16 * 1024;
/// So many messages are repeated, and so many unfinished ones are continued.
const TRIED: usize = 8;

/// Checks that the memory of a session does not grow while messages of the transcript come again and again, nor while a message of it is
/// not finished. It counts the session's memory alone, so [`Counted`] must be the test's allocator. Buffers of the host are bounded by
/// [`Session::limit`](crate::Session::limit).
///
/// If the protocol has options that let a session assemble long messages, give it low ones here.
///
/// # Panics
/// If the session's memory grows, if it panics or breaks its contract, or if the allocator is another one.
pub fn does_not_grow<P: Protocol>(
    make: impl Fn() -> P,
    role: Role,
    transcript: impl Into<Transcript>,
) {
    assert!(
        Counted::is_installed(),
        "this check counts memory. Add to the test: \
         #[global_allocator] static MEMORY: edgepoll_protocol::testing::Counted = edgepoll_protocol::testing::Counted;"
    );
    let transcript = transcript.into();
    let wire = transcript.wire.as_slice();
    let ends = ends_of_messages(&make, role, &transcript);

    for (start, end) in some(
        &ends
            .windows(2)
            .map(|ends| (ends[0], ends[1]))
            .collect::<Vec<_>>(),
    ) {
        let repeated = &wire[start..end];
        grows_with(
            &make,
            role,
            &transcript,
            &wire[..end],
            repeated,
            "a repeated message",
        );
    }
    grows_with(
        &make,
        role,
        &transcript,
        wire,
        wire,
        "the repeated transcript",
    );
    for cut in some(&(0..=wire.len()).collect::<Vec<_>>()) {
        for filler in [b"\0", b"a", b"0", b"\xff"] {
            let what = format!("{filler:02x?} without end behind {cut} bytes");
            grows_with(&make, role, &transcript, &wire[..cut], filler, &what);
        }
    }
}

/// Some of the items, the last one among them.
fn some<T: Copy>(items: &[T]) -> impl Iterator<Item = T> + '_ {
    items
        .iter()
        .rev()
        .step_by(items.len().div_ceil(TRIED).max(1))
        .copied()
}

/// Where the messages of a transcript end, with 0 before them.
fn ends_of_messages<P: Protocol>(
    make: &impl Fn() -> P,
    role: Role,
    transcript: &Transcript,
) -> Vec<usize> {
    let mut end = Endpoint::new(make(), role, transcript);
    end.start();
    let mut ends = vec![0];
    for byte in transcript.wire.chunks(1) {
        end.receive(byte);
        if end.consumed > ends[ends.len() - 1] {
            ends.push(end.consumed);
        }
    }
    ends
}

fn grows_with<P: Protocol>(
    make: &impl Fn() -> P,
    role: Role,
    transcript: &Transcript,
    first: &[u8],
    then: &[u8],
    what: &str,
) {
    let mut end = Endpoint::new(make(), role, transcript)
        .long(Long::Ends)
        .keeps_nothing();
    end.start();
    end.receive(first);
    let total = end.limit().saturating_mul(16).clamp(LEAST, MOST);
    let piece = then.repeat((PIECE / then.len().max(1)).max(1));
    if piece.is_empty() {
        return;
    }
    let (mut carried, mut half) = (0, None);
    while carried < total && !end.is_stopped() {
        end.receive(&piece);
        carried += piece.len();
        if carried * 2 >= total {
            half.get_or_insert((end.held(), carried));
        }
    }
    assert_sound(P::NAME, what, &end.came);
    let (held, at) = half.unwrap_or((end.held(), carried));
    let growth = end.held() - held;
    assert!(
        growth < ((carried - at) / 32).cast_signed().max(1),
        "{}: {what}: its memory grew by {growth} bytes while {} bytes came, to {} bytes",
        P::NAME,
        carried - at,
        end.held()
    );
}
