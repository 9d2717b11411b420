//! Numbers that come back, ghosts, late tokens: by every engine that can meet them.
use std::os::fd::{AsFd, AsRawFd};

use edgepoll::readiness::{bits, Poller, Refusal};
use edgepoll::Errno;
use nix::unistd;

use crate::poller::Watch;
use crate::{alone, looked, pipe, raw, read, registered, write, ENGINES, IN};

#[test]
fn hazard_1_stale_event_the_second_of_a_batch_is_unregistered_by_the_first() {
    let _alone = alone();
    for kind in ENGINES {
        let mut poller = Poller::with_kind(kind, 1).unwrap();
        let pipes = [pipe(), pipe()];
        let tokens = pipes
            .each_ref()
            .map(|(reader, _)| poller.watch(raw(reader), IN).unwrap());
        for (_, writer) in &pipes {
            write(writer);
        }
        let first = looked(&mut poller)[0].0;
        let other = usize::from(first == tokens[0]);
        assert_eq!(poller.unregister(tokens[other]), Ok(()));
        let [one, two] = pipes;
        let (mine, gone) = if other == 1 { (one, two) } else { (two, one) };
        let number = raw(&gone.0);
        drop(gone);
        let (reader, writer) = pipe();
        assert_eq!(raw(&reader), number, "the number comes back");
        let successor = poller.watch(number, IN).unwrap();
        assert_eq!(successor.index, tokens[other].index, "so does the slot");
        assert_eq!(read(&mine.0), 1);
        assert_eq!(looked(&mut poller), [], "{kind:?}");
        write(&writer);
        assert_eq!(looked(&mut poller), [(successor, IN)], "{kind:?}");
    }
}

#[test]
fn hazard_2_recycled_slot_events_of_earlier_owners_are_dropped() {
    let _alone = alone();
    let mut poller = Poller::new(64).unwrap();
    let mut kept = Vec::new();
    for _ in 0..10 {
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let token = poller.watch(number, IN).unwrap();
        // The duplicate keeps the file and its registration in the kernel; unregister comes too late.
        kept.push(unistd::dup(&reader).unwrap());
        drop(reader);
        assert_eq!(poller.unregister(token), Err(Errno::EBADF));
        write(&writer);
        kept.push(writer);
    }
    let (reader, writer) = pipe();
    let token = poller.watch(raw(&reader), IN).unwrap();
    assert_eq!(token.index, 0);
    assert_eq!(looked(&mut poller), []);
    assert_eq!(poller.counters().stale, 10);
    write(&writer);
    assert_eq!(looked(&mut poller), [(token, IN)]);
}

#[test]
fn hazard_3_ghost_storm_ends_with_a_fresh_epoll_and_loses_no_event() {
    let _alone = alone();
    let mut poller = Poller::new(64).unwrap();
    let (level, level_writer) = pipe();
    let (edge, edge_writer) = pipe();
    let (once, once_writer) = pipe();
    let level_token = poller.watch(raw(&level), IN).unwrap();
    let edge_token = poller.watch(raw(&edge), IN | bits::EDGE).unwrap();
    let once_token = poller.watch(raw(&once), IN | bits::ONESHOT).unwrap();
    write(&once_writer);
    assert_eq!(looked(&mut poller), [(once_token, IN)]);

    let (ghost, ghost_writer) = pipe();
    let ghost_token = poller.watch(raw(&ghost), IN).unwrap();
    let number = raw(&ghost);
    let _duplicate = unistd::dup(&ghost).unwrap();
    drop(ghost);
    write(&ghost_writer);
    assert!(poller.check_closed(64), "it was closed under us");
    assert_eq!(looked(&mut poller), [(ghost_token, bits::CLOSED)]);

    let before = poller.as_raw_fd();
    let mut looks = 0;
    while poller.counters().renewals == 0 {
        assert_eq!(looked(&mut poller), []);
        looks += 1;
        assert!(looks < 10, "the storm does not end");
    }
    poller.finish_renewal();
    let epoll = poller.as_raw_fd();
    assert_ne!(epoll, before);
    let numbers: Vec<_> = registered(epoll).iter().map(|(fd, _)| *fd).collect();
    assert_eq!(numbers, [raw(&level), raw(&edge), raw(&once)]);
    assert!(!numbers.contains(&number));
    let stale = poller.counters().stale;
    assert_eq!(looked(&mut poller), [], "a fired oneshot stays fired");
    assert_eq!(poller.counters().stale, stale, "nothing of the ghost");

    for (writer, token) in [(&level_writer, level_token), (&edge_writer, edge_token)] {
        write(writer);
        assert_eq!(looked(&mut poller), [(token, IN)]);
        if token == level_token {
            read(&level);
        }
    }
    assert_eq!(poller.rearm(once_token), Ok(()));
    assert_eq!(looked(&mut poller), [(once_token, IN)]);
}

#[test]
fn hazard_4_closed_under_us_is_reported_once_and_the_successor_is_not_watched() {
    let _alone = alone();
    for kind in ENGINES {
        let mut poller = Poller::with_kind(kind, 64).unwrap();
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let token = poller.watch(number, IN).unwrap();
        drop(reader);
        drop(writer);
        let (stranger, stranger_writer) = pipe();
        assert_eq!(raw(&stranger), number, "the number comes back");
        write(&stranger_writer);
        let mut told = looked(&mut poller);
        assert!(
            told.iter().all(|(_, mask)| *mask == bits::CLOSED),
            "{kind:?}: the stranger's readiness was told as ours: {told:?}"
        );
        poller.check_closed(64);
        told.extend(looked(&mut poller));
        assert_eq!(told, [(token, bits::CLOSED)], "{kind:?}");
        assert_eq!(
            poller.modify(token, IN),
            Err(Refusal::Kernel(Errno::ENOENT))
        );
        poller.check_closed(64);
        assert_eq!(looked(&mut poller), [], "{kind:?}");
        assert_eq!(poller.counters().closed, 1);
    }
}

#[test]
fn hazard_6_late_removal_of_an_old_token_leaves_the_new_registration() {
    let _alone = alone();
    for kind in ENGINES {
        let mut poller = Poller::with_kind(kind, 64).unwrap();
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let old = poller.watch(number, IN).unwrap();
        drop(reader);
        drop(writer);
        let (reader, writer) = pipe();
        assert_eq!(raw(&reader), number, "the number comes back");
        let new = poller.watch(number, IN).unwrap();
        assert_eq!(poller.modify(old, bits::WRITABLE), Err(Refusal::Closed));
        assert!(poller.unregister(old).is_err());
        write(&writer);
        assert_eq!(looked(&mut poller), [(new, IN)], "{kind:?}");
        assert_eq!(
            poller.watch(number, IN),
            Err(Refusal::Kernel(Errno::EEXIST))
        );
    }
}

#[test]
fn hazard_10_refused_registration_leaves_no_slot_and_no_entry() {
    let _alone = alone();
    let mut poller = Poller::new(64).unwrap();
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let (reader, writer) = pipe();
    let token = poller.watch(raw(&reader), IN).unwrap();
    for _ in 0..100 {
        assert_eq!(
            poller.watch(file.as_raw_fd(), IN),
            Err(Refusal::Kernel(Errno::EPERM))
        );
        assert_eq!(
            poller.watch(raw(&reader), IN),
            Err(Refusal::Kernel(Errno::EEXIST))
        );
        assert_eq!(
            poller.watch(1_000_000, IN),
            Err(Refusal::Kernel(Errno::EBADF))
        );
    }
    assert_eq!(registered(poller.as_raw_fd()).len(), 1);
    let (next, _next_writer) = pipe();
    assert_eq!(
        poller.watch(raw(&next), IN).unwrap().index,
        1,
        "a slot leaked"
    );
    write(&writer);
    assert_eq!(looked(&mut poller), [(token, IN)]);
}

#[test]
fn fifty_thousand_registrations_leave_nothing_behind() {
    let _alone = alone();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    for kind in ENGINES {
        let mut poller = Poller::with_kind(kind, 64).unwrap();
        let (reader, _writer) = pipe();
        let before = (open(), registered(poller.as_raw_fd()));
        for round in 0..50_000 {
            let token = if round % 2 == 0 {
                poller.watch(raw(&reader), IN).unwrap()
            } else {
                poller.register_duplicate(reader.as_fd(), IN).unwrap()
            };
            assert_eq!(token.index, 0);
            assert_eq!(poller.unregister(token), Ok(()));
        }
        assert_eq!((open(), registered(poller.as_raw_fd())), before, "{kind:?}");
        assert_eq!(looked(&mut poller), []);
    }
}
