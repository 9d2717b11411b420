//! Floods of connections that the listener refuses.
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::Peer;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Admission, Budget, Dropped, Event, ListenOptions};
use edgepoll::{AddressRange, AddressSet, Token};

use crate::{address, without_faults, Bench};

/// Every peer of the simulation has the same address.
fn everyone() -> AddressSet {
    let all: AddressRange = "::/0".parse().unwrap();
    [all].into_iter().collect()
}

fn with(admission: Admission) -> ListenOptions {
    ListenOptions {
        admission,
        ..ListenOptions::default()
    }
}

/// What the events told of dropped connections: the number of events, and of connections.
fn told(bench: &Bench) -> (usize, u32) {
    let counts = bench.events.iter().filter_map(|event| match event {
        Event::Dropped { count, .. } => Some(*count),
        _ => None,
    });
    let counts: Vec<u32> = counts.collect();
    (counts.len(), counts.iter().sum())
}

fn dial_many(bench: &mut Bench, count: usize) -> Vec<Peer> {
    let dial = |_| bench.kernel().dial(address()).unwrap();
    (0..count).map(dial).collect()
}

fn listener_of(bench: &Bench) -> Token {
    let listener = |event: &Event| match event {
        Event::Opened { listener, .. } => Some(*listener),
        _ => None,
    };
    bench.events.iter().find_map(listener).unwrap()
}

fn dropped(bench: &Bench, listener: Token, reason: Dropped) -> u64 {
    bench.reactor.dropped(listener).unwrap()[reason as usize]
}

#[test]
fn hazard_91_each_refused_connection_is_reset_or_ended() {
    for reset in [true, false] {
        let mut bench = without_faults(Budget::default(), 100);
        let listener = bench.listen(with(Admission {
            per_address: 100,
            reset,
            ..Admission::default()
        }));
        let peers = dial_many(&mut bench, 5_000);
        bench.run_until_idle();
        assert_eq!(bench.opened().len(), 100);
        assert_eq!(dropped(&bench, listener, Dropped::PerAddress), 4_900);
        assert_eq!(bench.reactor.stats().over_address_limit, 4_900);
        for peer in &peers[100..] {
            let view = bench.kernel().view(*peer);
            assert_eq!(view.peer_was_reset, reset);
        }
        // One that closes makes room for one.
        bench.kernel().peer_close(peers[0]);
        bench.run_until_idle();
        for token in bench.opened() {
            bench.reactor.destroy(token);
        }
        bench.run_until_idle();
        dial_many(&mut bench, 101);
        bench.run_until_idle();
        assert_eq!(bench.opened().len(), 200);
        assert_eq!(dropped(&bench, listener, Dropped::PerAddress), 4_901);
    }
}

#[test]
fn hazard_91_a_refused_flood_leaves_time_for_connections() {
    let budget = Budget {
        accepts: 4,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 100);
    let listener = listener_of(&bench);
    bench.reactor.block(listener, everyone());
    dial_many(&mut bench, 1_000);
    for turn in 1..=10 {
        bench.kernel().peer_send(peer, b"ping");
        bench.turn(Some(Duration::ZERO));
        assert_eq!(bench.bytes(token), b"ping".repeat(turn));
        assert_eq!(dropped(&bench, listener, Dropped::Blocked), 4 * turn as u64);
    }
    bench.run_until_idle();
    assert_eq!(dropped(&bench, listener, Dropped::Blocked), 1_000);
    assert_eq!(bench.opened().len(), 1);
    assert!(bench.closed(token).is_none());
}

#[test]
fn reports_of_refused_connections_are_few_and_complete() {
    let mut bench = without_faults(Budget::default(), 100);
    let listener = bench.listen(with(Admission {
        block: everyone(),
        ..Admission::default()
    }));
    let began = bench.kernel().now();
    for _ in 0..1_000 {
        dial_many(&mut bench, 5);
        bench.run_until_idle();
        bench.kernel().advance(1_000_000);
    }
    // A timer reports the rest.
    bench.turn(None);
    bench.turn(None);
    let (events, connections) = told(&bench);
    assert_eq!(connections, 5_000);
    assert_eq!(dropped(&bench, listener, Dropped::Blocked), 5_000);
    let seconds = (bench.kernel().now() - began) as f64 / 1e9;
    assert!(
        events as f64 <= 1.0 + seconds * 10.0,
        "{events} in {seconds} s"
    );
    assert!(events >= 10);
    bench.assert_sleeps();
}

#[test]
fn a_client_that_waits_is_accepted_again() {
    let mut bench = without_faults(Budget::default(), 100);
    let listener = bench.listen(with(Admission {
        rate: 2,
        ..Admission::default()
    }));
    let mut accepted = Vec::new();
    for _ in 0..40 {
        dial_many(&mut bench, 1);
        bench.run_until_idle();
        accepted.push(bench.opened().len());
        bench.kernel().advance(100_000_000);
    }
    // Two at once, and one each half second.
    assert_eq!(accepted[..12], [1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4]);
    assert_eq!(*accepted.last().unwrap(), 9);
    assert_eq!(dropped(&bench, listener, Dropped::Rate), 31);
    for token in bench.opened() {
        bench.reactor.destroy(token);
    }
    bench.run_until_idle();
    assert_eq!(
        bench.closed(bench.opened()[0]),
        Some(CloseReason::Destroyed)
    );
}
