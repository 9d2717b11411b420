//! What readiness means: edges, hints that cannot be masked, events without a cause.
use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::{Faults, SimulatedKernel};
use edgepoll::protocol::{Factory, Lines};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Errno;

use crate::inbox::RecordingInbox;
use crate::{address, without_faults, Bench};

/// Runs turns in which nothing is left to do. Each must make one wait and no other call.
fn assert_idle_turns(bench: &mut Bench, turns: u64) {
    let before = bench.kernel().calls();
    for _ in 0..turns {
        bench.turn(Some(Duration::ZERO));
    }
    assert_eq!(bench.kernel().calls(), before + turns);
}

/// What the reactor reports in one script with one budget: the bytes, whether the end came, and the close.
fn transcript(budget: Budget, space: usize) -> (Vec<u8>, bool, Option<CloseReason>) {
    let (mut bench, peer, token) = Bench::pair(budget, space);
    bench.kernel().set_capacity(peer, 64);
    bench.reactor.write(token, &[7; 1_000], false).unwrap();
    let mut sent = Vec::new();
    for part in 0..20_u8 {
        bench.kernel().peer_send(peer, &[part; 50]);
        bench.run_until_idle();
        bench.kernel().peer_receive(peer, 64, &mut sent);
        bench.run_until_idle();
    }
    bench.kernel().peer_finish(peer);
    bench.reactor.end(token);
    bench.run_until_idle();
    assert_eq!(sent, [7; 1_000]);
    (bench.bytes(token), bench.ended(token), bench.closed(token))
}

#[test]
fn hazard_18_edge_triggering_every_cut_of_the_work_gives_the_same_result() {
    // With large steps the reactor works edge-triggered. With steps of one call and few bytes it serves everything again and
    // again, as with level triggering.
    let whole = transcript(Budget::default(), 65_536);
    assert_eq!(whole.0.len(), 1_000);
    assert!(whole.1);
    for (slot_calls, slot_bytes, turn_bytes, space) in [
        (1, 1, 1, 1),
        (1, 7, 7, 3),
        (1, 1_000, 50, 49),
        (2, 50, 50, 50),
        (3, 100, 10, 51),
        (1_000, 1_000, 1_000, 1_000),
    ] {
        let budget = Budget {
            slot_calls,
            slot_bytes,
            turn_bytes,
            ..Budget::default()
        };
        assert_eq!(transcript(budget, space), whole, "{budget:?}, {space}");
    }
}

#[test]
fn hazard_24_spurious_readiness_is_not_reported_to_the_owner() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().faults = Faults {
        spurious: 1_000,
        ..Faults::none()
    };
    let events = bench.reactor.stats().events;
    for _ in 0..500 {
        assert_eq!(bench.turn(Some(Duration::ZERO)), 0, "{:?}", bench.events);
    }
    assert_eq!(bench.reactor.stats().events, events + 500);
    assert_eq!(bench.closed(token), None);
    bench.kernel().peer_send(peer, b"real");
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token), b"real");
}

#[test]
fn hazard_25_writable_noise_a_peer_that_reads_causes_no_event() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    let events = bench.reactor.stats().events;
    let mut got = Vec::new();
    for _ in 0..1_000 {
        bench.reactor.write(token, b"x", false).unwrap();
        bench.turn(Some(Duration::ZERO));
        bench.kernel().peer_receive(peer, 100, &mut got);
        bench.turn(Some(Duration::ZERO));
    }
    assert_eq!(got.len(), 1_000);
    assert_eq!(bench.reactor.stats().events, events);
}

#[test]
fn hazard_27_hang_up_is_served_in_both_directions() {
    // A reset is reported as HUP and ERR. A receive must be made, because only it returns the error.
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    match bench.closed(token) {
        Some(CloseReason::Failed(failure)) => assert_eq!(failure.errno, Errno::ECONNRESET),
        other => panic!("closed as {other:?}"),
    }

    // Two FINs are reported as HUP. The end is a receive of 0 bytes, and a queue does not wait for room any more.
    let (peer, token) = bench.client();
    bench.reactor.end(token);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert!(bench.ended(token));
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn hazard_28_masked_hang_up_of_a_paused_connection_costs_nothing() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"unread");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_idle_turns(&mut bench, 100);
    bench.reactor.end(token);
    bench.run_until_idle();
    assert_idle_turns(&mut bench, 100);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_idle_turns(&mut bench, 100);
    assert_eq!(bench.bytes(token), b"");
}

#[test]
fn hazard_29_forgotten_hang_up_is_found_after_any_number_of_pauses() {
    let budget = Budget {
        slot_bytes: 3,
        slot_calls: 1,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 3);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"in many steps");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    let events = bench.reactor.stats().events;
    let mut steps = 0;
    while !bench.ended(token) {
        bench.reactor.resume(token);
        bench.turn(Some(Duration::ZERO));
        bench.reactor.pause(token);
        bench.run_until_idle();
        steps += 1;
        assert!(steps < 20, "it stopped at {:?}", bench.bytes(token));
    }
    assert_eq!(bench.bytes(token), b"in many steps");
    assert_eq!(bench.reactor.stats().events, events, "no further edge came");
}

#[test]
fn hazard_37_empty_space_is_never_received_into() {
    // Lines longer than the space, frames kept back, and a space of one byte. The simulated kernel records a receive into an
    // empty space as a fault, because its 0 looks like the end.
    let mut bench = Bench::with(
        SimulatedKernel::new(1, Faults::none()),
        Budget::default(),
        RecordingInbox::new(10, 1),
    );
    bench.listen(ListenOptions {
        protocol: Some(Rc::new(Factory::new(Lines::new(100)))),
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"\n\n\na long line\n\n");
    for _ in 0..20 {
        bench.reactor.pause(token);
        bench.turn(Some(Duration::ZERO));
        bench.reactor.resume(token);
        bench.turn(Some(Duration::ZERO));
    }
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), 5);
    assert!(
        !bench.ended(token),
        "0 of an empty receive was taken for the end"
    );
}

#[test]
fn hazard_38_clear_race_an_edge_together_with_eagain_is_not_erased() {
    // Each receive may return EAGAIN although bytes arrive just after it, with an edge.
    for seed in 0..200 {
        let faults = Faults {
            again: 500,
            ..Faults::none()
        };
        let kernel = SimulatedKernel::new(seed, faults);
        let mut bench = Bench::with(kernel, Budget::default(), RecordingInbox::new(100_000, 16));
        bench.listen(ListenOptions::default());
        let peer = bench.kernel().dial(address()).unwrap();
        bench.run_until_idle();
        let token = *bench.opened().last().unwrap();
        for part in 0..20_u8 {
            bench.kernel().peer_send(peer, &[part; 33]);
            bench.run_until_idle();
            assert_eq!(
                bench.bytes(token).len(),
                33 * (usize::from(part) + 1),
                "seed {seed}"
            );
        }
        bench.kernel().peer_finish(peer);
        bench.run_until_idle();
        assert!(bench.ended(token), "seed {seed}");
    }
}

#[test]
fn hazard_40_kernel_reports_combine_and_one_event_covers_all_bytes() {
    let mut bench = without_faults(Budget::default(), 1_000);
    bench.listen(ListenOptions::default());
    let (peer, token) = bench.client();
    let events = bench.reactor.stats().events;
    for part in 0..10_u8 {
        bench.kernel().peer_send(peer, &[part; 10]);
    }
    bench.run_until_idle();
    assert_eq!(bench.reactor.stats().events, events + 1);
    let expected: Vec<u8> = (0..10_u8).flat_map(|part| [part; 10]).collect();
    assert_eq!(bench.bytes(token), expected);
}
