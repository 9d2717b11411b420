//! Deadlines of the peer: none passes early, each passes in the first turn at or after its time, and none costs a system call to move.

use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Deadline, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::protocol::{Factory, Lines};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use crate::{without_deadlines, without_faults, Bench, MILLISECOND};

/// The simulated clock goes on by this much in each wait.
const TURN: u64 = 1_000;
/// A deadline is rounded up to the next millisecond.
const ROUNDED: u64 = MILLISECOND;

fn none() -> Limits {
    without_deadlines(Limits::default())
}

fn pair(limits: Limits) -> (Bench, Peer, Token) {
    let mut bench = without_faults(Budget::default(), 1_000);
    bench.listen_strictly(ListenOptions {
        limits,
        protocol: Some(Rc::new(Factory::new(Lines::new(10_000)))),
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    (bench, peer, token)
}

impl Bench {
    fn goes_on(&mut self, milliseconds: u64) {
        self.kernel().advance(milliseconds * MILLISECOND);
        self.turn(Some(Duration::ZERO));
    }

    fn writes(&mut self, token: Token, bytes: &[u8]) {
        self.reactor.tick();
        self.reactor.write(token, bytes, false).unwrap();
    }

    fn late(&self, token: Token) -> Option<Deadline> {
        match self.closed(token)? {
            CloseReason::Late(deadline) => Some(deadline),
            other => panic!("{other}"),
        }
    }

    /// Asserts that the connection is open until `milliseconds` have passed, and late then.
    fn assert_late_after(&mut self, token: Token, milliseconds: u64, deadline: Deadline) {
        self.kernel()
            .advance(milliseconds * MILLISECOND - 2 * TURN - ROUNDED);
        self.turn(Some(Duration::ZERO));
        assert_eq!(self.closed(token), None, "early");
        self.kernel().advance(2 * ROUNDED + 2 * TURN);
        self.turn(Some(Duration::ZERO));
        assert_eq!(self.late(token), Some(deadline));
    }
}

#[test]
fn hazard_90_a_mute_client_is_closed() {
    let limits = Limits {
        first_byte_timeout: 50,
        ..none()
    };
    let (mut bench, _, token) = pair(limits);
    bench.assert_late_after(token, 50, Deadline::FirstByte);
    assert_eq!(bench.reactor.stats().first_byte_timeouts, 1);
    bench.assert_sleeps();
    // The first byte of either side ends this time.
    for by_peer in [true, false] {
        let (mut bench, peer, token) = pair(limits);
        if by_peer {
            bench.kernel().peer_send(peer, b"a");
            bench.run_until_idle();
        } else {
            bench.writes(token, b"hello");
        }
        bench.goes_on(1_000);
        assert_eq!(bench.closed(token), None);
    }
}

#[test]
fn hazard_90_a_connection_is_idle_from_its_last_byte_on() {
    let limits = Limits {
        idle_timeout: 50,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    for by_peer in [true, false, true] {
        bench.goes_on(48);
        assert_eq!(bench.closed(token), None);
        if by_peer {
            bench.kernel().peer_send(peer, b"a\n");
            bench.run_until_idle();
        } else {
            bench.writes(token, b"hello");
        }
    }
    bench.assert_late_after(token, 50, Deadline::Idle);
    assert_eq!(bench.reactor.stats().idle_timeouts, 1);
}

#[test]
fn hazard_90_a_byte_a_second_does_not_keep_a_message_open() {
    let limits = Limits {
        message_timeout: 100,
        receive_rate: 0,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.goes_on(1_000);
    for _ in 0..9 {
        bench.kernel().peer_send(peer, b"a");
        bench.run_until_idle();
        bench.goes_on(10);
    }
    assert_eq!(bench.closed(token), None);
    bench.kernel().peer_send(peer, b"a");
    bench.goes_on(20);
    assert_eq!(bench.late(token), Some(Deadline::Message));
    assert_eq!(bench.reactor.stats().message_timeouts, 1);
    // Each message has its own time.
    let (mut bench, peer, token) = pair(limits);
    for _ in 0..20 {
        bench.kernel().peer_send(peer, b"a\nb");
        bench.run_until_idle();
        bench.goes_on(60);
    }
    assert_eq!(bench.closed(token), None);
}

#[test]
fn a_message_that_arrives_fast_enough_has_more_time() {
    let limits = Limits {
        message_timeout: 100,
        receive_rate: 1_000,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    // 500 bytes have half a second more.
    bench.kernel().peer_send(peer, &[b'a'; 500]);
    bench.run_until_idle();
    bench.assert_late_after(token, 600, Deadline::Message);
}

/// The rest may lie in the kernel, or the peer may wait for room.
#[test]
fn the_time_of_a_message_stops_while_the_owner_does_not_read() {
    let limits = Limits {
        message_timeout: 100,
        receive_rate: 0,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().peer_send(peer, b"half");
    bench.run_until_idle();
    bench.reactor.pause(token);
    for _ in 0..10 {
        bench.goes_on(60);
    }
    assert_eq!(bench.closed(token), None);
    bench.reactor.tick();
    bench.reactor.resume(token);
    bench.run_until_idle();
    bench.assert_late_after(token, 100, Deadline::Message);
}

/// The first byte may lie in the kernel.
#[test]
fn the_time_for_the_first_byte_stops_while_the_owner_does_not_read() {
    let limits = Limits {
        first_byte_timeout: 50,
        ..none()
    };
    for sends in [true, false] {
        let (mut bench, peer, token) = pair(limits);
        bench.reactor.pause(token);
        if sends {
            bench.kernel().peer_send(peer, b"a");
        }
        bench.goes_on(1_000);
        assert_eq!(bench.closed(token), None, "it is not read");
        bench.reactor.tick();
        bench.reactor.resume(token);
        if sends {
            bench.run_until_idle();
            bench.goes_on(1_000);
            assert_eq!(bench.closed(token), None);
        } else {
            bench.assert_late_after(token, 50, Deadline::FirstByte);
        }
    }
}

#[test]
fn hazard_90_a_peer_that_reads_nothing_is_closed() {
    let limits = Limits {
        send_timeout: 100,
        send_rate: 0,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().set_capacity(peer, 1_000);
    bench.writes(token, &[b'a'; 5_000]);
    bench.turn(Some(Duration::ZERO));
    // Taking something does not help, unless it is everything.
    bench.kernel().advance(50 * MILLISECOND);
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    bench.run_until_idle();
    bench.assert_late_after(token, 50, Deadline::Send);
    assert!(bench.kernel().view(peer).peer_was_reset, "bytes are lost");
    assert_eq!(bench.reactor.stats().send_timeouts, 1);
}

#[test]
fn hazard_90_a_peer_that_reads_slowly_has_time_for_what_it_reads() {
    let limits = Limits {
        send_timeout: 100,
        send_rate: 1_000,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().set_capacity(peer, 1_000);
    for _ in 0..10 {
        bench.writes(token, &[b'a'; 9_999]);
    }
    bench.run_until_idle();
    let mut got = Vec::new();
    // 2,000 bytes a second are fast enough.
    for _ in 0..20 {
        bench.kernel().peer_receive(peer, 200, &mut got);
        bench.run_until_idle();
        bench.goes_on(100);
    }
    assert_eq!(bench.closed(token), None);
    for _ in 0..40 {
        bench.kernel().peer_receive(peer, 10, &mut got);
        bench.goes_on(100);
    }
    assert_eq!(bench.late(token), Some(Deadline::Send));
    // A queue that becomes empty in between has its whole time again.
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().set_capacity(peer, 1_000);
    for _ in 0..20 {
        bench.writes(token, &[b'a'; 1_050]);
        bench.goes_on(60);
        while bench.kernel().peer_receive(peer, 10_000, &mut got) > 0 {
            bench.run_until_idle();
        }
    }
    assert_eq!(bench.closed(token), None);
}

/// The process was stopped, and what came in time waits in the kernel.
#[test]
fn input_that_came_in_time_counts() {
    let limits = Limits {
        first_byte_timeout: 50,
        idle_timeout: 50,
        message_timeout: 50,
        receive_rate: 0,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    for text in [&b"a"[..], b"b\n", b"c\n"] {
        bench.kernel().peer_send(peer, text);
        bench.goes_on(10_000);
        assert_eq!(bench.closed(token), None, "{text:?}");
    }
    bench.assert_late_after(token, 50, Deadline::Idle);
}

#[test]
fn an_ended_connection_is_still_judged() {
    let limits = Limits {
        message_timeout: 100,
        receive_rate: 0,
        end_timeout: 1_000,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.reactor.end(token);
    bench.kernel().peer_send(peer, b"a");
    bench.run_until_idle();
    bench.assert_late_after(token, 100, Deadline::Message);
}

/// 1,000 connections have all deadlines, and 100,000 messages move them.
#[test]
fn moving_deadlines_makes_no_system_call() {
    let mut bench = without_faults(Budget::default(), 1_000);
    bench.listen_strictly(ListenOptions {
        protocol: Some(Rc::new(Factory::new(Lines::new(10_000)))),
        ..ListenOptions::default()
    });
    let clients: Vec<_> = (0..1_000).map(|_| bench.client()).collect();
    let before = bench.kernel().alarms_set();
    for round in 0..100 {
        for (peer, token) in &clients {
            bench
                .kernel()
                .peer_send(*peer, if round % 2 == 0 { b"a" } else { b"\n" });
            bench.reactor.write(*token, b"answer", true).unwrap();
        }
        bench.kernel().advance(MILLISECOND);
        bench.run_until_idle();
    }
    // The first message that is not complete moves the alarm to an earlier time.
    assert!(bench.kernel().alarms_set() - before <= 2);
}

#[test]
fn hazard_90_a_flood_of_a_peer_that_reads_nothing_does_not_put_off_its_deadline() {
    let limits = Limits {
        send_timeout: 50,
        ..none()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().set_capacity(peer, 0);
    bench.writes(token, b"answer");
    for _ in 0..60 {
        bench.kernel().peer_send(peer, &b"line\n".repeat(1_000));
        bench.goes_on(1);
        assert!(bench.reactor.has_work(), "there is always more to receive");
        if bench.closed(token).is_some() {
            break;
        }
    }
    assert_eq!(bench.late(token), Some(Deadline::Send));
}
