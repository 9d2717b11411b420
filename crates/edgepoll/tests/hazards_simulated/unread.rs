//! Connections whose input is not read: bytes before an error can be read until the end timeout has passed.
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::{Faults, Peer};
use edgepoll::reactor::{Budget, ConnectOptions, Event, ListenOptions, WriteError};
use edgepoll::{Call, Errno, Token};

use crate::{address, short_end_timeout, without_faults, Bench, MILLISECOND};

/// The end timeout of the connections, in milliseconds.
const TIMEOUT: u64 = 500;

/// A server whose connections have a short end timeout, and one connection that is paused and has unread bytes.
fn paused_with_unread_bytes(budget: Budget) -> (Bench, Peer, Token) {
    let limits = short_end_timeout();
    let mut bench = without_faults(budget, 100);
    bench.listen(ListenOptions {
        limits,
        max_connections: 1,
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"unread");
    bench.run_until_idle();
    (bench, peer, token)
}

fn run_after(bench: &mut Bench, milliseconds: u64) {
    bench.kernel().advance(milliseconds * MILLISECOND);
    bench.turn(Some(Duration::ZERO));
    bench.run_until_idle();
}

/// Lets the end timeout pass. Checks that the connection is closed then and not before. Gives the reason.
fn closed_after_timeout(bench: &mut Bench, token: Token) -> CloseReason {
    run_after(bench, TIMEOUT - 1);
    assert_eq!(bench.closed(token), None);
    run_after(bench, 2);
    bench.closed(token).expect("closed after the end timeout")
}

/// Checks that no timer is left, and that another connection can take the place of the closed one.
fn assert_freed(bench: &mut Bench, token: Token) {
    bench.assert_sleeps();
    bench.kernel().dial(address()).unwrap();
    bench.run_until_idle();
    assert_ne!(bench.opened().last(), Some(&token));
    assert_eq!(bench.opened().len(), 2, "its place is free");
}

fn is_reset(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Failed(failure) if failure.errno == Errno::ECONNRESET)
}

#[test]
fn reset_after_unread_bytes_is_reported_after_the_end_timeout() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let reason = closed_after_timeout(&mut bench, token);
    assert!(is_reset(&reason), "{reason:?}");
    assert_freed(&mut bench, token);
}

#[test]
fn bytes_before_a_reset_can_be_read_within_the_end_timeout() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    run_after(&mut bench, TIMEOUT - 1);
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"unread");
    assert!(bench.closed(token).as_ref().is_some_and(is_reset));
    assert_freed(&mut bench, token);
}

#[test]
fn end_before_a_reset_is_reported_as_well() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().peer_finish(peer);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    run_after(&mut bench, TIMEOUT - 1);
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"unread");
    assert!(bench.ended(token));
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

#[test]
fn slow_reader_has_the_end_timeout_from_the_last_byte() {
    let budget = Budget {
        slot_calls: 1,
        ..Budget::default()
    };
    let (mut bench, peer, token) = paused_with_unread_bytes(budget);
    bench.kernel().peer_send(peer, &[b'x'; 300]);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    for read in 1..=3 {
        run_after(&mut bench, TIMEOUT - 100);
        assert_eq!(bench.closed(token), None);
        bench.reactor.resume(token);
        bench.turn(Some(Duration::ZERO));
        bench.reactor.pause(token);
        assert_eq!(bench.bytes(token).len(), 100 * read);
    }
    run_after(&mut bench, TIMEOUT);
    run_after(&mut bench, TIMEOUT);
    let reason = bench.closed(token);
    assert!(reason.as_ref().is_some_and(is_reset), "{reason:?}");
}

#[test]
fn paused_connection_that_is_alive_has_no_deadline() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    assert!(!bench.kernel().has_alarm());
    // There is no deadline after the peer's FIN either, because the peer may wait for an answer.
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert!(!bench.kernel().has_alarm());
    run_after(&mut bench, 24 * 3_600_000);
    assert_eq!(bench.closed(token), None);
}

/// Events without a cause: spurious ones, and those of duplicates of the descriptor.
#[test]
fn false_report_of_a_hang_up_does_not_close_a_paused_connection() {
    let (mut bench, _, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().faults = Faults {
        spurious: 1_000,
        ..Faults::none()
    };
    for _ in 0..50 {
        bench.turn(Some(Duration::ZERO));
    }
    bench.kernel().faults = Faults::none();
    assert!(bench.kernel().has_alarm(), "a hang-up was reported");
    run_after(&mut bench, TIMEOUT + 1);
    assert_eq!(bench.closed(token), None);
    assert!(!bench.kernel().has_alarm(), "the hang-up was checked once");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"unread");
}

#[test]
fn ended_connection_with_unread_input_closes_after_the_end_timeout() {
    for peer_ends in [false, true] {
        let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
        bench.reactor.end(token);
        if peer_ends {
            bench.kernel().peer_finish(peer);
        }
        bench.run_until_idle();
        assert_eq!(
            closed_after_timeout(&mut bench, token),
            CloseReason::TimedOut(Call::Receive)
        );
        assert_freed(&mut bench, token);
    }
}

#[test]
fn ended_connection_that_was_reset_while_paused_reports_the_reset() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.reactor.end(token);
    bench.run_until_idle();
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    run_after(&mut bench, TIMEOUT + 1);
    let reason = bench.closed(token);
    assert!(reason.as_ref().is_some_and(is_reset), "{reason:?}");
    assert_freed(&mut bench, token);
}

#[test]
fn owner_that_ends_and_pauses_may_resume_within_the_end_timeout() {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.reactor.end(token);
    run_after(&mut bench, TIMEOUT - 1);
    bench.reactor.resume(token);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"unread");
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn failed_send_after_unread_bytes_closes_after_the_end_timeout() {
    for is_alive in [false, true] {
        let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
        if is_alive {
            bench
                .kernel()
                .refuse_send_of_live_socket(Errno::EHOSTUNREACH);
        } else {
            bench.kernel().peer_reset(peer);
        }
        assert_eq!(
            bench.reactor.write(token, b"reply", false),
            Err(WriteError::Failed)
        );
        bench.run_until_idle();
        let reason = closed_after_timeout(&mut bench, token);
        assert!(matches!(reason, CloseReason::Failed(_)), "{reason:?}");
        assert_freed(&mut bench, token);
    }
}

/// As [`paused_with_unread_bytes`]. The kernel has also refused a send of ten bytes for lack of memory, although the peer has
/// room.
fn with_a_refused_send() -> (Bench, Peer, Token) {
    let (mut bench, peer, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().set_capacity(peer, 10);
    assert_eq!(bench.reactor.write(token, &[1; 20], false), Ok(10));
    bench.kernel().refuse_send(Errno::ENOBUFS);
    bench.kernel().peer_receive(peer, 10, &mut Vec::new());
    bench.run_until_idle();
    assert_eq!(bench.reactor.queued(token), 10, "the send was refused");
    (bench, peer, token)
}

/// A refused send is tried again long before the time that the owner has to read is over.
#[test]
fn reset_while_a_send_waits_for_memory_leaves_the_owner_the_end_timeout() {
    let (mut bench, peer, token) = with_a_refused_send();
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let reason = closed_after_timeout(&mut bench, token);
    assert!(is_reset(&reason), "{reason:?}");
    assert_freed(&mut bench, token);
}

/// An event that reports room may come before the send is tried again. Then nothing is left to send, and the end timeout
/// alone counts.
#[test]
fn reset_after_a_send_that_waited_for_memory_is_reported_after_the_end_timeout() {
    let (mut bench, peer, token) = with_a_refused_send();
    bench.kernel().peer_send(peer, b"more");
    bench.run_until_idle();
    assert_eq!(bench.reactor.queued(token), 0);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let reason = closed_after_timeout(&mut bench, token);
    assert!(is_reset(&reason), "{reason:?}");
    assert_freed(&mut bench, token);
}

#[test]
fn reset_connect_with_unread_bytes_closes_after_the_end_timeout() {
    let mut bench = without_faults(Budget::default(), 100);
    let limits = short_end_timeout();
    let options = ConnectOptions {
        limits,
        ..ConnectOptions::default()
    };
    let token = bench.reactor.connect(address(), options).unwrap();
    bench.kernel().advance(1);
    let peer = bench.kernel().peer_of(token).unwrap();
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"too many connections");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), None);
    run_after(&mut bench, TIMEOUT + 1);
    let reason = bench.closed(token);
    assert!(reason.as_ref().is_some_and(is_reset), "{reason:?}");
}

/// One turn cannot serve all connections that must be served before their deadline is checked.
#[test]
fn connections_not_served_in_time_are_checked_by_a_later_turn() {
    let budget = Budget {
        turn_bytes: 100,
        ..Budget::default()
    };
    let mut bench = Bench::listening(short_end_timeout(), budget, 100);
    let pairs: Vec<_> = (0..5).map(|_| bench.client()).collect();
    for &(_, token) in &pairs {
        bench.reactor.end(token);
    }
    bench.run_until_idle();
    for &(peer, _) in &pairs {
        bench.kernel().peer_send(peer, &[7; 1_000]);
        bench.kernel().peer_finish(peer);
    }
    bench.kernel().advance((TIMEOUT + 100) * MILLISECOND);
    bench.run_until_idle();
    for (_, token) in pairs {
        assert_eq!(bench.bytes(token), [7; 1_000]);
        assert_eq!(bench.closed(token), Some(CloseReason::Ended));
    }
}

#[test]
fn refused_alarm_is_reported_once_and_deadlines_still_hold() {
    let (mut bench, _, token) = paused_with_unread_bytes(Budget::default());
    bench.kernel().refuse_alarms(Some(Errno::EINVAL));
    bench.reactor.end(token);
    assert!(bench.reactor.has_work(), "the owner must get the event");
    bench.turn(Some(Duration::ZERO));
    let refusals = |bench: &Bench| {
        let refused = Event::AlarmRefused {
            errno: Errno::EINVAL,
        };
        bench
            .events
            .iter()
            .filter(|event| **event == refused)
            .count()
    };
    assert_eq!(refusals(&bench), 1);
    bench.until_closed(token, 500);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Receive))
    );
    assert_eq!(refusals(&bench), 1);

    bench.kernel().refuse_alarms(None);
    let (_, token) = bench.client();
    bench.reactor.end(token);
    assert!(bench.kernel().has_alarm(), "the alarm is set again");
}
