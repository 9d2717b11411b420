//! Frames through the reactor: every chunking, small inboxes, limits, and what is left at the end.
use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::{Faults, Peer, SimulatedKernel};
use edgepoll::protocol::{
    Error, ErrorKind, Factory, Fault, Io, Lines, Protocol, Role, Session, Step,
};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::{Errno, Token};

use crate::inbox::{Item, RecordingInbox};
use crate::{without_faults, Bench};

pub(crate) fn lines(limit: usize) -> ListenOptions {
    ListenOptions {
        protocol: Some(Rc::new(Factory::new(Lines::new(limit)))),
        ..ListenOptions::default()
    }
}

fn is_too_long(reason: Option<&CloseReason>) -> bool {
    let Some(CloseReason::Protocol(error)) = reason else {
        return false;
    };
    matches!(&error.fault, Fault::Error(error) if error.kind() == ErrorKind::TooLong)
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
            let mut bench =
                Bench::with(kernel, Budget::default(), RecordingInbox::new(room, space));
            bench.listen(lines(100));
            let (peer, token) = bench.client();
            for bytes in TEXT.chunks(piece) {
                bench.kernel().peer_send(peer, bytes);
                bench.run_until_idle();
            }
            bench.kernel().peer_finish(peer);
            bench.run_until_idle();
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
    let mut bench = without_faults(Budget::default(), 10);
    bench.listen(lines(20));
    let (peer, token) = bench.client();
    bench.kernel().peer_send(
        peer,
        b"short\nthis line is longer than twenty bytes and never ends",
    );
    bench.run_until_idle();
    assert_eq!(bench.frames(token), [b"short"]);
    assert!(is_too_long(bench.closed(token).as_ref()));
    assert!(!bench.ended(token));
    assert!(
        bench.kernel().view(peer).unread > 0,
        "the reactor read on after the limit"
    );
}

#[test]
fn part_of_a_line_before_a_reset_is_no_line() {
    for send_first in [false, true] {
        let mut bench = without_faults(Budget::default(), 100);
        bench.listen(lines(100));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, b"whole\ncut o");
        bench.kernel().peer_reset(peer);
        if send_first {
            bench.reactor.write(token, b"x", false).unwrap_err();
        }
        bench.run_until_idle();
        assert_eq!(bench.frames(token), [b"whole"], "send first: {send_first}");
        assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
    }
}

#[test]
fn frames_kept_back_by_a_pause_come_before_the_reset() {
    let kernel = SimulatedKernel::new(1, Faults::none());
    let mut bench = Bench::with(kernel, Budget::default(), RecordingInbox::new(9, 1_000));
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
    bench.run_until_idle();
    assert_eq!(bench.closed(token), None);
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), 9);
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

/// A protocol that finds no frame before the end. At the end it returns each remaining byte as a frame.
#[derive(Clone)]
struct NeverComplete {
    limit: usize,
}

impl Protocol for NeverComplete {
    type Session = NeverComplete;
    const NAME: &'static str = "never complete";

    fn session(&self, _role: Role) -> NeverComplete {
        self.clone()
    }
}

impl Session for NeverComplete {
    const FRAMES: bool = true;

    fn decode(&mut self, _input: &mut [u8], _io: &mut Io<'_>) -> Result<Step, Error> {
        Ok(Step::Need(0))
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        io.field(0..1);
        Ok(Step::Message(1))
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

fn never_complete(limit: usize) -> ListenOptions {
    ListenOptions {
        protocol: Some(Rc::new(Factory::new(NeverComplete { limit }))),
        ..ListenOptions::default()
    }
}

#[test]
fn a_protocol_that_waits_for_ever_is_stopped_at_its_limit() {
    for space in [1, 7, 20, 100] {
        let mut bench = without_faults(Budget::default(), space);
        bench.listen(never_complete(20));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, &[0; 20]);
        bench.run_until_idle();
        assert_eq!(bench.closed(token), None, "space {space}: at its limit");
        bench.kernel().peer_send(peer, &[0; 1_000]);
        bench.run_until_idle();
        assert!(is_too_long(bench.closed(token).as_ref()), "space {space}");
        assert!(
            bench.kernel().view(peer).unread >= 1_000 - space,
            "space {space}: it took more than one receive beyond the limit"
        );
    }
}

#[test]
fn frames_at_the_end_wait_for_room_like_other_frames() {
    for room in [8, 9, 100] {
        let kernel = SimulatedKernel::new(1, Faults::none());
        let mut bench = Bench::with(kernel, Budget::default(), RecordingInbox::new(room, 100));
        bench.listen(never_complete(20));
        let (peer, token) = bench.client();
        bench.kernel().peer_send(peer, b"12345678901234567890");
        bench.kernel().peer_finish(peer);
        bench.run_until_idle();
        assert_eq!(bench.closed(token), None, "room {room}");
        assert_eq!(bench.frames(token).len(), 20, "room {room}");
        assert!(bench.ended(token), "room {room}");
    }
}

#[test]
fn waiting_frames_at_the_end_are_discarded_with_the_rest() {
    let kernel = SimulatedKernel::new(1, Faults::none());
    let mut bench = Bench::with(kernel, Budget::default(), RecordingInbox::new(9, 100));
    bench.listen(never_complete(20));
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"12345678901234567890");
    bench.kernel().peer_finish(peer);
    bench.turn(None);
    bench.reactor.pause(token);
    let given = bench.frames(token).len();
    assert!((1..20).contains(&given), "{given} at once");
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), given, "while it was paused");
    bench.reactor.end_and_discard(token);
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), given, "after end_and_discard()");
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn the_memory_of_a_large_message_is_not_kept() {
    let mut bench = without_faults(Budget::default(), 10);
    bench.listen(lines(1024 * 1024));
    let (_peer, token) = bench.client();
    let written = bench.reactor.write(token, &vec![b'a'; 512 * 1024], false);
    assert!(written.is_ok());
    bench.run_until_idle();
}

/// A listener for lines with `count` clients.
pub(crate) fn clients_of_lines(budget: Budget, count: usize) -> (Bench, Vec<(Peer, Token)>) {
    let mut bench = without_faults(budget, 65_536);
    bench.listen(lines(100));
    let clients = (0..count).map(|_| bench.client()).collect();
    (bench, clients)
}

#[test]
fn a_flood_of_lines_is_handed_over_in_shares() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 3);
    for (peer, _) in &clients {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(1_000));
    }
    let mut most = 0;
    for turns in 1..=1_000_u32 {
        most = most.max(bench.turn(Some(Duration::ZERO)));
        let delivered = clients.iter().map(|(_, token)| bench.frames(*token).len());
        let (least, greatest) = (delivered.clone().min().unwrap(), delivered.max().unwrap());
        assert!(
            greatest - least <= 64,
            "turn {turns}: {least} to {greatest}"
        );
        if least == 1_000 {
            assert!(
                (16..=20).contains(&turns),
                "{turns} turns for 3 times 1,000 lines"
            );
            assert_eq!(most, 3 * 64);
            return;
        }
    }
    panic!("the lines never came");
}

#[test]
fn a_line_alone_comes_before_those_of_a_flood() {
    let (mut bench, clients) = clients_of_lines(Budget::default(), 51);
    let (flooders, quiet) = clients.split_at(50);
    for (peer, _) in flooders {
        bench.kernel().peer_send(*peer, &b"line\n".repeat(10_000));
    }
    // The first turn serves every connection once. The next ones stop after the frames of the budget.
    for _ in 0..3 {
        bench.turn(Some(Duration::ZERO));
    }
    let (peer, token) = quiet[0];
    bench.kernel().peer_send(peer, b"hello\n");
    let delivered = bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(token), [b"hello"]);
    assert!(
        matches!(bench.inbox.items[0], Item::Frame(first, _) if first == token),
        "it was reported after others"
    );
    assert!(delivered <= 256 + 64, "{delivered} frames in a turn");
}

#[test]
fn a_flood_of_lines_goes_on_while_others_have_a_line_in_every_turn() {
    let budget = Budget {
        turn_frames: 5,
        ..Budget::default()
    };
    let (mut bench, clients) = clients_of_lines(budget, 11);
    let (flood, token) = clients[0];
    bench.kernel().peer_send(flood, &b"line\n".repeat(10_000));
    for turn in 1..=60 {
        for (peer, _) in &clients[1..] {
            bench.kernel().peer_send(*peer, b"hello\n");
        }
        bench.turn(Some(Duration::ZERO));
        for (_, other) in &clients[1..] {
            assert_eq!(bench.frames(*other).len(), turn, "a line waits");
        }
    }
    assert!(bench.frames(token).len() >= 1_000, "the flood starves");
}

#[test]
fn lines_left_for_later_turns_count_as_input() {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(lines(100));
    let (peer, token) = bench.client();
    assert!(!bench.reactor.has_input(token), "nothing was sent");
    bench.kernel().peer_send(peer, &b"line\n".repeat(100));
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(token).len(), 64);
    assert!(bench.reactor.has_input(token), "36 lines are left");
    bench.reactor.pause(token);
    assert!(!bench.reactor.has_input(token), "no turn delivers them");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), 100);
    assert!(!bench.reactor.has_input(token), "all are delivered");
}

/// A connection whose peer sent `input`, and on which a send then failed with a reset.
fn after_failed_send(options: ListenOptions, input: &[u8]) -> (Bench, Token) {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(options);
    let (peer, token) = bench.client();
    bench.kernel().set_window(peer, input.len());
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, input);
    bench.run_until_idle();
    bench.kernel().refuse_send(Errno::ECONNRESET);
    bench.reactor.write(token, b"x", false).unwrap_err();
    bench.reactor.resume(token);
    bench.run_until_idle();
    (bench, token)
}

#[test]
fn a_connection_whose_send_failed_is_not_served_for_ever() {
    let (bench, token) = after_failed_send(lines(100), &b"\n".repeat(100_000));
    let delivered = bench.frames(token).len();
    assert!(
        (256..256 + 64).contains(&delivered),
        "{delivered} lines after the failed send"
    );
    let reason = bench.closed(token).expect("it was closed");
    assert_eq!(reason.to_string(), "write: Connection reset by peer");
}

#[test]
fn input_left_by_a_failed_send_is_delivered_up_to_a_bound() {
    let (bench, token) = after_failed_send(ListenOptions::default(), &[7; 900_000]);
    assert_eq!(bench.bytes(token).len(), 900_000);
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
    let (bench, token) = after_failed_send(ListenOptions::default(), &[7; 3_000_000]);
    let delivered = bench.bytes(token).len();
    assert!(
        (900_000..1_048_576 + 65_536).contains(&delivered),
        "{delivered} bytes"
    );
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

/// The unread bytes of an owner that pauses after the first turn in which they exceed `mark`.
fn unread_when_paused(mark: u32, limit: usize, space: usize, line: &[u8]) -> usize {
    let mut bench = without_faults(Budget::default(), space);
    bench.listen(ListenOptions {
        limits: Limits {
            read_high_water: mark,
            ..Limits::default()
        },
        ..lines(limit)
    });
    let (peer, token) = bench.client();
    bench.kernel().set_window(peer, 4_000_000);
    bench
        .kernel()
        .peer_send(peer, &line.repeat(4_000_000 / line.len()));
    let mut unread = 0;
    for _ in 0..10_000 {
        if unread > mark as usize {
            break;
        }
        bench.turn(Some(Duration::ZERO));
        unread = bench.bytes(token).len();
    }
    unread
}

#[test]
fn the_read_watermark_is_passed_by_one_turn_of_as_many_bytes_at_most() {
    let line = [&[b'x'; 99][..], b"\n"].concat();
    for mark in [1_000, 10_000, 65_536, 1_000_000] {
        for space in [100, 16_384, 65_536, 1_048_576] {
            let unread = unread_when_paused(mark, 100, space, &line);
            assert!(unread > mark as usize, "mark {mark}: it was not passed");
            // Part of a line may be left from the turn before.
            let most = 2 * mark as usize + 100;
            assert!(unread <= most, "mark {mark}, space {space}: {unread} bytes");
        }
    }
}
