//! Bytes that are sent: in order through every partial send and shortage of memory, within the bound of the queue.
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::{Faults, Random};
use edgepoll::reactor::{Budget, Event, WriteError};
use edgepoll::Errno;

use crate::Bench;

#[test]
fn partial_writev_keeps_every_byte_in_its_place() {
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let (mut bench, peer, token) = Bench::pair(
            Budget {
                slot_calls: 3,
                ..Budget::default()
            },
            100,
        );
        bench.kernel().set_capacity(peer, 1 + random.below(50_000));
        bench.kernel().faults = Faults {
            short: 500,
            interrupted: 100,
            ..Faults::none()
        };
        let mut written = Vec::new();
        // More buffers than one vectored send takes.
        for _ in 0..60 {
            let start = written.len();
            let length = random.pick(&[1, 100, 16_384, 16_385]);
            written.extend(
                (start..start + length).map(|at| (at / 3).to_le_bytes()[0] ^ at.to_le_bytes()[1]),
            );
            bench
                .reactor
                .write(token, &written[start..], random.chance(300))
                .unwrap();
        }
        let mut got = Vec::new();
        while got.len() < written.len() {
            bench.run_until_idle();
            let most = 1 + random.below(40_000);
            assert!(
                bench.kernel().peer_receive(peer, most, &mut got) > 0,
                "seed {seed}: stuck"
            );
        }
        assert!(got == written, "seed {seed}: the bytes differ");
    }
}

#[test]
fn send_queue_is_bounded_and_overflow_closes() {
    let limits = Limits {
        send_queue: 1_000,
        ..Limits::default()
    };
    let mut bench = Bench::listening(limits, Budget::default(), 100);
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 100);
    assert_eq!(bench.reactor.write(token, &[1; 600], false), Ok(500));
    assert_eq!(bench.reactor.write(token, &[1; 600], false), Ok(1_100));
    assert_eq!(
        bench.reactor.write(token, &[1; 1], false),
        Err(WriteError::QueueFull)
    );
    bench.run_until_idle();
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::QueueFull, 1_100))
    );
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 10_000, &mut got);
    assert!(got.len() <= 100, "a strict prefix");
}

#[test]
fn no_memory_for_a_send_is_tried_again_without_an_edge() {
    for errno in [Errno::ENOBUFS, Errno::ENOMEM] {
        let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
        bench.kernel().refuse_send(errno);
        assert_eq!(bench.reactor.write(token, b"patience", false), Ok(8));
        bench.run_until_idle();
        bench.turn(None);
        let mut got = Vec::new();
        bench.kernel().peer_receive(peer, 100, &mut got);
        assert_eq!(got, b"patience");
        assert_eq!(bench.closed(token), None);
    }
}

#[test]
fn fall_to_the_low_watermark_is_reported_for_writes_with_more() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1_000_000);
    assert_eq!(bench.reactor.write(token, &[1; 100_000], true), Ok(100_000));
    bench.run_until_idle();
    let reported = bench.events.iter().rev().find_map(|event| match event {
        Event::Queued { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert_eq!(reported, Some(0));
}

#[test]
fn exactly_filled_buffer_goes_on_when_the_peer_reads() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 1_000], false), Ok(0));
    let mut got = Vec::new();
    // No send returned EAGAIN, so the room causes no edge. The next write must try a send.
    bench.kernel().peer_receive(peer, 1_000, &mut got);
    bench.run_until_idle();
    assert_eq!(bench.reactor.write(token, &[2; 10], false), Ok(0));
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.kernel().peer_receive(peer, 1_000, &mut got), 10);
}

#[test]
fn failed_send_is_reported_while_paused() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 100_000], false), Ok(99_000));
    bench.kernel().peer_send(peer, b"unread");
    bench.run_until_idle();
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b", still");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let reported = |event: &Event| matches!(event, Event::WriteFailed { .. });
    assert_eq!(
        bench.events.iter().filter(|event| reported(event)).count(),
        1
    );
    assert_eq!(bench.close_event(token), None, "bytes wait for the reader");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.frames(token).concat(), b"unread, still");
    assert!(matches!(
        bench.close_event(token),
        Some((CloseReason::Failed(_), 99_000))
    ));
}

#[test]
fn room_is_found_by_a_timer_when_writability_cannot_be_watched() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 10);
    bench.kernel().faults = Faults {
        register: 1_000,
        ..Faults::none()
    };
    assert_eq!(bench.reactor.write(token, &[7; 15], false), Ok(5));
    bench.kernel().faults = Faults::none();
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.reactor.queued(token), 5, "no event reports the room");
    bench.kernel().advance(10_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.reactor.queued(token), 0);
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, [7; 15]);
}

#[test]
fn huge_write_to_a_fast_peer_does_not_starve_other_connections() {
    let budget = Budget {
        slot_calls: 3,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 100);
    bench.kernel().set_capacity(peer, usize::MAX);
    // Each send is taken in part and none is refused, as with a peer that makes room meanwhile.
    bench.kernel().faults = Faults {
        short: 1_000,
        ..Faults::none()
    };
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let before = bench.reactor.stats().sends;
    let queued = bench.reactor.write(token, &bytes, false).unwrap();
    assert!(queued > 0, "it was sent to its end");
    assert_eq!(bench.reactor.stats().sends - before, 3);
    assert!(
        bench.reactor.has_work(),
        "no edge will follow: nothing was refused"
    );
    bench.kernel().faults = Faults::none();
    bench.run_until_idle();
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, bytes.len(), &mut got);
    assert!(got == bytes, "the bytes differ");
}

#[test]
fn emptied_queue_is_reported_below_the_watermarks() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1_000);
    bench.reactor.write(token, &[1; 3_000], false).unwrap();
    bench.run_until_idle();
    let mut got = Vec::new();
    while got.len() < 3_000 {
        bench.kernel().peer_receive(peer, 1_000, &mut got);
        bench.run_until_idle();
    }
    let reported = |event: &Event| match event {
        Event::Queued { token: of, bytes } if *of == token => Some(*bytes),
        _ => None,
    };
    let reported: Vec<usize> = bench.events.iter().filter_map(reported).collect();
    assert_eq!(reported, [2_000, 0]);
}

#[test]
fn long_queue_with_short_sends_does_not_starve_other_connections() {
    let budget = Budget {
        slot_calls: 2,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 100);
    bench.kernel().set_capacity(peer, 0);
    bench.reactor.write(token, &[1; 50_000], false).unwrap();
    bench.run_until_idle();
    bench.kernel().set_capacity(peer, 65_536);
    bench.kernel().peer_receive(peer, 1, &mut Vec::new());
    bench.kernel().faults = Faults {
        short: 1_000,
        spurious: 1_000,
        ..Faults::none()
    };
    let mut turns = 0;
    while bench.reactor.queued(token) > 0 {
        let before = bench.reactor.stats().sends;
        bench.turn(Some(Duration::ZERO));
        assert!(bench.reactor.stats().sends - before <= 2, "turn {turns}");
        turns += 1;
        assert!(turns < 1_000);
    }
    assert!(turns > 1, "all went out at once: nothing was tested");
}

#[test]
fn fall_to_the_low_watermark_is_reported_after_an_unreported_fall() {
    let budget = Budget {
        slot_calls: 1,
        ..Budget::default()
    };
    let limits = Limits {
        high_water: 1_000,
        low_water: 100,
        ..Limits::default()
    };
    let mut bench = Bench::listening(limits, budget, 100);
    let (peer, token) = bench.client();
    let reported = |bench: &Bench| {
        let length = |event: &Event| match event {
            Event::Queued { bytes, .. } => Some(*bytes),
            _ => None,
        };
        bench.events.iter().rev().find_map(length)
    };
    let mut got = Vec::new();
    bench.kernel().set_capacity(peer, 1_500);
    bench.reactor.write(token, &[1; 3_000], false).unwrap();
    bench.run_until_idle();
    assert_eq!(reported(&bench), Some(1_500));
    // Each turn makes one send. No second send returns EAGAIN, so no event will report further room.
    bench.kernel().peer_receive(peer, 500, &mut got);
    bench.turn(None);
    assert_eq!(bench.reactor.queued(token), 1_000);
    // Between two turns, the first write lets the queue fall to the low watermark, and the second lets it grow again.
    bench.kernel().peer_receive(peer, 950, &mut got);
    assert_eq!(bench.reactor.write(token, &[2; 10], false), Ok(60));
    assert_eq!(bench.reactor.write(token, &[3; 400], false), Ok(460));
    bench.run_until_idle();
    assert_eq!(reported(&bench), Some(460));
    bench.kernel().peer_receive(peer, 1_080, &mut got);
    bench.kernel().set_capacity(peer, 840);
    bench.run_until_idle();
    assert_eq!(bench.reactor.queued(token), 40);
    assert_eq!(reported(&bench), Some(40));
}

#[test]
fn report_of_a_longer_queue_does_not_resume_the_owner() {
    const TOTAL: usize = 100_000;
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 1_000);
    bench.kernel().set_capacity(peer, 500);
    bench.kernel().set_window(peer, TOTAL);
    bench.kernel().peer_send(peer, &[7; TOTAL]);
    let (mut answered, mut seen, mut got) = (0, 0, Vec::new());
    // An owner as in the crate's documentation. Its peer reads none of the answers at first.
    for turn in 0..2_000 {
        if turn > 100 {
            bench.kernel().peer_receive(peer, 500, &mut got);
        }
        bench.turn(Some(Duration::ZERO));
        let received = bench.bytes(token).len();
        let answer = vec![7; received - std::mem::replace(&mut answered, received)];
        if let Ok(1..) = bench.reactor.write(token, &answer, false) {
            bench.reactor.pause(token);
        }
        for event in &bench.events[std::mem::replace(&mut seen, bench.events.len())..] {
            if let Event::Queued { token, bytes: 0 } = event {
                bench.reactor.resume(*token);
            }
        }
        let queued = bench.reactor.queued(token);
        assert!(
            queued <= 8_000,
            "{queued} bytes: the owner did not stop reading"
        );
    }
    assert_eq!(got.len(), TOTAL);
}

#[test]
fn unsent_bytes_saturate_at_the_largest_number() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1);
    assert_eq!(bench.reactor.write(token, b"abc", false), Ok(2));
    bench.reactor.count_unsent(token, usize::MAX);
    assert_eq!(bench.reactor.unsent(token), usize::MAX);
    bench.reactor.count_unsent(token, usize::MAX);
    bench.reactor.destroy(token);
    bench.run_until_idle();
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::Destroyed, usize::MAX))
    );
}
