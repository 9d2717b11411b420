//! Ends: a reset is never a clean end, wherever it is found first, and FIN is sent last.
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::reactor::{Budget, ConnectOptions, WriteError};
use edgepoll::{Call, Errno};

use crate::{address, short_end_timeout, without_faults, Bench};

const RESET: &str = "Connection reset by peer";

/// A server whose connections have a short end timeout.
fn with_short_end_timeout() -> Bench {
    Bench::listening(short_end_timeout(), Budget::default(), 100)
}

#[test]
fn data_before_reset_is_delivered() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 4);
    bench.kernel().peer_send(peer, b"the last bytes");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"the last bytes");
    assert!(!bench.ended(token));
    assert!(bench.closed(token).unwrap().to_string().contains(RESET));
}

#[test]
fn reset_found_while_paused_is_not_a_clean_end() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"before");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), None, "bytes wait before the reset");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"before");
    assert!(!bench.ended(token));
    assert!(bench.closed(token).unwrap().to_string().contains(RESET));
}

#[test]
fn reset_found_by_a_send_is_not_a_clean_end() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_send(peer, b"before");
    bench.kernel().peer_reset(peer);
    assert_eq!(
        bench.reactor.write(token, b"reply", false),
        Err(WriteError::Failed)
    );
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"before");
    assert!(!bench.ended(token));
    let (reason, unsent) = bench.close_event(token).unwrap();
    assert!(reason.to_string().contains(RESET), "{reason}");
    assert_eq!(unsent, 5);
}

#[test]
fn reset_found_by_the_check_of_a_connect_is_not_a_clean_end() {
    let mut bench = without_faults(Budget::default(), 100);
    let token = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.kernel().advance(1);
    let peer = bench.kernel().peer_of(token).unwrap();
    bench.kernel().peer_send(peer, b"too many connections");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"too many connections");
    assert!(!bench.ended(token));
    assert!(bench.closed(token).unwrap().to_string().contains(RESET));
}

#[test]
fn reset_after_a_fin_is_reported() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.pause(token);
    bench.kernel().peer_finish(peer);
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert!(bench.ended(token), "the FIN came first");
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

#[test]
fn unsent_bytes_are_counted_when_the_peer_resets() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 5_000], false), Ok(4_000));
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    assert_eq!(bench.close_event(token).unwrap().1, 4_000);
}

#[test]
fn writes_after_a_failed_send_count_as_unsent() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_reset(peer);
    for count in 1..=2 {
        assert_eq!(
            bench.reactor.write(token, b"reply", false),
            Err(WriteError::Failed)
        );
        assert_eq!(bench.reactor.unsent(token), 5 * count);
    }
    bench.reactor.destroy(token);
    assert_eq!(
        bench.reactor.write(token, b"reply", false),
        Err(WriteError::Closed)
    );
    assert_eq!(
        bench.reactor.unsent(token),
        10,
        "the caller counts a refused write"
    );
    bench.reactor.count_unsent(token, 5);
    bench.run_until_idle();
    assert_eq!(bench.close_event(token).unwrap().1, 15);
    assert_eq!(bench.reactor.unsent(token), 0, "its close was reported");
}

#[test]
fn fin_goes_out_behind_queued_data() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().set_capacity(peer, 700);
    let message: Vec<u8> = (0..1_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    bench.reactor.write(token, &message, false).unwrap();
    bench.reactor.end(token);
    let mut got = Vec::new();
    while got.len() < message.len() {
        let queued = bench.reactor.queued(token);
        let fin = bench.kernel().view(peer).output_ended;
        assert!(!fin || queued == 0, "FIN with {queued} bytes queued");
        assert!(
            bench.kernel().peer_receive(peer, 900, &mut got) > 0,
            "it stopped at {}",
            got.len()
        );
        bench.run_until_idle();
    }
    assert_eq!(got, message);
    assert!(bench.kernel().view(peer).output_ended);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn end_has_a_deadline_on_the_virtual_clock() {
    let mut bench = with_short_end_timeout();
    let (_, token) = bench.client();
    bench.reactor.end(token);
    bench.run_until_idle();
    bench.kernel().advance(499_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), None);
    bench.turn(None);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Receive))
    );
}

/// The process was busy, stopped or suspended, and finds the answer and the alarm at the same time.
#[test]
fn answer_that_came_in_time_is_not_lost_by_a_late_turn() {
    for batch in [1_024, 1] {
        let mut bench = with_short_end_timeout();
        let pairs: Vec<_> = (0..5).map(|_| bench.client()).collect();
        for &(_, token) in &pairs {
            bench.reactor.end(token);
        }
        bench.run_until_idle();
        for &(peer, _) in &pairs {
            bench.kernel().peer_send(peer, &[7; 1_000]);
            bench.kernel().peer_finish(peer);
        }
        // With many connections, one wait does not report all of them.
        bench.kernel().faults.batch = batch;
        bench.kernel().advance(600_000_000);
        bench.run_until_idle();
        for (_, token) in pairs {
            assert_eq!(bench.bytes(token), [7; 1_000]);
            assert_eq!(bench.closed(token), Some(CloseReason::Ended));
        }
    }
}

#[test]
fn room_that_came_in_time_is_used_before_the_deadline_is_checked() {
    let mut bench = with_short_end_timeout();
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 2_000], false), Ok(1_000));
    bench.reactor.end(token);
    bench.run_until_idle();
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 1_000, &mut got);
    bench.kernel().advance(600_000_000);
    bench.run_until_idle();
    bench.kernel().peer_receive(peer, 1_000, &mut got);
    assert_eq!(got.len(), 2_000);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Ended));
}

#[test]
fn end_timeout_of_zero_does_not_hang_the_turn() {
    let limits = Limits {
        end_timeout: 0,
        ..Limits::default()
    };
    let mut bench = Bench::listening(limits, Budget::default(), 100);
    let (_, token) = bench.client();
    bench.reactor.pause(token);
    bench.reactor.end(token);
    bench.turn(None);
    bench.reactor.resume(token);
    bench.until_closed(token, 0);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Receive))
    );
}

#[test]
fn discarded_input_is_bounded() {
    let limits = Limits {
        discard: 100,
        ..Limits::default()
    };
    let mut bench = Bench::listening(limits, Budget::default(), 50);
    let (peer, token) = bench.client();
    bench.reactor.end_and_discard(token);
    bench.kernel().peer_send(peer, &[0; 100]);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), None);
    bench.kernel().peer_send(peer, &[0; 1]);
    bench.run_until_idle();
    assert_eq!(bench.closed(token), Some(CloseReason::Destroyed));
    assert_eq!(bench.bytes(token), b"");
}

#[test]
fn writes_after_the_end_are_refused_without_a_call() {
    let (mut bench, _, token) = Bench::pair(Budget::default(), 100);
    bench.reactor.end(token);
    let calls = bench.kernel().calls();
    assert_eq!(
        bench.reactor.write(token, b"late", false),
        Err(WriteError::Ended)
    );
    bench.reactor.destroy(token);
    assert_eq!(
        bench.reactor.write(token, b"late", false),
        Err(WriteError::Closed)
    );
    assert_eq!(bench.kernel().calls(), calls + 1, "the close alone");
}

#[test]
fn shutdown_of_a_reset_socket_is_no_second_error() {
    let (mut bench, peer, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().peer_reset(peer);
    bench.reactor.end(token);
    bench.run_until_idle();
    match bench.closed(token) {
        Some(CloseReason::Failed(failure)) => assert_eq!(failure.errno, Errno::ECONNRESET),
        other => panic!("closed as {other:?}"),
    }
}

#[test]
fn slow_sender_does_not_hold_a_discarding_connection() {
    let mut bench = with_short_end_timeout();
    let (peer, token) = bench.client();
    bench.reactor.end_and_discard(token);
    // A pause does not stop input that is discarded.
    bench.reactor.pause(token);
    for _ in 0..4 {
        bench.kernel().peer_send(peer, b"drip");
        bench.run_until_idle();
        bench.kernel().advance(200_000_000);
    }
    bench.run_until_idle();
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Receive))
    );
    // The bytes that are there at the deadline are received, because they may have come in time.
    assert_eq!(bench.kernel().view(peer).received, 16);
}

#[test]
fn reset_is_reported_when_paused_after_the_last_byte() {
    let budget = Budget {
        slot_calls: 1,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 6);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"before");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    bench.reactor.resume(token);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token), b"before");
    bench.reactor.pause(token);
    bench.run_until_idle();
    assert!(bench.closed(token).unwrap().to_string().contains(RESET));
}

#[test]
fn peer_that_reads_nothing_does_not_hold_an_ending_connection() {
    let mut bench = with_short_end_timeout();
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 10_000], false), Ok(9_000));
    bench.reactor.end(token);
    bench.run_until_idle();
    // A peer that still reads, however slowly, is waited for.
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 1_000, &mut got);
    bench.run_until_idle();
    bench.kernel().advance(500_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), None);
    bench.until_closed(token, 500);
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::TimedOut(Call::Send), 8_000))
    );
}

/// Discarded input does not extend the deadline. Otherwise a byte now and then would keep the connection and its queue for
/// ever.
#[test]
fn slow_sender_that_reads_nothing_does_not_hold_the_send_queue() {
    let mut bench = with_short_end_timeout();
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 1_000);
    assert_eq!(bench.reactor.write(token, &[1; 10_000], false), Ok(9_000));
    bench.reactor.end_and_discard(token);
    for _ in 0..4 {
        bench.kernel().peer_send(peer, b"drip");
        bench.run_until_idle();
        bench.kernel().advance(200_000_000);
    }
    bench.run_until_idle();
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::TimedOut(Call::Send), 9_000))
    );
}

#[test]
fn shortage_of_memory_does_not_cancel_the_deadline_of_an_end() {
    let mut bench = with_short_end_timeout();
    let (peer, token) = bench.client();
    bench.kernel().set_capacity(peer, 1_000);
    bench.kernel().refuse_send(Errno::ENOBUFS);
    bench.reactor.write(token, &[1; 10_000], false).unwrap();
    bench.reactor.end(token);
    // The retry sends bytes. Then a whole end timeout passes in which none are sent.
    for _ in 0..4 {
        bench.kernel().advance(501_000_000);
        bench.turn(Some(Duration::ZERO));
        bench.run_until_idle();
    }
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::TimedOut(Call::Send), 9_000))
    );
}
