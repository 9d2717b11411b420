//! If bytes are lost, the peer sees a reset and never a clean end. If nothing is lost, it sees a clean end.
use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::{Faults, Peer};
use edgepoll::protocol::{Factory, Lines};
use edgepoll::reactor::{Budget, ListenOptions, WriteError};
use edgepoll::{Call, Errno, Token};

use crate::{short_end_timeout, without_faults, Bench};

/// A server of lines with one client. The kernel accepts 100 bytes for a client that reads nothing.
fn pair(limits: Limits) -> (Bench, Peer, Token) {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        limits,
        protocol: Some(Rc::new(Factory::new(Lines::new(50)))),
        ..ListenOptions::default()
    });
    bench.kernel().set_default_capacity(100);
    let (peer, token) = bench.client();
    (bench, peer, token)
}

/// Whether the peer of a closed connection saw a reset. It may see one only if bytes were lost or the owner reset the
/// connection.
fn was_reset(bench: &mut Bench, peer: Peer) -> bool {
    let view = bench.kernel().view(peer);
    assert!(!view.open, "the connection is closed");
    view.peer_was_reset
}

#[test]
fn queue_that_is_full_resets() {
    let limits = Limits {
        send_queue: 100,
        ..Limits::default()
    };
    let (mut bench, peer, token) = pair(limits);
    for _ in 0..4 {
        bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    }
    assert_eq!(
        bench.reactor.write(token, b"x", false),
        Err(WriteError::QueueFull)
    );
    bench.run_until_idle();
    assert!(was_reset(&mut bench, peer));
    assert_eq!(bench.closed(token), Some(CloseReason::QueueFull));
}

#[test]
fn destroy_with_a_queue_resets() {
    let (mut bench, peer, token) = pair(Limits::default());
    for _ in 0..3 {
        bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    }
    bench.reactor.destroy(token);
    assert!(was_reset(&mut bench, peer), "the close is immediate");
    bench.run_until_idle();
    assert_eq!(bench.close_event(token), Some((CloseReason::Destroyed, 50)));
}

#[test]
fn deadline_with_a_queue_resets() {
    let (mut bench, peer, token) = pair(short_end_timeout());
    bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    bench.reactor.end_with(token, b"last").unwrap();
    bench.run_until_idle();
    bench.until_closed(token, 500);
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::TimedOut(Call::Send), 5))
    );
    assert!(was_reset(&mut bench, peer));
}

#[test]
fn broken_protocol_with_a_queue_resets() {
    let (mut bench, peer, token) = pair(Limits::default());
    for _ in 0..3 {
        bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    }
    bench.kernel().peer_send(peer, &[b'y'; 60]);
    bench.run_until_idle();
    assert!(matches!(
        bench.close_event(token),
        Some((CloseReason::Protocol(_), 50))
    ));
    assert!(was_reset(&mut bench, peer));
}

/// The socket is still connected if there is no route for a moment. A plain close would send FIN.
#[test]
fn failed_send_resets_a_socket_that_is_still_connected() {
    for paused in [false, true] {
        let (mut bench, peer, token) = pair(Limits::default());
        if paused {
            bench.reactor.pause(token);
        }
        bench
            .kernel()
            .refuse_send_of_live_socket(Errno::EHOSTUNREACH);
        assert_eq!(
            bench.reactor.write(token, b"lost", false),
            Err(WriteError::Failed)
        );
        bench.run_until_idle();
        let Some((CloseReason::Failed(failure), 5)) = bench.close_event(token) else {
            panic!("paused {paused}: {:?}", bench.close_event(token));
        };
        assert_eq!(failure.errno, Errno::EHOSTUNREACH);
        assert!(was_reset(&mut bench, peer), "paused {paused}");
    }
}

/// A short receive empties a socket. The failure after it must still be reported.
#[test]
fn failed_send_of_a_live_socket_is_reported_after_the_bytes_before_it() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"before\n");
    bench
        .kernel()
        .refuse_send_of_live_socket(Errno::EHOSTUNREACH);
    let refused = bench.reactor.write(token, b"lost", false);
    assert_eq!(refused, Err(WriteError::Failed));
    bench.run_until_idle();
    assert_eq!(bench.closed(token), None, "what arrived comes first");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"before");
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

/// The owner pauses, resumes for the last bytes and pauses again, so no receive finds the failure.
#[test]
fn failure_known_before_a_pause_is_reported_after_the_last_byte() {
    let budget = Budget {
        slot_calls: 1,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 6);
    bench.reactor.pause(token);
    bench.kernel().peer_send(peer, b"before");
    bench
        .kernel()
        .refuse_send_of_live_socket(Errno::EHOSTUNREACH);
    let refused = bench.reactor.write(token, b"lost", false);
    assert_eq!(refused, Err(WriteError::Failed));
    bench.run_until_idle();
    bench.reactor.resume(token);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token), b"before");
    bench.reactor.pause(token);
    bench.run_until_idle();
    assert!(matches!(bench.closed(token), Some(CloseReason::Failed(_))));
}

#[test]
fn shortage_of_memory_that_does_not_end_fails_the_send_and_resets() {
    let (mut bench, peer, token) = pair(short_end_timeout());
    bench.kernel().faults = Faults {
        no_buffers: 1_000,
        ..Faults::none()
    };
    bench.reactor.write(token, b"lost", false).unwrap();
    let before = bench.kernel().calls();
    while bench.closed(token).is_none() {
        bench.turn(None);
        assert!(
            bench.kernel().calls() - before < 1_000,
            "the send is tried without end"
        );
    }
    let Some((CloseReason::Failed(failure), 5)) = bench.close_event(token) else {
        panic!("{:?}", bench.close_event(token));
    };
    assert_eq!(failure.call, Call::Send);
    assert!(matches!(failure.errno, Errno::ENOBUFS | Errno::ENOMEM));
    assert!(was_reset(&mut bench, peer));
}

/// An owner writes until it gets the close event, and that event may have to wait for room in the inbox.
#[test]
fn write_accepted_before_the_close_is_reported_is_lost_with_a_reset() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.inbox = crate::inbox::RecordingInbox::new(8, 100);
    bench.listen(ListenOptions {
        protocol: Some(Rc::new(Factory::new(Lines::new(50)))),
        ..ListenOptions::default()
    });
    let clients: Vec<_> = (0..9).map(|_| bench.client()).collect();
    for (peer, _) in &clients {
        bench.kernel().peer_send(*peer, &[b'y'; 60]);
    }
    bench.turn(Some(Duration::ZERO));
    let unreported: Vec<_> = clients
        .iter()
        .filter(|(_, token)| bench.closed(*token).is_none())
        .copied()
        .collect();
    let [(peer, token)] = unreported[..] else {
        panic!("one of nine has no room: {unreported:?}");
    };
    let refused = bench.reactor.write(token, b"accepted", false);
    assert_eq!(refused, Err(WriteError::Closed));
    bench.reactor.count_unsent(token, 8);
    bench.run_until_idle();
    assert_eq!(bench.close_event(token).unwrap().1, 8);
    for (other, _) in clients {
        assert_eq!(was_reset(&mut bench, other), other == peer);
    }
}

#[test]
fn nothing_lost_is_no_reset() {
    let (mut bench, peer, token) = pair(short_end_timeout());
    bench.reactor.write(token, b"whole", false).unwrap();
    bench.reactor.destroy(token);
    assert!(!was_reset(&mut bench, peer), "destroyed");

    let (peer, token) = bench.client();
    bench.reactor.end_with(token, b"whole").unwrap();
    bench.run_until_idle();
    bench.until_closed(token, 500);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Receive))
    );
    assert!(!was_reset(&mut bench, peer), "the peer never ended");

    let (peer, token) = bench.client();
    bench.reactor.write(token, b"whole", false).unwrap();
    bench.kernel().peer_send(peer, &[b'y'; 60]);
    bench.run_until_idle();
    assert!(matches!(
        bench.closed(token),
        Some(CloseReason::Protocol(_))
    ));
    assert!(!was_reset(&mut bench, peer), "the peer broke the protocol");
}

#[test]
fn reset_on_purpose() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.reactor.write(token, b"whole", false).unwrap();
    bench.reactor.reset(token);
    assert!(was_reset(&mut bench, peer));
    bench.run_until_idle();
    assert_eq!(bench.close_event(token), Some((CloseReason::Destroyed, 0)));
}

#[test]
fn last_write_is_taken_by_a_full_queue() {
    let limits = Limits {
        send_queue: 100,
        ..Limits::default()
    };
    let (mut bench, peer, token) = pair(limits);
    for _ in 0..4 {
        bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    }
    assert!(bench.reactor.queued(token) >= 100);
    assert_eq!(bench.reactor.end_with(token, b"last"), Ok(105));
    assert_eq!(
        bench.reactor.write(token, b"more", false),
        Err(WriteError::Ended)
    );
    let mut got = Vec::new();
    while bench.kernel().peer_receive(peer, 1_000, &mut got) > 0 {
        bench.run_until_idle();
    }
    assert_eq!(got.len(), 205);
    assert!(got.ends_with(b"\nlast\n"));
    assert!(bench.kernel().view(peer).output_ended);
}

#[test]
fn last_write_that_is_no_frame_is_refused_and_the_end_follows() {
    let (mut bench, peer, token) = pair(Limits::default());
    let refused = bench.reactor.end_with(token, b"two\nlines");
    assert!(matches!(refused, Err(WriteError::Protocol(_))));
    assert!(bench.kernel().view(peer).output_ended);
}

/// When the process ends, the kernel closes its sockets. A peer may see FIN only if it has received everything.
#[test]
fn connections_with_unsent_bytes_are_reset_by_the_end_of_the_process() {
    let (mut bench, full, token) = pair(Limits::default());
    for _ in 0..3 {
        bench.reactor.write(token, &[b'x'; 49], false).unwrap();
    }
    let (idle, other) = bench.client();
    bench.reactor.write(other, b"whole", false).unwrap();
    bench.reactor.reset_unsent();
    assert!(bench.kernel().view(full).resets_on_close);
    assert!(!bench.kernel().view(idle).resets_on_close);
}

#[test]
fn end_that_cannot_be_sent_fails_the_connection() {
    let (mut bench, _, token) = pair(Limits::default());
    bench.kernel().refuse_shutdown(Errno::EIO);
    bench.reactor.end(token);
    bench.run_until_idle();
    let Some(CloseReason::Failed(failure)) = bench.closed(token) else {
        panic!("{:?}", bench.closed(token));
    };
    assert_eq!((failure.call, failure.errno), (Call::Shutdown, Errno::EIO));
}
