//! Connects that are refused, get no answer or reach the socket itself, and writes before a connection is up.
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::simulated::{Faults, Outcome};
use edgepoll::reactor::{Budget, ConnectOptions, Event};
use edgepoll::{Call, Errno};

use crate::{address, short_end_timeout, without_faults};

fn assert_refused(outcome: Outcome) {
    let mut bench = without_faults(Budget::default(), 100);
    bench.kernel().plan_connect(outcome, 1_000_000);
    let token = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.reactor.write(token, b"early", false).unwrap();
    bench.kernel().advance(1_000_000);
    bench.run_until_idle();
    match bench.close_event(token) {
        Some((CloseReason::Failed(failure), 5)) => {
            assert_eq!(
                (failure.call, failure.errno),
                (Call::Connect, Errno::ECONNREFUSED)
            );
        }
        other => panic!("{outcome:?}: {other:?}"),
    }
    assert!(!bench.events.contains(&Event::Connected { token }));
    assert_eq!(bench.kernel().open_sockets(), 0);
}

#[test]
fn connect_refused() {
    assert_refused(Outcome::Refused);
}

#[test]
fn self_connect_is_refused() {
    assert_refused(Outcome::Itself);
}

#[test]
fn connect_error_at_once_leaves_nothing_behind() {
    let mut bench = without_faults(Budget::default(), 100);
    bench
        .kernel()
        .plan_connect(Outcome::AtOnce(Errno::ENETUNREACH), 0);
    let failure = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap_err();
    assert_eq!(
        (failure.call, failure.errno),
        (Call::Connect, Errno::ENETUNREACH)
    );
    bench.kernel().faults = Faults {
        register: 1_000,
        ..Faults::none()
    };
    let failure = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap_err();
    assert_eq!(failure.call, Call::Register);
    assert_eq!(bench.kernel().open_sockets(), 0);
}

#[test]
fn connect_deadline() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.kernel().plan_connect(Outcome::Never, 0);
    let options = ConnectOptions {
        timeout: 300,
        ..ConnectOptions::default()
    };
    let token = bench.reactor.connect(address(), options).unwrap();
    bench.kernel().advance(299_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), None);
    bench.turn(None);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Connect))
    );
    assert_eq!(bench.kernel().open_sockets(), 0);
}

/// The process was busy, stopped or suspended, and finds the outcome and the alarm at the same time.
#[test]
fn connect_that_ended_in_time_is_not_timed_out_by_a_late_turn() {
    for batch in [1_024, 1] {
        let mut bench = without_faults(Budget::default(), 100);
        let mut tokens = Vec::new();
        for _ in 0..5 {
            bench
                .kernel()
                .plan_connect(Outcome::Established, 100_000_000);
            let options = ConnectOptions {
                timeout: 300,
                ..ConnectOptions::default()
            };
            tokens.push(bench.reactor.connect(address(), options).unwrap());
        }
        // With many connections, one wait does not report all of them.
        bench.kernel().faults.batch = batch;
        bench.kernel().advance(400_000_000);
        bench.run_until_idle();
        for token in tokens {
            assert_eq!(bench.closed(token), None);
            assert!(bench.events.contains(&Event::Connected { token }));
        }
    }
}

#[test]
fn false_hang_up_during_a_connect_is_not_its_end() {
    let mut bench = without_faults(Budget::default(), 100);
    bench
        .kernel()
        .plan_connect(Outcome::Established, 50_000_000);
    let token = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.reactor.write(token, b"hello", false).unwrap();
    bench.kernel().faults = Faults {
        spurious: 1_000,
        ..Faults::none()
    };
    for _ in 0..50 {
        bench.turn(Some(Duration::ZERO));
    }
    bench.kernel().faults = Faults::none();
    let is_queued = |event: &Event| matches!(event, Event::Queued { .. });
    assert!(bench.events.iter().all(is_queued), "{:?}", bench.events);
    bench.kernel().advance(50_000_000);
    bench.run_until_idle();
    assert!(bench.events.contains(&Event::Connected { token }));
    let peer = bench.kernel().peer_of(token).unwrap();
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, b"hello");
}

#[test]
fn end_during_a_connect_has_a_deadline_when_the_peer_reads_nothing() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.kernel().plan_connect(Outcome::Established, 1_000_000);
    bench.kernel().set_default_capacity(10);
    let limits = short_end_timeout();
    let options = ConnectOptions {
        limits,
        ..ConnectOptions::default()
    };
    let token = bench.reactor.connect(address(), options).unwrap();
    bench.reactor.write(token, &[1; 100], false).unwrap();
    bench.reactor.end(token);
    bench.kernel().advance(1_000_000);
    bench.run_until_idle();
    assert!(bench.events.contains(&Event::Connected { token }));
    bench.kernel().advance(499_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.closed(token), None);
    bench.kernel().advance(2_000_000);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(
        bench.close_event(token),
        Some((CloseReason::TimedOut(Call::Send), 90))
    );
}

#[test]
fn queue_lost_at_the_end_of_a_connect_is_reported_while_paused() {
    let mut bench = without_faults(Budget::default(), 100);
    bench
        .kernel()
        .plan_connect(Outcome::Established, 50_000_000);
    let token = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.reactor.write(token, &[1; 70_000], false).unwrap();
    bench.turn(Some(Duration::ZERO));
    bench.reactor.pause(token);
    bench.kernel().advance(50_000_000);
    let peer = bench.kernel().peer_of(token).unwrap();
    bench.kernel().peer_send(peer, b"too many connections");
    bench.kernel().peer_reset(peer);
    bench.run_until_idle();
    let failed =
        |event: &&Event| matches!(event, Event::WriteFailed { token: of, .. } if *of == token);
    assert_eq!(
        bench.events.iter().filter(failed).count(),
        1,
        "{:?}",
        bench.events
    );
    assert_eq!(bench.reactor.unsent(token), 70_000);
    assert_eq!(bench.closed(token), None, "what arrived comes first");
    bench.reactor.resume(token);
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"too many connections");
    assert_eq!(bench.close_event(token).unwrap().1, 70_000);
}

#[test]
fn commands_for_listeners_leave_a_connection_its_deadline() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.kernel().plan_connect(Outcome::Never, 0);
    let token = bench
        .reactor
        .connect(address(), ConnectOptions::default())
        .unwrap();
    bench.reactor.close_listener(token);
    bench.reactor.grant(token, 1);
    bench.turn(None);
    assert_eq!(
        bench.closed(token),
        Some(CloseReason::TimedOut(Call::Connect))
    );
}
