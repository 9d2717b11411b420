//! Bytes that arrive: edges, short reads, budgets, stale tokens.
use std::time::Duration;

use edgepoll::kernel::simulated::Faults;
use edgepoll::reactor::{Budget, ListenOptions, WriteError};

use crate::{without_faults, Bench};

#[test]
fn stale_token_reaches_no_connection() {
    let (mut bench, _, first) = Bench::pair(Budget::default(), 100);
    bench.reactor.destroy(first);
    bench.run_until_idle();
    let (peer, second) = bench.client();
    assert_eq!(
        (first.index, first.generation + 1),
        (second.index, second.generation)
    );

    bench.kernel().haunt(first);
    bench.kernel().faults = Faults {
        ghosts: 1_000,
        ..Faults::none()
    };
    let calls = bench.kernel().view(peer).calls;
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.reactor.stats().stale, 1);
    assert_eq!(
        bench.kernel().view(peer).calls,
        calls,
        "the successor was served for a ghost"
    );
    assert_eq!(
        bench.reactor.write(first, b"x", false),
        Err(WriteError::Closed)
    );
    assert_eq!(bench.reactor.queued(second), 0);
}

#[test]
fn short_read_then_fin_is_one_event_and_an_end() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 65_536);
    let events = bench.reactor.stats().events;
    bench.kernel().peer_send(peer, b"last words");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.reactor.stats().events, events + 1);
    assert_eq!(bench.bytes(token), b"last words");
    assert!(bench.ended(token));
    assert_eq!(bench.closed(token), None, "we may still write");
}

#[test]
fn hang_up_hint_is_no_end() {
    let (mut bench, peer, token) = Bench::pair(
        Budget {
            slot_bytes: 10,
            ..Budget::default()
        },
        10,
    );
    bench.kernel().peer_send(peer, &[b'a'; 100]);
    bench.kernel().peer_finish(peer);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token).len(), 10);
    assert!(
        !bench.ended(token),
        "RDHUP was reported as the end, before the bytes"
    );
    bench.run_until_idle();
    assert_eq!(bench.bytes(token).len(), 100);
    assert!(bench.ended(token));
}

#[test]
fn budget_requeues_input_that_no_edge_will_report_again() {
    let budget = Budget {
        slot_bytes: 10,
        slot_calls: 1,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 10);
    let events = bench.reactor.stats().events;
    bench.kernel().peer_send(peer, &[b'a'; 1_000]);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token).len(), 1_000);
    assert_eq!(bench.reactor.stats().events, events + 1);
}

#[test]
fn starvation_a_firehose_waits_behind_a_ping() {
    let budget = Budget {
        slot_bytes: 1_000,
        turn_bytes: 1_000,
        ..Budget::default()
    };
    let (mut bench, firehose, _) = Bench::pair(budget, 1_000);
    let (ping, small) = bench.client();
    bench.kernel().set_window(firehose, 1_000_000);
    bench.kernel().peer_send(firehose, &vec![0; 1_000_000]);
    bench.turn(Some(Duration::ZERO));
    bench.kernel().peer_send(ping, b"ping");
    bench.turn(Some(Duration::ZERO));
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(small), b"ping");
    assert!(bench.kernel().view(firehose).unread > 900_000);
}

#[test]
fn eagain_is_the_end_of_work() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 4);
    // The bytes fill the space exactly, so only EAGAIN shows that nothing is left.
    bench.kernel().peer_send(peer, b"four");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"four");
    let calls = bench.kernel().calls();
    bench.turn(Some(Duration::ZERO));
    assert_eq!(
        bench.kernel().calls(),
        calls + 1,
        "an idle turn is one wait"
    );
}

#[test]
fn paused_connection_is_closed_by_a_reset() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.pause(token);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let reason = bench.closed(token).expect("closed while paused");
    assert_eq!(reason.to_string(), "read: Connection reset by peer");
}

#[test]
fn paused_connection_costs_nothing_and_loses_nothing() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"while you slept");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    let sleeps = bench.kernel().endless_sleeps();
    bench.turn(None);
    assert_eq!(bench.kernel().endless_sleeps(), sleeps + 1);
    assert_eq!(bench.bytes(token), b"");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"while you slept");
    assert!(bench.ended(token));
}

#[test]
fn nothing_is_reported_before_the_first_turn() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions::default());
    let peer = bench.kernel().dial(crate::address()).unwrap();
    bench.kernel().peer_send(peer, b"early");
    assert!(!bench.reactor.has_work());
    bench.run_until_idle();
    let token = bench.opened()[0];
    assert_eq!(bench.bytes(token), b"early");
}

#[test]
fn budgets_of_zero_serve_every_connection_a_little() {
    let nothing = Budget {
        slot_bytes: 0,
        slot_frames: 0,
        slot_calls: 0,
        turn_bytes: 0,
        turn_frames: 0,
        accepts: 0,
    };
    let (mut bench, peer, token) = Bench::pair(nothing, 100);
    bench.kernel().peer_send(peer, b"hello");
    bench.reactor.write(token, b"there", false).unwrap();
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"hello");
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, b"there");
}

#[test]
fn bound_of_bytes_per_turn_holds_for_a_single_connection() {
    let budget = Budget {
        slot_bytes: usize::MAX,
        slot_calls: u32::MAX,
        turn_bytes: 1_000,
        ..Budget::default()
    };
    let (mut bench, firehose, token) = Bench::pair(budget, 300);
    bench.kernel().set_window(firehose, 100_000);
    bench.kernel().peer_send(firehose, &[0; 100_000]);
    bench.turn(Some(Duration::ZERO));
    // The receive that exceeds the bound began below it.
    assert_eq!(bench.bytes(token).len(), 1_200);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token).len(), 100_000);
}

#[test]
fn an_empty_space_is_no_room_and_no_end() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.inbox.empty_spaces = 2;
    bench.kernel().peer_send(peer, b"later");
    for _ in 0..2 {
        bench.turn(Some(Duration::ZERO));
        assert_eq!((bench.bytes(token), bench.ended(token)), (vec![], false));
    }
    bench.run_until_idle();
    assert_eq!(
        (bench.bytes(token), bench.ended(token)),
        (b"later".to_vec(), false)
    );
}

#[test]
fn bytes_after_an_urgent_mark_arrive_with_those_before_it() {
    for guessed in [false, true] {
        let (mut bench, peer, token) = Bench::pair(Budget::default(), 65_536);
        for _ in 0..2 {
            bench.kernel().peer_send(peer, b"-");
            bench.announced_turn();
        }
        bench.kernel().peer_send(peer, b"before");
        bench.kernel().peer_send_urgent(peer);
        bench.kernel().peer_send(peer, b"behind");
        if guessed {
            bench.announced_turn();
        }
        bench.run_until_idle();
        assert_eq!(bench.bytes(token), b"--beforebehind", "guessed: {guessed}");
    }
}

#[test]
fn an_urgent_byte_alone_is_stepped_over_and_costs_one_receive_more() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 65_536);
    bench.kernel().peer_send_urgent(peer);
    bench.run_until_idle();
    bench.kernel().peer_send(peer, b"ordinary");
    bench.run_until_idle();
    let calls = bench.kernel().calls();
    bench.kernel().peer_send(peer, b", again");
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token), b"ordinary, again");
    assert_eq!(
        bench.kernel().calls(),
        calls + 2,
        "once the mark is passed, a short receive is the end of work again"
    );
}
