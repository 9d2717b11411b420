//! Stale tokens, slots that are used again, and closes in the middle of an event.
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::{Faults, Outcome, Peer, SimulatedKernel};
use edgepoll::kernel::TokenBits;
use edgepoll::reactor::{Budget, ConnectOptions, Event, ListenOptions, WriteError};
use edgepoll::{Call, Errno, Token};

use crate::inbox::RecordingInbox;
use crate::{address, Bench};

/// Calls every command with the token of a closed connection.
fn use_stale_token(bench: &mut Bench, token: Token) {
    assert_eq!(
        bench.reactor.write(token, b"late", false),
        Err(WriteError::Closed)
    );
    bench.reactor.pause(token);
    bench.reactor.resume(token);
    bench.reactor.end(token);
    bench.reactor.end_and_discard(token);
    bench.reactor.destroy(token);
    assert_eq!(bench.reactor.queued(token), 0);
    assert!(!bench.reactor.is_open(token));
    assert_eq!(bench.reactor.peer_address(token), None);
    assert_eq!(bench.reactor.counters(token), None);
    assert_eq!(bench.reactor.local_address(token), Err(Errno::EBADF));
}

fn calls(bench: &mut Bench, peer: Peer) -> u64 {
    bench.kernel().view(peer).calls
}

#[test]
fn hazard_1_stale_event_two_ready_and_one_closed_between_them() {
    // One frame uses up the turn's budget, so the second event is served in a later turn than the one that reported it.
    let budget = Budget {
        turn_bytes: 1,
        ..Budget::default()
    };
    let (mut bench, first_peer, first) = Bench::pair(budget, 100);
    let (second_peer, second) = bench.client();
    bench.kernel().peer_send(first_peer, b"for the first");
    bench.kernel().peer_send(second_peer, b"for the second");
    bench.turn(Some(Duration::ZERO));
    let unserved = if bench.bytes(first).is_empty() {
        first
    } else {
        second
    };
    assert!(bench.bytes(unserved).is_empty(), "both were served");
    assert!(bench.reactor.has_work(), "its event is still to be served");
    bench.reactor.destroy(unserved);
    bench.reactor.report(&mut bench.inbox);
    let successor = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    assert_eq!(successor.index, unserved.index, "the slot is used again");
    bench.kernel().advance(1);
    let peer = bench.kernel().peer_of(successor).unwrap();
    bench.kernel().peer_send(peer, b"for its successor");
    bench.run_until_idle();
    assert_eq!(bench.bytes(unserved), b"");
    assert_eq!(bench.bytes(successor), b"for its successor");
    let connected = |token: Token| bench.events.contains(&Event::Connected { token });
    assert!(
        connected(successor) && !connected(unserved),
        "{:?}",
        bench.events
    );
}

#[test]
fn hazard_2_recycled_slot_a_thousand_times_and_every_old_token_is_stale() {
    let (mut bench, _, mut token) = Bench::pair(Budget::default(), 100);
    let index = token.index;
    let mut old = Vec::new();
    for round in 0..1_000 {
        assert_eq!((token.index, token.generation), (index, round));
        bench.reactor.destroy(token);
        bench.run_until_idle();
        old.push(token);
        token = bench.client().1;
    }
    let peer = bench.kernel().peer_of(token).unwrap();
    for &ghost in &old {
        bench.kernel().haunt(ghost);
    }
    bench.kernel().faults = Faults {
        ghosts: 1_000,
        ..Faults::none()
    };
    let before = calls(&mut bench, peer);
    let stale = bench.reactor.stats().stale;
    for _ in 0..100 {
        bench.turn(Some(Duration::ZERO));
    }
    assert_eq!(bench.reactor.stats().stale, stale + 100);
    assert_eq!(calls(&mut bench, peer), before);
}

/// A bench without faults on a kernel that keeps only these bits of a token.
fn keeping(token_bits: TokenBits) -> Bench {
    let kernel = SimulatedKernel::new(1, Faults::none()).with_token_bits(token_bits);
    Bench::with(kernel, Budget::default(), RecordingInbox::new(100_000, 100))
}

#[test]
fn hazard_2_recycled_slot_past_the_end_of_a_short_generation_keeps_its_whole_token() {
    let mut bench = keeping(TokenBits::SHORT);
    bench.listen(ListenOptions::default());
    let (_, mut token) = bench.client();
    for generation in 0..4_100 {
        assert_eq!(token.generation, generation);
        bench.reactor.destroy(token);
        bench.run_until_idle();
        let (peer, next) = bench.client();
        assert_eq!(next.index, token.index, "the slot is used again");
        // An event of the occupant before has another short generation, also where that begins again at 0.
        bench.kernel().faults.ghosts = 1_000;
        bench.kernel().haunt(token);
        let stale = bench.reactor.stats().stale;
        bench.turn(Some(Duration::ZERO));
        bench.kernel().faults.ghosts = 0;
        assert_eq!(bench.reactor.stats().stale, stale + 1);
        bench.kernel().peer_send(peer, b"mine");
        bench.run_until_idle();
        assert_eq!(bench.bytes(next), b"mine");
        bench.kernel().stop_haunting();
        token = next;
    }
}

#[test]
fn hazard_2_no_slot_has_an_index_that_the_kernel_cannot_keep() {
    // Two bits make four indices, and the last one is the kernel's.
    let mut bench = keeping(TokenBits::new(2, 30));
    bench.listen(ListenOptions::default());
    let (peer, token) = bench.client();
    let (_, second) = bench.client();
    let refused = bench.reactor.connect(address(), ConnectOptions::default());
    assert_eq!(
        refused.map_err(|failure| (failure.call, failure.errno)),
        Err((Call::Register, Errno::ENOMEM))
    );
    bench.kernel().dial(address()).unwrap();
    bench.turn(Some(Duration::ZERO));
    let is_pause = |event: &Event| matches!(event, Event::AcceptPaused { errno, .. } if *errno == Errno::ENOMEM);
    assert!(bench.events.iter().any(is_pause), "{:?}", bench.events);
    bench.kernel().peer_send(peer, b"as before");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"as before");
    // A slot that becomes free is used again.
    bench.reactor.destroy(second);
    bench.run_until_idle();
    assert!(bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .is_ok());
}

#[test]
fn hazard_6_late_removal_leaves_the_successor_alone() {
    let (mut bench, _, first) = Bench::pair(Budget::default(), 100);
    bench.reactor.destroy(first);
    bench.run_until_idle();
    let (peer, second) = bench.client();
    assert_eq!(first.index, second.index);
    let before = calls(&mut bench, peer);
    use_stale_token(&mut bench, first);
    assert_eq!(calls(&mut bench, peer), before);
    bench.kernel().peer_send(peer, b"still registered");
    bench.run_until_idle();
    assert_eq!(bench.bytes(second), b"still registered");
    assert_eq!(bench.closed(second), None);
}

#[test]
fn hazard_7_close_comes_first_and_a_write_in_its_handler_goes_nowhere() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_reset(peer);
    bench.turn(Some(Duration::ZERO));
    assert!(bench.closed(token).is_some());
    // In its handler of the close, the owner opens another connection and writes to the closed one.
    let open = bench.kernel().open_sockets();
    let next = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    use_stale_token(&mut bench, token);
    bench.run_until_idle();
    let other = bench.kernel().peer_of(next).unwrap();
    assert_eq!(bench.kernel().view(other).in_flight, 0);
    assert_eq!(bench.kernel().open_sockets(), open + 1);
    assert_eq!(bench.closed(next), None);
}

#[test]
fn hazard_8_another_socket_keeps_its_error() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_reset(peer);
    bench.turn(Some(Duration::ZERO));
    bench.kernel().plan_connect(Outcome::Refused, 1_000_000);
    let next = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.kernel().advance(1_000_000);
    let other = bench.kernel().peer_of(next).unwrap();
    assert_eq!(
        bench.kernel().view(other).error,
        Some(Errno::ECONNREFUSED),
        "the error can be read once"
    );
    use_stale_token(&mut bench, token);
    assert_eq!(bench.kernel().view(other).calls, 0);
    bench.run_until_idle();
    match bench.closed(next) {
        Some(CloseReason::Failed(failure)) => assert_eq!(failure.errno, Errno::ECONNREFUSED),
        other => panic!("closed as {other:?}"),
    }
}

#[test]
fn hazard_9_double_close_every_way_to_a_close_closes_once() {
    // The simulated kernel records a second close, and any call on a closed socket. `run_until_idle` checks its records.
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.end(token);
    bench.kernel().peer_reset(peer);
    bench.turn(Some(Duration::ZERO));
    bench.reactor.destroy(token);
    bench.reactor.destroy(token);
    bench.run_until_idle();
    assert!(bench.closed(token).is_some());

    let (_, token) = bench.client();
    bench.reactor.destroy(token);
    bench.reactor.end_and_discard(token);
    bench.reactor.destroy(token);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Destroyed));
    assert_eq!(bench.kernel().open_sockets(), 1, "the listener");
}

#[test]
fn hazard_10_registration_that_fails_leaves_nothing_and_the_next_one_works() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    let open = bench.kernel().open_sockets();
    bench.kernel().faults.register = 1_000;
    let another = std::net::SocketAddr::from(([127, 0, 0, 1], 7_001));
    let refused = bench
        .reactor
        .listen(another, ListenOptions::default())
        .unwrap_err();
    assert!(matches!(refused.errno, Errno::ENOSPC | Errno::ENOMEM));
    assert!(bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .is_err());
    assert_eq!(bench.kernel().open_sockets(), open);
    bench.kernel().faults.register = 0;
    bench
        .reactor
        .listen(another, ListenOptions::default())
        .unwrap();
    bench.kernel().peer_send(peer, b"as before");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"as before");
}

#[test]
fn hazard_15_events_overwritten_a_small_inbox_loses_no_event() {
    // The inbox has room for a few frames only. Later turns, each with a wait of its own, serve most of what one wait
    // reported.
    let mut bench = Bench::with(
        SimulatedKernel::new(1, Faults::none()),
        Budget::default(),
        RecordingInbox::new(12, 100),
    );
    bench.listen(ListenOptions::default());
    let clients: Vec<_> = (0..200).map(|_| bench.client()).collect();
    for &(peer, _) in &clients {
        bench.kernel().peer_send(peer, b"mine");
    }
    let turns = bench.reactor.stats().turns;
    bench.run_until_idle();
    assert!(
        bench.reactor.stats().turns > turns + 10,
        "everything fitted into a few turns"
    );
    for (_, token) in clients {
        assert_eq!(bench.bytes(token), b"mine");
    }
}

#[test]
fn hazard_16_second_half_of_an_event_finds_the_connection_closed_by_the_first() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 10);
    bench.reactor.write(token, &[1; 100], false).unwrap();
    // One event with IN, OUT and ERR. The flush for OUT finds an error. The bytes that IN reported must still be delivered,
    // and then one close. The simulated kernel records any call after that as a fault.
    bench.kernel().peer_send(peer, b"the other half");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"the other half");
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
    let last = bench.events.last();
    assert!(
        matches!(last, Some(Event::Closed { .. })),
        "nothing after the close: {last:?}"
    );

    // IN ends the connection, with the second of the two FINs. OUT must not be served then.
    let (peer, token) = bench.client();
    bench.reactor.end(token);
    bench.run_until_idle();
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}
