//! Descriptors that their owner closes while they are watched. The close is reported once, the next file under the number is
//! not watched, and a registration that cannot be removed does not make the loop spin.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use edgepoll::readiness::{bits, EngineKind, Refusal};
use edgepoll::Errno;

use crate::poller::Watch;
use crate::{is_ready, pipe, poller, read, try_wait, write, KINDS};

/// hazard 4
#[test]
fn a_closed_descriptor_is_reported_once() {
    for kind in KINDS {
        let mut poller = poller(kind);
        let (reader, writer) = pipe();
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        assert!(!poller.check_closed(8), "{kind:?}");
        drop((reader, writer));
        assert!(poller.check_closed(8), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::CLOSED)], "{kind:?}");
        assert!(!poller.check_closed(8), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        assert_eq!(poller.counters().closed, 1, "{kind:?}");
        assert_eq!(poller.unregister(token), Err(Errno::ENOENT), "{kind:?}");
    }
}

/// A poller that was large once has many empty slots. A check does not count them as slots that it visits.
#[test]
fn a_closed_descriptor_is_found_among_empty_slots() {
    let mut poller = poller(EngineKind::Epoll);
    let pipes: Vec<_> = (0..200).map(|_| pipe()).collect();
    let tokens: Vec<_> = pipes
        .iter()
        .map(|(reader, _)| poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap())
        .collect();
    let last = tokens[199];
    for token in &tokens[..199] {
        poller.unregister(*token).unwrap();
    }
    drop(pipes);
    assert!(poller.check_closed(1));
    assert_eq!(try_wait(&mut poller), [(last, bits::CLOSED)]);
}

/// A check also finds a number that another file has got, and does not watch that file.
#[test]
fn a_recycled_number_inherits_nothing() {
    for kind in KINDS {
        let mut poller = poller(kind);
        let (reader, _writer) = pipe();
        let number = reader.as_raw_fd();
        let token = poller.watch(number, bits::READABLE).unwrap();
        // dup2 puts another file under the number in one step, so no other test can take the number.
        let (mut reused, other) = (reader, pipe());
        nix::unistd::dup2(&other.0, &mut reused).unwrap();
        write(&other.1, 1);
        assert!(poller.check_closed(8), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::CLOSED)], "{kind:?}");
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");

        // The number is registered again before the next wait. The old registration is reported as closed, and the new one
        // works.
        let old = poller.watch(number, bits::READABLE).unwrap();
        let next = pipe();
        nix::unistd::dup2(&next.0, &mut reused).unwrap();
        write(&next.1, 1);
        assert!(matches!(
            poller.modify(old, bits::READABLE),
            Err(Refusal::Kernel(Errno::ENOENT))
        ));
        let new = poller.watch(number, bits::READABLE).unwrap();
        assert_eq!(
            poller.modify(old, bits::READABLE),
            Err(Refusal::Closed),
            "{kind:?}"
        );
        let found = try_wait(&mut poller);
        assert_eq!(
            found,
            [(old, bits::CLOSED), (new, bits::READABLE)],
            "{kind:?}"
        );
        assert_eq!(try_wait(&mut poller), [(new, bits::READABLE)], "{kind:?}");
        poller.unregister(new).unwrap();
    }
}

/// hazard 2: a slot is not used again before the close of its occupant has been reported.
#[test]
fn a_slot_is_not_reused_before_its_close_is_reported() {
    let mut poller = poller(EngineKind::Epoll);
    let (reader, writer) = pipe();
    let gone = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
    drop((reader, writer));
    assert!(poller.check_closed(8));
    let others: Vec<_> = (0..4).map(|_| pipe()).collect();
    for (reader, _) in &others {
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        assert_ne!(token.index, gone.index);
    }
    assert_eq!(try_wait(&mut poller), [(gone, bits::CLOSED)]);
}

/// hazard 3: the registration of a file that is still open elsewhere cannot be removed by the closed number. It causes stale
/// events until the engine is renewed, and the renewal loses no other registration.
#[test]
fn a_renewal_leaves_a_ghost_behind() {
    let mut poller = poller(EngineKind::Epoll);
    let (mut reader, writer) = pipe();
    let copy: OwnedFd = reader.try_clone().unwrap();
    let ghost = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
    let (level, level_writer) = pipe();
    let level_token = poller.watch(level.as_raw_fd(), bits::READABLE).unwrap();
    let (fired, fired_writer) = pipe();
    let oneshot = bits::READABLE | bits::ONESHOT;
    let fired_token = poller.watch(fired.as_raw_fd(), oneshot).unwrap();
    write(&fired_writer, 1);
    assert_eq!(try_wait(&mut poller), [(fired_token, bits::READABLE)]);

    // In one step, so no other test can take the number. The number belongs to another file then, and `copy` keeps the old
    // file open.
    let other_file = pipe();
    nix::unistd::dup2(&other_file.0, &mut reader).unwrap();
    assert_eq!(poller.unregister(ghost), Err(Errno::ENOENT));
    write(&writer, 1);
    let before = poller.as_raw_fd();
    let mut waits = 0;
    while poller.counters().renewals == 0 {
        assert_eq!(try_wait(&mut poller), [], "no event is reported");
        waits += 1;
        assert!(waits < 10, "the ghost spins");
    }
    assert_ne!(poller.as_raw_fd(), before);
    poller.finish_renewal();
    let stale = poller.counters().stale;
    assert_eq!(try_wait(&mut poller), []);
    assert_eq!(poller.counters().stale, stale, "the ghost is gone");

    drop(fired_writer);
    assert_eq!(
        try_wait(&mut poller),
        [],
        "a oneshot that has fired stays silent"
    );
    write(&level_writer, 1);
    assert!(try_wait(&mut poller).contains(&(level_token, bits::READABLE)));
    read(&level, 1);
    poller.rearm(fired_token).unwrap();
    assert_eq!(
        try_wait(&mut poller),
        [(fired_token, bits::READABLE | bits::HANGUP)]
    );
    drop(copy);
}

/// hazard 6: a renewal does not register a number that belongs to another file by then.
#[test]
fn a_renewal_does_not_watch_a_recycled_number() {
    let mut poller = poller(EngineKind::Epoll);
    let (mut reader, writer) = pipe();
    let copy = reader.try_clone().unwrap();
    let ghost = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
    let (mut mine, _mine_writer) = pipe();
    let mine_token = poller.watch(mine.as_raw_fd(), bits::READABLE).unwrap();
    // In one step, so no other test can take the number.
    nix::unistd::dup2(&pipe().0, &mut reader).unwrap();
    assert_eq!(poller.unregister(ghost), Err(Errno::ENOENT));
    write(&writer, 1);
    let other_file = pipe();
    nix::unistd::dup2(&other_file.0, &mut mine).unwrap();
    write(&other_file.1, 1);
    assert!((0..100).any(|_| poller.try_wait(8, |_| {}).unwrap().renewed));
    poller.finish_renewal();
    assert_eq!(try_wait(&mut poller), [], "only the other file is ready");
    assert!(poller.check_closed(8));
    assert_eq!(try_wait(&mut poller), [(mine_token, bits::CLOSED)]);
    drop(copy);
}

/// hazard 4: the closed number may belong to the poller itself, because a renewal opens a descriptor and the kernel gives it
/// the lowest free number.
#[test]
fn a_number_that_became_the_pollers_own_is_reported() {
    for kind in KINDS {
        let mut poller = poller(kind);
        let (mut reader, _writer) = pipe();
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        // In one step, so no other test can take the number.
        nix::unistd::dup2(&poller, &mut reader).unwrap();
        assert!(poller.check_closed(8), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::CLOSED)], "{kind:?}");
        assert!(!poller.check_closed(8), "{kind:?}");
    }
}

/// hazard 3: a registration that could not be removed does not keep its file from being watched again under its number.
#[test]
fn a_number_with_a_ghost_can_be_registered_again() {
    for kind in KINDS {
        for reported in [false, true] {
            let mut poller = poller(kind);
            let (mut reader, writer) = pipe();
            let copy = reader.try_clone().unwrap();
            let gone = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
            // In one step, so no other test can take the number.
            nix::unistd::dup2(&pipe().0, &mut reader).unwrap();
            if reported {
                assert!(poller.check_closed(8), "{kind:?}");
                assert_eq!(try_wait(&mut poller), [(gone, bits::CLOSED)], "{kind:?}");
            } else {
                assert_eq!(poller.unregister(gone), Err(Errno::ENOENT), "{kind:?}");
            }
            nix::unistd::dup2(&copy, &mut reader).unwrap();
            let again = poller.watch(reader.as_raw_fd(), bits::READABLE);
            let again = again.unwrap_or_else(|refusal| panic!("{kind:?}: {refusal:?}"));
            write(&writer, 1);
            assert_eq!(try_wait(&mut poller), [(again, bits::READABLE)], "{kind:?}");
            assert_eq!(poller.counters().stale, 0, "{kind:?}: no ghost is left");
            assert_eq!(
                poller.watch(reader.as_raw_fd(), bits::READABLE),
                Err(Refusal::Kernel(Errno::EEXIST)),
                "{kind:?}"
            );
        }
    }
}

/// hazard 3: a duplicate gets the lowest free number. That may be the number that was just closed, and of the same file.
#[test]
fn a_duplicate_may_get_the_number_of_a_ghost() {
    for kind in KINDS {
        // Another test may get the number first.
        let came_back = (0..1_000).any(|_| {
            let mut poller = poller(kind);
            let (reader, writer) = pipe();
            let copy = reader.try_clone().unwrap();
            let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
            let gone = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
            let file = std::fs::read_link(&path).unwrap();
            drop(reader);
            let token = poller.register_duplicate(copy.as_fd(), bits::READABLE);
            let token = token.unwrap_or_else(|refusal| panic!("{kind:?}: {refusal:?}"));
            if std::fs::read_link(&path).ok() != Some(file) {
                return false;
            }
            write(&writer, 1);
            let found = try_wait(&mut poller);
            assert_eq!(
                found,
                [(gone, bits::CLOSED), (token, bits::READABLE)],
                "{kind:?}"
            );
            assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
            true
        });
        assert!(came_back, "{kind:?}");
    }
}

/// hazard 3: a caller that cannot wait on the fresh descriptor goes on with the old one and all its registrations.
#[test]
fn a_renewal_is_taken_back() {
    let mut poller = poller(EngineKind::Epoll);
    let (mut reader, writer) = pipe();
    let copy = reader.try_clone().unwrap();
    let ghost = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
    let (edge, edge_writer) = pipe();
    let edge_token = poller
        .watch(edge.as_raw_fd(), bits::READABLE | bits::EDGE)
        .unwrap();
    // In one step, so no other test can take the number.
    nix::unistd::dup2(&pipe().0, &mut reader).unwrap();
    assert_eq!(poller.unregister(ghost), Err(Errno::ENOENT));
    write(&writer, 1);
    let before = poller.as_raw_fd();
    for round in 0..2 {
        let is_renewed = (0..100).any(|_| poller.try_wait(8, |_| {}).unwrap().renewed);
        assert!(is_renewed, "round {round}");
        assert_eq!(poller.descriptors().len(), 2, "round {round}");
        poller.undo_renewal();
        assert_eq!(poller.as_raw_fd(), before, "round {round}");
        assert_eq!(poller.counters().renewals, 0, "round {round}");
    }
    write(&edge_writer, 1);
    assert_eq!(try_wait(&mut poller), [(edge_token, bits::READABLE)]);
    assert!((0..100).any(|_| poller.try_wait(8, |_| {}).unwrap().renewed));
    poller.finish_renewal();
    assert_ne!(poller.as_raw_fd(), before);
    drop(copy);
}

/// A thread in poll(2) or select(2) keeps the files open that it waits for. If it kept a closed one open, the other end of the
/// pipe would not see the close. There are rounds of different length, because the moment at which the thread falls asleep
/// cannot be observed.
#[test]
fn a_file_that_is_not_waited_for_is_not_held_open() {
    for kind in KINDS {
        let mut poller = poller(kind);
        let (other, _writer) = pipe();
        poller.watch(other.as_raw_fd(), bits::READABLE).unwrap();
        for round in 0..60 {
            let (reader, writer) = pipe();
            let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
            poller.begin_wait().unwrap();
            for _ in 0..round * 500 {
                std::hint::spin_loop();
            }
            match round % 3 {
                0 => poller.unregister(token).unwrap(),
                1 => poller.end_wait(),
                _ => {}
            }
            drop(reader);
            if round % 3 == 2 {
                assert!(poller.check_closed(8), "{kind:?}, round {round}");
            }
            assert!(
                is_ready(&writer, 5_000),
                "{kind:?}, round {round}: the last reader is gone, and the writer does not see it"
            );
            poller.check_closed(8);
            try_wait(&mut poller);
        }
    }
}

/// The duplicate belongs to the poller. The owner may close the original, and another file may get its number.
#[test]
fn a_duplicate_outlives_the_original() {
    for kind in KINDS {
        let mut poller = poller(kind);
        let (mut reader, writer) = pipe();
        let token = poller
            .register_duplicate(reader.as_fd(), bits::READABLE)
            .unwrap();
        let other_file = pipe();
        nix::unistd::dup2(&other_file.0, &mut reader).unwrap();
        assert!(!poller.check_closed(8), "{kind:?}");
        write(&writer, 1);
        assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
        poller.unregister(token).unwrap();
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        let broken = nix::unistd::write(&writer, &[1]);
        assert_eq!(
            broken,
            Err(nix::errno::Errno::EPIPE),
            "{kind:?}: the last reader was the duplicate"
        );
    }
}

/// A file that is still open under another number reports events for the closed one, until the poller checks the number.
#[test]
fn an_event_in_doubt_is_reported_only_for_the_registered_file() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let mut poller = poller(kind);
        let token = poller.watch(reader.as_raw_fd(), bits::READABLE).unwrap();
        let copied = poller
            .register_duplicate(reader.as_fd(), bits::READABLE)
            .unwrap();
        write(&writer, 1);
        poller.verify_next(64);
        let mut both = try_wait(&mut poller);
        both.sort_by_key(|(token, _)| token.index);
        assert_eq!(
            both,
            [(token, bits::READABLE), (copied, bits::READABLE)],
            "{kind:?}"
        );
        let _ghost = reader.try_clone().unwrap();
        drop(reader);
        poller.verify_next(64);
        let mut both = try_wait(&mut poller);
        both.sort_by_key(|(token, _)| token.index);
        assert_eq!(
            both,
            [(token, bits::CLOSED), (copied, bits::READABLE)],
            "{kind:?}"
        );
        assert_eq!(
            try_wait(&mut poller),
            [(copied, bits::READABLE)],
            "{kind:?}"
        );
    }
}
