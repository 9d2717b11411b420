//! Accepting: errors of one client, shortages, limits, credit.
use std::time::Duration;

use edgepoll::kernel::simulated::Faults;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Budget, Event, ListenOptions};
use edgepoll::Errno;

use crate::{address, without_faults, Bench};

fn accept_pauses(bench: &Bench) -> usize {
    let pause = |event: &&Event| matches!(event, Event::AcceptPaused { .. });
    bench.events.iter().filter(pause).count()
}

#[test]
fn emfile_pauses_and_resumes_without_spin() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions::default());
    bench.kernel().run_short(Errno::EMFILE, 3);
    bench.kernel().dial(address()).unwrap();
    bench.turn(Some(Duration::ZERO));
    assert_eq!(accept_pauses(&bench), 1);
    let calls = bench.kernel().calls();
    for _ in 0..100 {
        bench.turn(Some(Duration::ZERO));
    }
    assert_eq!(
        bench.kernel().calls(),
        calls + 100,
        "the loop spins while there are no descriptors"
    );
    // Each turn sleeps until the alarm. The first two fail and pause again, and the third accepts the client.
    bench.turn(None);
    bench.turn(None);
    assert_eq!((accept_pauses(&bench), bench.opened().len()), (3, 0));
    bench.turn(None);
    assert_eq!((accept_pauses(&bench), bench.opened().len()), (3, 1));
    assert_eq!(bench.reactor.stats().accept_pauses, 3);
}

#[test]
fn emfile_ends_early_when_a_connection_closes() {
    let (mut bench, _, token) = Bench::pair(Budget::default(), 100);
    bench.kernel().run_short(Errno::ENFILE, 1);
    bench.kernel().dial(address()).unwrap();
    bench.run_until_idle();
    assert_eq!((accept_pauses(&bench), bench.opened().len()), (1, 1));
    bench.reactor.destroy(token);
    bench.run_until_idle();
    assert_eq!(bench.opened().len(), 2);
}

#[test]
fn accept_error_table() {
    let next = [
        Errno::EINTR,
        Errno::ECONNABORTED,
        Errno::EPERM,
        Errno::EPROTO,
        Errno::ENOPROTOOPT,
        Errno::ENETDOWN,
        Errno::ENETUNREACH,
        Errno::EHOSTDOWN,
        Errno::EHOSTUNREACH,
        Errno::ENONET,
        Errno::EOPNOTSUPP,
    ];
    let shortage = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
    for errno in next.into_iter().chain(shortage) {
        let mut bench = without_faults(Budget::default(), 100);
        bench.listen(ListenOptions::default());
        bench.kernel().run_short(errno, 1);
        bench.kernel().dial(address()).unwrap();
        bench.run_until_idle();
        let paused = usize::from(shortage.contains(&errno));
        assert_eq!(
            (accept_pauses(&bench), bench.opened().len()),
            (paused, 1 - paused),
            "{errno}"
        );
        bench.turn(Some(Duration::from_secs(5)));
        assert_eq!(
            bench.opened().len(),
            1,
            "{errno}: the next client waits for ever"
        );
    }
}

#[test]
fn max_connections_counter_returns_to_zero() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        max_connections: 3,
        ..ListenOptions::default()
    });
    for round in 0..5 {
        let before = bench.opened().len();
        for _ in 0..4 {
            bench.kernel().dial(address()).unwrap();
        }
        // Registrations that fail must not count as connections.
        bench.kernel().faults = Faults {
            register: 500,
            ..Faults::none()
        };
        bench.turn(Some(Duration::ZERO));
        bench.kernel().faults = Faults::none();
        for _ in 0..10 {
            bench.turn(Some(Duration::from_secs(5)));
        }
        let opened = bench.opened()[before..].to_vec();
        assert!(
            opened.len() <= 3,
            "round {round}: {} are open",
            opened.len()
        );
        for token in &opened {
            bench.reactor.destroy(*token);
        }
        for _ in 0..10 {
            bench.turn(Some(Duration::from_secs(5)));
        }
        let rest = bench.opened()[before + opened.len()..].to_vec();
        for token in rest {
            bench.reactor.destroy(token);
        }
        bench.run_until_idle();
        assert_eq!(bench.kernel().backlog(address()), 0, "round {round}");
        assert_eq!(
            bench.kernel().open_sockets(),
            1,
            "round {round}: the listener alone"
        );
    }
}

#[test]
fn connection_limit_leaves_the_rest_in_the_backlog() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        max_connections: 3,
        ..ListenOptions::default()
    });
    for _ in 0..4 {
        bench.kernel().dial(address()).unwrap();
    }
    bench.run_until_idle();
    assert_eq!(
        (bench.opened().len(), bench.kernel().backlog(address())),
        (3, 1)
    );
    let first = bench.opened()[0];
    bench.reactor.destroy(first);
    bench.run_until_idle();
    assert_eq!(
        (bench.opened().len(), bench.kernel().backlog(address())),
        (4, 0)
    );
}

#[test]
fn credit_is_what_the_owner_granted() {
    let mut bench = without_faults(Budget::default(), 100);
    let listener = bench.listen(ListenOptions {
        credit: 1,
        ..ListenOptions::default()
    });
    for _ in 0..5 {
        bench.kernel().dial(address()).unwrap();
    }
    bench.run_until_idle();
    assert_eq!(bench.opened().len(), 1);
    bench.reactor.grant(listener, 2);
    bench.run_until_idle();
    assert_eq!(bench.opened().len(), 3);
    let calls = bench.kernel().calls();
    bench.turn(Some(Duration::ZERO));
    assert_eq!(
        bench.kernel().calls(),
        calls + 1,
        "without credit the backlog is not checked"
    );
    bench.reactor.grant(listener, 10);
    bench.run_until_idle();
    assert_eq!(bench.opened().len(), 5);
}

#[test]
fn accept_flood_leaves_time_for_connections() {
    let budget = Budget {
        accepts: 4,
        ..Budget::default()
    };
    let (mut bench, peer, token) = Bench::pair(budget, 100);
    for _ in 0..1_000 {
        bench.kernel().dial(address()).unwrap();
    }
    bench.kernel().peer_send(peer, b"ping");
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.bytes(token), b"ping");
    assert_eq!(bench.opened().len(), 5);
    bench.run_until_idle();
    assert_eq!(bench.opened().len(), 1_001);
}

#[test]
fn pauses_grow_while_registrations_fail() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions::default());
    for _ in 0..4 {
        bench.kernel().dial(address()).unwrap();
    }
    bench.kernel().faults = Faults {
        register: 1_000,
        ..Faults::none()
    };
    let mut times = Vec::new();
    for _ in 0..4 {
        bench.turn(None);
        times.push(bench.reactor.kernel_mut().now() / 1_000_000);
    }
    assert_eq!(accept_pauses(&bench), 4);
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [5, 10, 20]);
}

#[test]
fn a_shortage_after_a_good_accept_begins_with_the_first_pause() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions::default());
    bench.kernel().run_short(Errno::EMFILE, 6);
    bench.kernel().dial(address()).unwrap();
    while bench.opened().is_empty() {
        bench.turn(None);
    }
    assert_eq!(accept_pauses(&bench), 6);
    bench.kernel().run_short(Errno::EMFILE, 1);
    bench.kernel().dial(address()).unwrap();
    let before = bench.kernel().now();
    while bench.opened().len() < 2 {
        bench.turn(None);
    }
    assert_eq!(accept_pauses(&bench), 7);
    let paused = bench.kernel().now() - before;
    assert!(paused < 6_000_000, "{paused} ns");
}

#[test]
fn an_accept_that_policy_refuses_pauses_and_resumes_without_spin() {
    for errno in [Errno::EPERM, Errno::EINTR, Errno::EOPNOTSUPP] {
        let mut bench = without_faults(Budget::default(), 100);
        bench.listen(ListenOptions::default());
        bench.kernel().dial(address()).unwrap();
        // The client stays in the backlog, as under seccomp.
        bench.kernel().run_short(errno, u32::MAX);
        let before = bench.kernel().now();
        while bench.kernel().now() - before < 3_000_000_000 {
            bench.turn(None);
        }
        let (calls, paused) = (bench.kernel().calls(), accept_pauses(&bench));
        assert!(calls < 2_000, "{errno}: {calls} calls in three seconds");
        assert!((8..=12).contains(&paused), "{errno}: {paused} pauses");
        bench.kernel().run_short(errno, 0);
        bench.turn(Some(Duration::from_secs(5)));
        assert_eq!(bench.opened().len(), 1, "{errno}: the client is forgotten");
    }
}

#[test]
fn clients_that_a_firewall_refuses_do_not_keep_a_good_one_waiting() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions::default());
    for _ in 0..1_000 {
        bench.kernel().dial(address()).unwrap();
    }
    // About every second client is refused. A refused client leaves the backlog.
    bench.kernel().faults = Faults {
        aborted: 500,
        ..Faults::none()
    };
    bench.run_until_idle();
    assert_eq!(
        (accept_pauses(&bench), bench.kernel().backlog(address())),
        (0, 0)
    );
    // Refusals that are far apart never cause a pause.
    for _ in 0..200 {
        bench.kernel().run_short(Errno::EPERM, 1);
        bench.kernel().faults = Faults {
            aborted: 1_000,
            ..Faults::none()
        };
        bench.kernel().dial(address()).unwrap();
        bench.run_until_idle();
    }
    assert_eq!(accept_pauses(&bench), 0);
}
