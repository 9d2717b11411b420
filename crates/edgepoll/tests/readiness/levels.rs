//! Triggers, the room of a wait, and the announcement, with every engine.

use std::os::fd::AsRawFd;

use edgepoll::readiness::{bits, Poller, Refusal};
use nix::sys::resource::{getrlimit, setrlimit, Resource};

use crate::poller::Watch;
use crate::{announces, pipe, poller, read, try_wait, write, KINDS};

#[test]
fn level_repeats_until_it_is_read_with_every_engine() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let mut poller = poller(kind);
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        write(&writer, 2048);
        for _ in 0..3 {
            assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
        }
        read(&reader, 1024);
        assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
        read(&reader, 1024);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
    }
}

#[test]
fn oneshot_is_silent_until_armed_with_every_engine() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let mut poller = poller(kind);
        let token = poller
            .watch(reader.as_raw_fd(), bits::READABLE | bits::ONESHOT)
            .unwrap();
        write(&writer, 10);
        assert_eq!(try_wait(&mut poller).len(), 1, "{kind:?}");
        write(&writer, 10);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        drop(writer);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}: not even a hang-up");
        assert_eq!(poller.counters().stale, 0, "{kind:?}: the engine is silent");
        poller.rearm(token).unwrap();
        let found = try_wait(&mut poller);
        assert_eq!(found, [(token, bits::READABLE | bits::HANGUP)], "{kind:?}");
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
    }
}

#[test]
fn edge_is_reported_once_by_epoll_and_refused_by_poll_and_select() {
    let (reader, writer) = pipe();
    for kind in KINDS {
        let mut poller = poller(kind);
        let added = poller.watch(reader.as_raw_fd(), bits::READABLE | bits::EDGE);
        if kind != KINDS[0] {
            assert_eq!(added, Err(Refusal::Trigger));
            continue;
        }
        write(&writer, 2048);
        assert_eq!(try_wait(&mut poller).len(), 1);
        read(&reader, 1024);
        assert_eq!(try_wait(&mut poller), []);
        write(&writer, 1);
        assert_eq!(try_wait(&mut poller).len(), 1);
        poller
            .modify(added.unwrap(), bits::READABLE | bits::EDGE)
            .unwrap();
        assert_eq!(try_wait(&mut poller).len(), 1, "modify() checks again");
    }
}

#[test]
fn a_small_room_starves_no_registration_with_every_engine() {
    for kind in KINDS {
        let pipes: Vec<_> = (0..10).map(|_| pipe()).collect();
        let mut poller = Poller::with_kind(kind, 3).unwrap();
        for (reader, writer) in &pipes {
            poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
            write(writer, 1);
        }
        let mut seen = std::collections::HashMap::new();
        for _ in 0..20 {
            let found = try_wait(&mut poller);
            assert_eq!(found.len(), 3, "{kind:?}");
            for (token, _) in found {
                *seen.entry(token.index).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 10, "{kind:?}");
        assert!(
            seen.values().all(|times| (4..=8).contains(times)),
            "{kind:?}: {seen:?}"
        );
    }
}

#[test]
fn select_refuses_what_does_not_fit_into_a_set() {
    // Many shells limit a process to 1024 descriptors until it raises the limit.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    if most <= 1024 {
        eprintln!("skipped: this process may have {most} descriptors");
        return;
    }
    let (reader, _writer) = pipe();
    let high = nix::fcntl::fcntl(&reader, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(1024)).unwrap();
    let mut poller = poller(KINDS[2]);
    assert_eq!(poller.watch(high, bits::READABLE), Err(Refusal::SetSize));
    assert_eq!(try_wait(&mut poller), []);
    nix::unistd::close(high).unwrap();
}

#[test]
fn regular_files_are_ready_for_poll_and_select() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let wanted = bits::READABLE | bits::WRITABLE;
    for kind in KINDS {
        let mut poller = poller(kind);
        let added = poller.watch(file.as_raw_fd(), wanted);
        if kind == KINDS[0] {
            assert_eq!(added, Err(Refusal::Kernel(edgepoll::Errno::EPERM)));
            continue;
        }
        let token = added.unwrap();
        assert_eq!(try_wait(&mut poller), [(token, wanted)], "{kind:?}");
        let again = poller.watch(file.as_raw_fd(), wanted);
        assert_eq!(again, Err(Refusal::Kernel(edgepoll::Errno::EEXIST)));
        assert_eq!(poller.unregister(token), Ok(()));
        assert_eq!(try_wait(&mut poller), []);
    }
}

/// hazard 104: a wake-up is not lost in any phase of the waiting thread.
#[test]
fn the_announcement_comes_whenever_the_write_happens() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let mut poller = poller(kind);
        poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        let rounds = 2_000;
        let (delays, received) = std::sync::mpsc::channel::<u32>();
        let writing = std::thread::spawn(move || {
            for phase in received {
                for _ in 0..phase {
                    std::hint::spin_loop();
                }
                write(&writer, 1);
            }
        });
        for round in 0..rounds {
            delays.send(round % 997 * 7).unwrap();
            poller.begin_wait().unwrap();
            assert!(announces(&poller, 5_000), "{kind:?}, round {round}");
            assert_eq!(try_wait(&mut poller).len(), 1, "{kind:?}, round {round}");
            read(&reader, 1);
        }
        drop(delays);
        writing.join().unwrap();
    }
}

/// A descriptor that is registered during a wait is watched from the next `begin_wait` on.
#[test]
fn a_registration_during_a_wait_is_announced() {
    for kind in KINDS {
        let mut poller = poller(kind);
        poller.begin_wait().unwrap();
        let (reader, writer) = pipe();
        write(&writer, 1);
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        poller.begin_wait().unwrap();
        assert!(announces(&poller, 5_000), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
    }
}
