//! The bytes that all connections of a listener hold together: who waits for room, and who is closed.

use std::rc::Rc;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::protocol::{Factory, Lines};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use crate::{without_faults, Bench};

/// The limit for all connections together.
const MOST: usize = 100_000;

/// A listener for lines whose connections may hold [`MOST`] bytes together, and so many clients of it.
fn clients(count: usize) -> (Bench, Token, Vec<(Peer, Token)>) {
    let mut bench = without_faults(Budget::default(), 65_536);
    let listener = bench.listen(ListenOptions {
        max_held: MOST,
        limits: Limits {
            send_queue: 1 << 20,
            ..Limits::default()
        },
        protocol: Some(Rc::new(Factory::new(Lines::new(MOST / 4)))),
        ..ListenOptions::default()
    });
    let clients = (0..count).map(|_| bench.client()).collect();
    (bench, listener, clients)
}

/// How many bytes the kernel has of a client that the reactor has not received.
fn unread(bench: &mut Bench, peer: Peer) -> usize {
    bench.kernel().view(peer).unread
}

#[test]
fn hazard_lines_without_an_end_hold_no_more_together_than_the_limit() {
    let (mut bench, _, clients) = clients(13);
    let mut waiting = 0;
    for (peer, _) in &clients[..12] {
        bench.kernel().peer_send(*peer, &[b'x'; 20_000]);
        bench.run_until_idle();
        bench.reactor.check().unwrap();
        waiting += unread(&mut bench, *peer);
    }
    let held = 12 * 20_000 - waiting;
    assert!(held <= MOST && held > MOST / 2, "{held} bytes are held");
    // A client that holds nothing is served as before.
    let (peer, token) = clients[12];
    bench.kernel().peer_send(peer, b"short\n");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"short");
    // Those that waited go on once there is room.
    for (_, token) in &clients[..10] {
        bench.reactor.destroy(*token);
    }
    bench.run_until_idle();
    bench.kernel().peer_send(clients[11].0, b"\n");
    bench.run_until_idle();
    assert_eq!(bench.bytes(clients[11].1).len(), 20_000);
    bench.reactor.check().unwrap();
}

#[test]
fn hazard_peers_that_read_nothing_are_closed_when_all_hold_too_much() {
    let (mut bench, _, clients) = clients(4);
    for (peer, _) in &clients {
        bench.kernel().set_capacity(*peer, 0);
    }
    // The last of them reads what it gets.
    bench.kernel().set_capacity(clients[3].0, 1 << 20);
    for (_, token) in &clients {
        bench.reactor.write(*token, &[b'x'; 24_000], false).unwrap();
    }
    for (_, token) in &clients[1..] {
        bench.reactor.write(*token, &[b'x'; 5_000], false).unwrap();
    }
    bench.run_until_idle();
    assert_eq!(bench.reactor.stats().shed, 0, "it is not too much yet");
    bench
        .reactor
        .write(clients[0].1, &[b'x'; 24_000], false)
        .unwrap();
    bench.run_until_idle();
    assert!(bench.reactor.stats().shed >= 1);
    let closed = |bench: &mut Bench, at: usize| bench.closed(clients[at].1);
    assert_eq!(
        closed(&mut bench, 0),
        Some(CloseReason::Shed),
        "it held most"
    );
    assert_eq!(closed(&mut bench, 3), None, "its peer reads");
    bench.reactor.check().unwrap();
}

#[test]
fn hazard_what_the_owner_keeps_counts_as_well() {
    let (mut bench, listener, clients) = clients(2);
    assert_eq!(bench.reactor.keep(listener, 80_000), 7_500);
    bench.kernel().peer_send(clients[0].0, &[b'x'; 20_000]);
    bench.run_until_idle();
    assert!(unread(&mut bench, clients[0].0) >= 10_000);
    assert!(bench.reactor.keep(listener, 0) >= MOST / 2);
    bench.run_until_idle();
    bench.kernel().peer_send(clients[0].0, b"\n");
    bench.run_until_idle();
    assert_eq!(bench.bytes(clients[0].1).len(), 20_000);
    // The owner alone is no reason to close a connection.
    assert_eq!(bench.reactor.keep(listener, MOST + 1), 0);
    bench.run_until_idle();
    assert_eq!(bench.reactor.stats().shed, 0);
}

#[test]
fn hazard_connections_that_waited_go_on_without_their_listener() {
    let (mut bench, listener, clients) = clients(1);
    bench.reactor.keep(listener, MOST);
    bench.kernel().peer_send(clients[0].0, b"line\n");
    bench.run_until_idle();
    assert_eq!(bench.bytes(clients[0].1), b"");
    bench.reactor.close_listener(listener);
    bench.run_until_idle();
    assert_eq!(bench.bytes(clients[0].1), b"line");
}

#[test]
fn hazard_a_connection_that_holds_most_of_all_waits_without_work_for_the_reactor() {
    let (mut bench, _, clients) = clients(2);
    for (at, bytes) in [(0, 24_000), (0, 24_000), (1, 5_000)] {
        let (peer, token) = clients[at];
        bench.kernel().set_capacity(peer, 1_000);
        bench
            .reactor
            .write(token, &vec![b'x'; bytes], false)
            .unwrap();
    }
    bench.kernel().peer_send(clients[0].0, b"line\n");
    bench.run_until_idle();
    assert!(bench.reactor.waits_for_room(clients[0].1));
    // More than half of the limit is free then, and the other one still holds too much.
    bench.reactor.destroy(clients[1].1);
    bench.run_until_idle();
    assert!(bench.reactor.waits_for_room(clients[0].1));
    assert_eq!(bench.bytes(clients[0].1), b"");
    // Its peer reads.
    bench.kernel().set_capacity(clients[0].0, 1 << 20);
    bench
        .kernel()
        .peer_receive(clients[0].0, 1_000, &mut Vec::new());
    bench.run_until_idle();
    assert_eq!(bench.bytes(clients[0].1), b"line");
}

#[test]
fn hazard_a_listener_whose_connections_hold_much_does_not_bound_those_of_others() {
    let (mut bench, listener, clients) = clients(1);
    let other = "198.51.100.1:2".parse::<std::net::SocketAddr>().unwrap();
    let options = ListenOptions {
        max_held: MOST,
        ..ListenOptions::default()
    };
    bench.reactor.listen(other, options).unwrap();
    bench.reactor.keep(listener, MOST);
    let peer = bench.kernel().dial(other).unwrap();
    bench.run_until_idle();
    let token = *bench.opened().last().unwrap();
    bench.kernel().set_capacity(peer, 0);
    bench
        .reactor
        .write(token, &vec![b'x'; 46_000], false)
        .unwrap();
    bench.kernel().peer_send(clients[0].0, b"line\n");
    bench.kernel().peer_send(peer, b"hello");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"hello");
    assert_eq!(bench.bytes(clients[0].1), b"", "its listener has no room");
}

#[test]
fn hazard_a_connection_whose_owner_has_left_needs_no_room() {
    let (mut bench, listener, clients) = clients(2);
    bench.reactor.keep(listener, MOST);
    for (peer, _) in &clients {
        bench.kernel().peer_send(*peer, b"line\n");
    }
    bench.run_until_idle();
    assert!(bench.reactor.waits_for_room(clients[0].1));
    let (peer, token) = clients[0];
    bench.reactor.end_and_discard(token);
    bench.run_until_idle();
    // More of it comes and is thrown away, although there is still no room.
    bench.kernel().peer_send(peer, b"more\n");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
    assert_eq!(bench.bytes(token), b"");
    assert!(bench.reactor.waits_for_room(clients[1].1));
}

#[test]
fn hazard_memory_goes_back_once_after_a_drop() {
    let mut bench = without_faults(Budget::default(), 65_536);
    bench.listen(ListenOptions::default());
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 0);
    bench
        .reactor
        .write(token, &vec![b'x'; 15 << 20], false)
        .unwrap();
    bench.run_until_idle();
    assert!(!bench.reactor.take_give_back());
    bench.reactor.destroy(token);
    bench.run_until_idle();
    assert!(
        !bench.reactor.take_give_back(),
        "it may be used again at once"
    );
    bench.turn(None);
    assert!(bench.reactor.take_give_back());
    bench.assert_sleeps();
    assert!(!bench.reactor.take_give_back());
}
