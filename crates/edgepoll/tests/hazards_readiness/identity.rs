//! Reused descriptor numbers, stale registrations and late tokens, with every engine that can meet them.
use std::os::fd::{AsFd, AsRawFd};

use edgepoll::readiness::{bits, Poller, Refusal};
use edgepoll::Errno;
use nix::unistd;

use crate::poller::Watch;
use crate::{pipe, raw, read, registered, serial, try_wait, write, IN, KINDS};

#[test]
fn hazard_1_stale_event_the_second_of_a_batch_is_unregistered_by_the_first() {
    let _serial = serial();
    for kind in KINDS {
        let mut poller = Poller::with_kind(kind, 1).unwrap();
        let pipes = [pipe(), pipe()];
        let tokens = pipes
            .each_ref()
            .map(|(reader, _)| poller.watch(raw(reader), IN).unwrap());
        for (_, writer) in &pipes {
            write(writer);
        }
        let first = try_wait(&mut poller)[0].0;
        let other = usize::from(first == tokens[0]);
        assert_eq!(poller.unregister(tokens[other]), Ok(()));
        let [one, two] = pipes;
        let (live, closed) = if other == 1 { (one, two) } else { (two, one) };
        let number = raw(&closed.0);
        drop(closed);
        let (reader, writer) = pipe();
        assert_eq!(raw(&reader), number, "the number is reused");
        let successor = poller.watch(number, IN).unwrap();
        assert_eq!(successor.index, tokens[other].index, "so is the slot");
        assert_eq!(read(&live.0), 1);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        write(&writer);
        assert_eq!(try_wait(&mut poller), [(successor, IN)], "{kind:?}");
    }
}

#[test]
fn hazard_2_recycled_slot_events_of_earlier_owners_are_dropped() {
    let _serial = serial();
    let mut poller = Poller::new(64).unwrap();
    let mut kept = Vec::new();
    for _ in 0..10 {
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let token = poller.watch(number, IN).unwrap();
        // The duplicate keeps the file open, and with it the registration. The poller cannot remove a registration of a
        // closed number.
        kept.push(unistd::dup(&reader).unwrap());
        drop(reader);
        assert_eq!(poller.unregister(token), Err(Errno::EBADF));
        write(&writer);
        kept.push(writer);
    }
    let (reader, writer) = pipe();
    let token = poller.watch(raw(&reader), IN).unwrap();
    assert_eq!(token.index, 0);
    assert_eq!(try_wait(&mut poller), []);
    assert_eq!(poller.counters().stale, 10);
    write(&writer);
    assert_eq!(try_wait(&mut poller), [(token, IN)]);
}

#[test]
fn hazard_3_ghost_storm_ends_with_a_fresh_epoll_and_loses_no_event() {
    let _serial = serial();
    let mut poller = Poller::new(64).unwrap();
    let (level, level_writer) = pipe();
    let (edge, edge_writer) = pipe();
    let (once, once_writer) = pipe();
    let level_token = poller.watch(raw(&level), IN).unwrap();
    let edge_token = poller.watch(raw(&edge), IN | bits::EDGE).unwrap();
    let once_token = poller.watch(raw(&once), IN | bits::ONESHOT).unwrap();
    write(&once_writer);
    assert_eq!(try_wait(&mut poller), [(once_token, IN)]);

    let (ghost, ghost_writer) = pipe();
    let ghost_token = poller.watch(raw(&ghost), IN).unwrap();
    let number = raw(&ghost);
    let _duplicate = unistd::dup(&ghost).unwrap();
    drop(ghost);
    write(&ghost_writer);
    assert!(poller.check_closed(64), "the close was found");
    assert_eq!(try_wait(&mut poller), [(ghost_token, bits::CLOSED)]);

    let before = poller.as_raw_fd();
    let mut waits = 0;
    while poller.counters().renewals == 0 {
        assert_eq!(try_wait(&mut poller), []);
        waits += 1;
        assert!(waits < 10, "the storm does not end");
    }
    poller.finish_renewal();
    let epoll = poller.as_raw_fd();
    assert_ne!(epoll, before);
    let numbers: Vec<_> = registered(epoll).iter().map(|(fd, _)| *fd).collect();
    assert_eq!(numbers, [raw(&level), raw(&edge), raw(&once)]);
    assert!(!numbers.contains(&number));
    let stale = poller.counters().stale;
    assert_eq!(try_wait(&mut poller), [], "a fired oneshot stays fired");
    assert_eq!(poller.counters().stale, stale, "no event of the ghost");

    for (writer, token) in [(&level_writer, level_token), (&edge_writer, edge_token)] {
        write(writer);
        assert_eq!(try_wait(&mut poller), [(token, IN)]);
        if token == level_token {
            read(&level);
        }
    }
    assert_eq!(poller.rearm(once_token), Ok(()));
    assert_eq!(try_wait(&mut poller), [(once_token, IN)]);
}

#[test]
fn hazard_4_closed_under_us_is_reported_once_and_the_successor_is_not_watched() {
    let _serial = serial();
    for kind in KINDS {
        let mut poller = Poller::with_kind(kind, 64).unwrap();
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let token = poller.watch(number, IN).unwrap();
        drop(reader);
        drop(writer);
        let (next_owner, next_writer) = pipe();
        assert_eq!(raw(&next_owner), number, "the number is reused");
        write(&next_writer);
        let mut reported = try_wait(&mut poller);
        assert!(
            reported.iter().all(|(_, mask)| *mask == bits::CLOSED),
            "{kind:?}: the readiness of the number's next owner was reported: {reported:?}"
        );
        poller.check_closed(64);
        reported.extend(try_wait(&mut poller));
        assert_eq!(reported, [(token, bits::CLOSED)], "{kind:?}");
        assert_eq!(
            poller.modify(token, IN),
            Err(Refusal::Kernel(Errno::ENOENT))
        );
        poller.check_closed(64);
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        assert_eq!(poller.counters().closed, 1);
    }
}

#[test]
fn hazard_6_late_removal_of_an_old_token_leaves_the_new_registration() {
    let _serial = serial();
    for kind in KINDS {
        let mut poller = Poller::with_kind(kind, 64).unwrap();
        let (reader, writer) = pipe();
        let number = raw(&reader);
        let old = poller.watch(number, IN).unwrap();
        drop(reader);
        drop(writer);
        let (reader, writer) = pipe();
        assert_eq!(raw(&reader), number, "the number is reused");
        let new = poller.watch(number, IN).unwrap();
        assert_eq!(poller.modify(old, bits::WRITABLE), Err(Refusal::Closed));
        assert!(poller.unregister(old).is_err());
        write(&writer);
        assert_eq!(try_wait(&mut poller), [(new, IN)], "{kind:?}");
        assert_eq!(
            poller.watch(number, IN),
            Err(Refusal::Kernel(Errno::EEXIST))
        );
    }
}

#[test]
fn hazard_10_refused_registration_leaves_no_slot_and_no_entry() {
    let _serial = serial();
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
    assert_eq!(try_wait(&mut poller), [(token, IN)]);
}

#[test]
fn fifty_thousand_registrations_leave_nothing_behind() {
    let _serial = serial();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    for kind in KINDS {
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
        assert_eq!(try_wait(&mut poller), []);
    }
}
