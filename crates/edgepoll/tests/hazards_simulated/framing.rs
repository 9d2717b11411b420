//! Frames through the reactor: any chunking, small inboxes, limits, the rest at the end.
use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::{Faults, SimulatedKernel};
use edgepoll::protocol::{Codec, CodecError, Frame, Lines};
use edgepoll::reactor::{Budget, ListenOptions};

use crate::inbox::Kept;
use crate::{healthy, Bench};

fn lines(limit: usize) -> ListenOptions {
    ListenOptions {
        codec: Box::new(move || Box::new(Lines::new(limit))),
        ..ListenOptions::default()
    }
}

const TEXT: &[u8] =
    b"one\r\n\ntwo\nthree\r\r\n\r\na longer line than the others\n1\n2\n3\n4\n5\n6\n7\n8\n9\nlast";

fn expected() -> Vec<Vec<u8>> {
    let mut lines: Vec<&[u8]> = vec![
        b"one",
        b"",
        b"two",
        b"three\r",
        b"",
        b"a longer line than the others",
    ];
    lines.extend([b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"9"].map(|line| &line[..]));
    lines.push(b"last");
    lines.iter().map(|line| line.to_vec()).collect()
}

#[test]
fn lines_codec_any_chunking() {
    for piece in 1..=TEXT.len() {
        for (space, room) in [(1, 100), (7, 8), (100, 8), (100, 9), (100, 100)] {
            let kernel = SimulatedKernel::new(1, Faults::none());
            let mut bench = Bench::with(kernel, Budget::default(), Kept::new(room, space));
            bench.listen(lines(100));
            let (peer, token) = bench.client();
            for bytes in TEXT.chunks(piece) {
                bench.kernel().peer_send(peer, bytes);
                bench.rest();
            }
            bench.kernel().peer_finish(peer);
            bench.rest();
            assert_eq!(
                bench.frames(token),
                expected(),
                "pieces of {piece}, space {space}, room {room}"
            );
            assert!(bench.ended(token));
        }
    }
}

#[test]
fn frame_limit_closes() {
    let mut bench = healthy(Budget::default(), 10);
    bench.listen(lines(20));
    let (peer, token) = bench.client();
    bench.kernel().peer_send(
        peer,
        b"short\nthis line is longer than twenty bytes and never ends",
    );
    bench.rest();
    assert_eq!(bench.frames(token), [b"short"]);
    let broken = CloseReason::Protocol(CodecError::FrameTooLong { limit: 20 });
    assert_eq!(bench.closed(token), Some(broken));
    assert!(!bench.ended(token));
    assert!(
        bench.kernel().view(peer).unread > 0,
        "it read on after the limit"
    );
}

#[test]
fn part_of_a_line_before_a_reset_is_no_line() {
    for send_first in [false, true] {
        let mut bench = healthy(Budget::default(), 100);
        bench.listen(lines(100));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, b"whole\ncut o");
        bench.kernel().peer_reset(peer);
        if send_first {
            bench.reactor.write(token, b"x", false).unwrap_err();
        }
        bench.rest();
        assert_eq!(bench.frames(token), [b"whole"], "send first: {send_first}");
        assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
    }
}

#[test]
fn frames_kept_back_by_a_pause_come_before_the_reset() {
    let kernel = SimulatedKernel::new(1, Faults::none());
    let mut bench = Bench::with(kernel, Budget::default(), Kept::new(9, 1_000));
    bench.listen(lines(100));
    let (peer, token) = bench.client();
    bench
        .kernel()
        .peer_send(peer, b"1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    bench.turn(None);
    bench.reactor.pause(token);
    let kept_back = 9 - bench.frames(token).len();
    assert!(kept_back > 0, "the inbox held everything");
    bench.kernel().peer_reset(peer);
    bench.rest();
    assert_eq!(bench.closed(token), None);
    bench.reactor.resume(token);
    bench.rest();
    assert_eq!(bench.frames(token).len(), 9);
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

/// Waits for a frame that never comes, and gives what is left in pieces of one byte at the end.
struct Waits {
    limit: usize,
}

impl Codec for Waits {
    fn decode(&mut self, _input: &[u8]) -> Result<Option<Frame>, CodecError> {
        Ok(None)
    }

    fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
        Ok((!input.is_empty()).then_some(Frame {
            body: 0..1,
            consumed: 1,
        }))
    }

    fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError> {
        output.extend_from_slice(message);
        Ok(())
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

fn waits(limit: usize) -> ListenOptions {
    ListenOptions {
        codec: Box::new(move || Box::new(Waits { limit })),
        ..ListenOptions::default()
    }
}

#[test]
fn a_codec_that_waits_for_ever_is_stopped_at_its_limit() {
    for space in [1, 7, 20, 100] {
        let mut bench = healthy(Budget::default(), space);
        bench.listen(waits(20));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, &[0; 20]);
        bench.rest();
        assert_eq!(bench.closed(token), None, "space {space}: at its limit");
        bench.kernel().peer_send(peer, &[0; 1_000]);
        bench.rest();
        let broken = CloseReason::Protocol(CodecError::FrameTooLong { limit: 20 });
        assert_eq!(bench.closed(token), Some(broken), "space {space}");
        assert!(
            bench.kernel().view(peer).unread >= 1_000 - space,
            "space {space}: it took more than one receive beyond the limit"
        );
    }
}

#[test]
fn frames_at_the_end_wait_for_room_as_all_others() {
    for room in [8, 9, 100] {
        let kernel = SimulatedKernel::new(1, Faults::none());
        let mut bench = Bench::with(kernel, Budget::default(), Kept::new(room, 100));
        bench.listen(waits(20));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, b"12345678901234567890");
        bench.kernel().peer_finish(peer);
        bench.rest();
        assert_eq!(bench.closed(token), None, "room {room}");
        assert_eq!(bench.frames(token).len(), 20, "room {room}");
        assert!(bench.ended(token), "room {room}");
    }
}

#[test]
fn frames_at_the_end_that_wait_are_thrown_away_with_the_rest() {
    let kernel = SimulatedKernel::new(1, Faults::none());
    let mut bench = Bench::with(kernel, Budget::default(), Kept::new(9, 100));
    bench.listen(waits(20));
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"12345678901234567890");
    bench.kernel().peer_finish(peer);
    bench.turn(None);
    bench.reactor.pause(token);
    let given = bench.frames(token).len();
    assert!((1..20).contains(&given), "{given} at once");
    bench.rest();
    assert_eq!(bench.frames(token).len(), given, "while it was paused");
    bench.reactor.end_and_discard(token);
    bench.rest();
    assert_eq!(bench.frames(token).len(), given, "after it was left");
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn the_memory_of_a_large_message_is_not_kept() {
    let mut bench = healthy(Budget::default(), 10);
    bench.listen(lines(1024 * 1024));
    let (_peer, token) = bench.client();
    let written = bench.reactor.write(token, &vec![b'a'; 512 * 1024], false);
    assert!(written.is_ok());
    bench.rest();
}
