//! What a close leaves behind: no later event, no effect of the old token, and no work for the other connections.
use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Deadline, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::reactor::{Admission, Budget, Event, ListenOptions, WriteError};
use edgepoll::Token;
use nix::time::{clock_gettime, ClockId};

use crate::{without_deadlines, without_faults, Bench, MILLISECOND};

/// The connection that an event is about.
fn connection_of(event: &Event) -> Option<Token> {
    match event {
        Event::Opened { token, .. }
        | Event::Connected { token }
        | Event::End { token }
        | Event::Queued { token, .. }
        | Event::WriteFailed { token, .. }
        | Event::WritingEnded { token, .. }
        | Event::Closed { token, .. } => Some(*token),
        _ => None,
    }
}

/// Asserts that no connection has an event after its close.
fn assert_closes_are_last(bench: &Bench) {
    let mut closed = HashSet::new();
    for event in &bench.events {
        let Some(token) = connection_of(event) else {
            continue;
        };
        assert!(!closed.contains(&token), "after its close: {event:?}");
        if matches!(event, Event::Closed { .. }) {
            closed.insert(token);
        }
    }
    assert!(!closed.is_empty());
}

/// A server whose kernel takes 100 bytes for a peer that reads nothing, with limits of the queue around that.
fn narrow() -> (Bench, Peer, Token) {
    let limits = Limits {
        high_water: 50,
        low_water: 10,
        send_queue: 1_000,
        ..Limits::default()
    };
    let mut bench = Bench::listening(limits, Budget::default(), 1_000);
    bench.kernel().set_default_capacity(100);
    let (peer, token) = bench.client();
    (bench, peer, token)
}

#[test]
fn hazard_85_a_queue_that_drains_during_a_close_is_not_reported_after_it() {
    for way in 0..5 {
        let (mut bench, peer, token) = narrow();
        bench.reactor.write(token, &[b'x'; 300], false).unwrap();
        bench.run_until_idle();
        assert!(
            bench.events.contains(&Event::Queued { token, bytes: 200 }),
            "the queue is above its mark: {:?}",
            bench.events
        );
        // The peer reads, so the queue falls to its low mark in the same turn in which the connection closes.
        let mut got = Vec::new();
        bench.kernel().peer_receive(peer, 100, &mut got);
        match way {
            0 => bench.reactor.destroy(token),
            1 => bench.reactor.reset(token),
            2 => bench.kernel().peer_reset(peer),
            3 => bench.reactor.end_and_discard(token),
            _ => {
                // The write that finds the queue full closes the connection itself.
                bench.reactor.write(token, &[b'x'; 900], false).unwrap();
                let refused = bench.reactor.write(token, b"x", false);
                assert_eq!(refused, Err(WriteError::QueueFull));
            }
        }
        for _ in 0..20 {
            bench.kernel().peer_receive(peer, 100, &mut got);
            bench.run_until_idle();
        }
        bench.kernel().peer_close(peer);
        bench.run_until_idle();
        assert!(bench.closed(token).is_some(), "way {way}");
        assert_closes_are_last(&bench);
    }
}

/// A server with so many connections.
fn crowd(count: usize) -> (Bench, Vec<Token>) {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        max_connections: 200_000,
        admission: Admission {
            per_address: u32::MAX,
            rate: u32::MAX,
            ..Admission::default()
        },
        backlog: i32::MAX,
        ..ListenOptions::default()
    });
    for _ in 0..count {
        bench.kernel().dial(crate::address()).unwrap();
        if bench.kernel().backlog(crate::address()) >= 64 {
            bench.run_without_check();
        }
    }
    bench.run_without_check();
    let tokens = bench.opened();
    assert_eq!(tokens.len(), count);
    bench.events.clear();
    (bench, tokens)
}

impl Bench {
    /// As `run_until_idle`, without the check of each turn, which looks at every connection.
    fn run_without_check(&mut self) {
        for _ in 0..1_000_000 {
            if !self.reactor.has_work() && !self.kernel().has_pending() {
                return;
            }
            self.inbox.clear();
            self.reactor
                .turn(Some(Duration::ZERO), &mut self.inbox)
                .unwrap();
            self.keep_events();
        }
        panic!("the reactor never becomes idle");
    }
}

/// A stack on which a call for each connection, one within the other, does not fit.
const STACK: usize = 256 * 1024;

#[test]
fn hazard_86_a_teardown_of_all_connections_at_once_is_not_recursive() {
    let run = || {
        for drops in [false, true] {
            let (mut bench, tokens) = crowd(20_000);
            if drops {
                drop(bench);
                continue;
            }
            for token in &tokens {
                bench.reactor.destroy(*token);
            }
            bench.run_without_check();
            let closes = bench
                .events
                .iter()
                .filter(|event| matches!(event, Event::Closed { .. }));
            assert_eq!(closes.count(), tokens.len());
        }
    };
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

/// Processor time of this thread. It does not grow while other programs have the processor.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .into()
}

#[test]
fn hazard_87_ten_times_as_many_closes_cost_about_ten_times_as_much() {
    let cost = |count: usize| {
        let (mut bench, tokens) = crowd(count);
        let before = bench.kernel().calls();
        let begun = processor_time();
        for token in tokens {
            bench.reactor.destroy(token);
        }
        bench.run_without_check();
        let took = processor_time() - begun;
        (bench.kernel().calls() - before, took)
    };
    let (few_calls, few) = cost(2_000);
    let (many_calls, many) = cost(20_000);
    // One close each, and the waits of the turns.
    assert!(few_calls < 2_200, "{few_calls} calls");
    assert!(many_calls < 22_000, "{many_calls} calls");
    // The square would be a hundred times.
    assert!(many < few * 40, "{many:?} for ten times what cost {few:?}");
}

#[test]
fn hazard_92_a_peer_that_vanished_is_noticed_idle_and_with_bytes_on_the_way() {
    let limits = Limits {
        idle_timeout: 60,
        send_timeout: 30,
        send_rate: 0,
        ..without_deadlines(Limits::default())
    };
    // From here on the peer's kernel answers nothing: no byte is acknowledged, and neither FIN nor RST comes.
    for (unsent, after, deadline) in [(0, 60, Deadline::Idle), (500, 30, Deadline::Send)] {
        let mut bench = without_faults(Budget::default(), 1_000);
        bench.listen_strictly(ListenOptions {
            limits,
            ..ListenOptions::default()
        });
        bench.kernel().set_default_capacity(100);
        let (_, token) = bench.client();
        bench
            .reactor
            .write(token, &vec![b'x'; 100 + unsent], false)
            .unwrap();
        bench.run_until_idle();
        let begun = bench.kernel().now_in_milliseconds();
        for _ in 0..1_000 {
            if bench.closed(token).is_none() {
                bench.turn(None);
            }
        }
        let took = bench.kernel().now_in_milliseconds() - begun;
        assert_eq!(bench.closed(token), Some(CloseReason::Late(deadline)));
        assert!((after - 1..=after + 2).contains(&took), "{took} ms");
        bench.assert_sleeps();
    }
}

trait Milliseconds {
    fn now_in_milliseconds(&self) -> u64;
}

impl<K: edgepoll::kernel::Kernel> Milliseconds for K {
    fn now_in_milliseconds(&self) -> u64 {
        self.now() / MILLISECOND
    }
}

#[test]
fn hazard_98_a_connection_that_a_limit_killed_is_not_used_again() {
    let (mut bench, peer, token) = narrow();
    // In one turn the peer's bytes, its end and room for the queue come, and the owner's answer finds the queue full.
    bench.reactor.write(token, &[b'x'; 1_100], false).unwrap();
    bench.run_until_idle();
    bench.kernel().peer_send(peer, b"one");
    bench.kernel().peer_finish(peer);
    let full = bench.reactor.write(token, b"x", false);
    assert_eq!(full, Err(WriteError::QueueFull));
    // Every command finds that it is gone. None reaches the next owner of its slot.
    let (other, next) = (0..10)
        .map(|_| bench.client())
        .find(|(_, next)| next.index == token.index)
        .expect("the slot is used again");
    assert_eq!(
        bench.reactor.write(token, b"late", false),
        Err(WriteError::Closed)
    );
    assert_eq!(
        bench.reactor.end_with(token, b"late"),
        Err(WriteError::Closed)
    );
    bench.reactor.pause(token);
    bench.reactor.end(token);
    bench.reactor.end_and_discard(token);
    bench.reactor.destroy(token);
    bench.reactor.reset(token);
    assert!(!bench.reactor.is_open(token));
    assert_eq!(bench.reactor.queued(token), 0);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::QueueFull));
    assert_eq!(bench.bytes(token), b"", "nothing comes after the close");
    bench.kernel().peer_send(other, b"hello");
    bench.run_until_idle();
    assert_eq!(bench.closed(next), None);
    assert_eq!(bench.bytes(next), b"hello");
    assert_closes_are_last(&bench);
}
