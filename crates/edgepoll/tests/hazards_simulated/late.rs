//! How long a connection that is about to end waits: its `end_timeout` after the last byte, and not twice as long.
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::Budget;
use edgepoll::{Call, Token};

use crate::{Bench, MILLISECOND};

const TIMEOUT: u64 = 800;
/// The connection is checked so often within the time; it may be late by one check.
const CHECKS: u64 = 8;
/// The bytes that the kernel takes for the peer. It reports room once a third of them is read.
const CAPACITY: usize = 3_000;

fn hurried() -> Bench {
    let limits = Limits {
        end_timeout: u32::try_from(TIMEOUT).unwrap(),
        ..Limits::default()
    };
    Bench::listening(limits, Budget::default(), 100)
}

/// A connection that waits to send `bytes` more than its peer has room for, and then its FIN.
fn ending(bench: &mut Bench, bytes: usize) -> (Peer, Token) {
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, CAPACITY);
    let message = vec![1; CAPACITY + bytes];
    assert_eq!(bench.reactor.write(token, &message, false), Ok(bytes));
    bench.reactor.end(token);
    bench.run_until_idle();
    (peer, token)
}

fn milliseconds(bench: &mut Bench) -> u64 {
    bench.kernel().now() / MILLISECOND
}

/// Lets time pass up to `until`, with turns in between.
fn pass(bench: &mut Bench, until: u64) {
    while milliseconds(bench) < until {
        bench.kernel().advance(MILLISECOND);
        bench.turn(Some(Duration::ZERO));
        bench.run_until_idle();
    }
}

/// Lets time pass until the connection is closed. Returns the milliseconds that it took.
fn time_to_close(bench: &mut Bench, token: Token) -> u64 {
    let start = milliseconds(bench);
    while bench.closed(token).is_none() {
        let now = milliseconds(bench);
        assert!(now < start + 10 * TIMEOUT, "it is never closed");
        pass(bench, now + 1);
    }
    milliseconds(bench) - start
}

#[test]
fn room_that_the_kernel_did_not_report_does_not_double_the_time() {
    for read in [0, 1, CAPACITY / 10, CAPACITY / 3 - 1, CAPACITY / 3] {
        let mut bench = hurried();
        let (peer, token) = ending(&mut bench, 50_000);
        // The peer's kernel has some more room for a moment. Its program reads nothing.
        bench.kernel().peer_receive(peer, read, &mut Vec::new());
        let took = time_to_close(&mut bench, token);
        let most = TIMEOUT + TIMEOUT / CHECKS;
        assert!((TIMEOUT..=most + 1).contains(&took), "{read}: {took} ms");
        assert_eq!(
            bench.close_event(token),
            Some((CloseReason::TimedOut(Call::Send), 50_000 - read))
        );
    }
}

/// The kernel never reports room, because a third of its buffer is never free.
#[test]
fn peer_that_reads_slowly_gets_everything() {
    let mut bench = hurried();
    let (peer, token) = ending(&mut bench, 3_000);
    let mut got = Vec::new();
    while bench.reactor.queued(token) > 0 {
        let now = milliseconds(&mut bench);
        pass(&mut bench, now + TIMEOUT - 10);
        assert_eq!(bench.closed(token), None, "{} bytes read", got.len());
        assert_eq!(bench.kernel().peer_receive(peer, 300, &mut got), 300);
    }
    while bench.kernel().peer_receive(peer, 300, &mut got) > 0 {}
    assert_eq!(got.len(), CAPACITY + 3_000);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn byte_that_came_early_does_not_double_the_time() {
    for came in [1, 50, TIMEOUT / 2] {
        let mut bench = hurried();
        let (peer, token) = bench.client();
        bench.reactor.end(token);
        bench.run_until_idle();
        let start = milliseconds(&mut bench);
        pass(&mut bench, start + came);
        bench.kernel().peer_send(peer, b"still here");
        bench.run_until_idle();
        let took = time_to_close(&mut bench, token);
        let most = TIMEOUT + TIMEOUT / CHECKS;
        assert!((TIMEOUT..=most + 1).contains(&took), "{came}: {took} ms");
        assert_eq!(bench.bytes(token), b"still here");
        assert_eq!(
            bench.closed(token),
            Some(CloseReason::TimedOut(Call::Receive))
        );
    }
}

/// The process was busy or stopped for longer than the time. What came in time waits in the kernel.
#[test]
fn check_that_comes_late_counts_what_came_in_time() {
    let mut bench = hurried();
    let (peer, token) = ending(&mut bench, 50_000);
    let mut got = Vec::new();
    for _ in 0..3 {
        bench.kernel().peer_receive(peer, 300, &mut got);
        bench.kernel().advance(3 * TIMEOUT * MILLISECOND);
        bench.turn(Some(Duration::ZERO));
        bench.run_until_idle();
        assert_eq!(bench.closed(token), None);
    }
    bench.kernel().advance(3 * TIMEOUT * MILLISECOND);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), Some(CloseReason::TimedOut(Call::Send)));
}
