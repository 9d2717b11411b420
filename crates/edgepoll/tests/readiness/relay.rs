//! Files whose event the first poll(2) consumes, with every engine, while another thread waits on the poller's descriptor.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use edgepoll::kernel::epoll::{Epoll, EpollEvent, Operation};
use edgepoll::readiness::{bits, Poller, Refusal};
use edgepoll::Errno;
use nix::mount::{mount, umount, MsFlags};
use nix::sched::{unshare, CloneFlags};

use crate::poller::Watch;
use crate::{announces, pipe, poller, read, try_wait, write, KINDS};

/// The bits that the kernel reports once for each change of the mounts.
const CHANGED: u32 = bits::PRIORITY | bits::ERROR;

/// The mounts of this thread's own mount namespace. Changes elsewhere are not reported here.
struct Mounts {
    folder: PathBuf,
}

impl Mounts {
    /// `None` if this process may not have a mount namespace of its own. Prints the reason.
    fn own() -> Option<Mounts> {
        let folder = std::env::temp_dir().join(format!(
            "edgepoll-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        fs::create_dir_all(&folder).unwrap();
        let mounts = Mounts { folder };
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        let no = None::<&str>;
        let own = unshare(CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(no, "/", no, private, no))
            .and_then(|()| mounts.try_change());
        match own {
            Ok(()) => Some(mounts),
            Err(errno) => {
                eprintln!("skipped: this process may not have mounts of its own: {errno}");
                None
            }
        }
    }

    fn try_change(&self) -> nix::Result<()> {
        let no = None::<&str>;
        mount(
            Some("none"),
            &self.folder,
            Some("tmpfs"),
            MsFlags::empty(),
            no,
        )
    }

    fn change(&self) {
        self.try_change().unwrap();
    }
}

/// A file of the mounts shows the namespace of the thread that opened it, even after that has ended.
fn open_mounts() -> File {
    File::open("/proc/thread-self/mounts").unwrap()
}

impl Drop for Mounts {
    fn drop(&mut self) {
        while umount(&self.folder).is_ok() {}
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Waits as the host's loop does, whose wait polls the files that the poller's descriptor watches. Returns the masks of the
/// poller's events.
fn wait(outer: &Epoll, poller: &mut Poller) -> Vec<u32> {
    loop {
        poller.begin_wait().unwrap();
        let mut events = [EpollEvent { events: 0, u64: 0 }; 4];
        assert!(announces(poller, 5_000), "nothing is announced");
        outer.try_wait(&mut events).unwrap();
        let found: Vec<u32> = try_wait(poller).into_iter().map(|(_, mask)| mask).collect();
        if !found.is_empty() {
            return found;
        }
    }
}

/// An epoll set that watches the poller's descriptor, as libuv's does.
fn outer(poller: &Poller) -> Epoll {
    let outer = Epoll::new().unwrap();
    outer
        .control(Operation::Add, poller.as_fd(), bits::READABLE, 0)
        .unwrap();
    outer
}

#[test]
fn an_event_that_is_reported_once_is_not_lost_to_the_hosts_poll() {
    let Some(mounts) = Mounts::own() else {
        return;
    };
    for kind in KINDS {
        for trigger in [0, bits::EDGE, bits::ONESHOT, bits::EDGE | bits::ONESHOT] {
            if kind != KINDS[0] && trigger & bits::EDGE != 0 {
                continue;
            }
            let file = open_mounts();
            let mut poller = poller(kind);
            let outer = outer(&poller);
            let token = poller
                .watch(file.as_raw_fd(), bits::PRIORITY | trigger)
                .unwrap();
            for round in 0..20 {
                mounts.change();
                assert_eq!(wait(&outer, &mut poller), [CHANGED], "{kind:?} {round}");
                assert_eq!(try_wait(&mut poller), [], "{kind:?}: reported once");
                if trigger & bits::ONESHOT != 0 {
                    mounts.change();
                    poller.begin_wait().unwrap();
                    outer
                        .try_wait(&mut [EpollEvent { events: 0, u64: 0 }])
                        .unwrap();
                    assert_eq!(try_wait(&mut poller), [], "{kind:?}: it has fired");
                    poller.rearm(token).unwrap();
                    assert_eq!(wait(&outer, &mut poller), [CHANGED], "{kind:?}: kept");
                    poller.rearm(token).unwrap();
                }
            }
            assert_eq!(poller.counters().stale, 0);
        }
    }
}

#[test]
fn a_change_before_the_registration_is_reported() {
    let Some(mounts) = Mounts::own() else {
        return;
    };
    for kind in KINDS {
        let file = open_mounts();
        mounts.change();
        let mut poller = poller(kind);
        let outer = outer(&poller);
        poller.watch(file.as_raw_fd(), bits::PRIORITY).unwrap();
        assert_eq!(wait(&outer, &mut poller), [CHANGED], "{kind:?}");
    }
}

#[test]
fn many_changes_are_one_event_until_it_is_taken() {
    let Some(mounts) = Mounts::own() else {
        return;
    };
    let file = open_mounts();
    let mut poller = poller(KINDS[0]);
    let outer = outer(&poller);
    poller.watch(file.as_raw_fd(), bits::PRIORITY).unwrap();
    for _ in 0..10 {
        mounts.change();
    }
    assert_eq!(wait(&outer, &mut poller), [CHANGED]);
    // Changes that the kernel reported to the thread during the first wait may give one more event.
    let more = try_wait(&mut poller).len();
    assert!(more <= 1, "{more}");
}

#[test]
fn a_lasting_level_is_reported_at_each_look() {
    for kind in KINDS {
        // Always readable; reading it changes nothing.
        let file = File::open("/proc/version").unwrap();
        let mut poller = poller(kind);
        let token = poller.watch(file.as_raw_fd(), bits::READABLE).unwrap();
        for _ in 0..3 {
            poller.begin_wait().unwrap();
            assert!(announces(&poller, 5_000), "{kind:?}");
            assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
        }
        assert_eq!(
            poller.watch(file.as_raw_fd(), bits::READABLE),
            Err(Refusal::Kernel(Errno::EEXIST))
        );
        poller.modify(token, bits::PRIORITY).unwrap();
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        poller
            .modify(token, bits::READABLE | bits::ONESHOT)
            .unwrap();
        assert_eq!(try_wait(&mut poller).len(), 1, "{kind:?}");
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
        poller.unregister(token).unwrap();
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
    }
}

#[test]
fn a_lasting_edge_is_reported_once() {
    let file = File::open("/proc/version").unwrap();
    let mut poller = poller(KINDS[0]);
    let token = poller
        .watch(file.as_raw_fd(), bits::READABLE | bits::EDGE)
        .unwrap();
    assert!(announces(&poller, 5_000));
    assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)]);
    assert!(!announces(&poller, 0));
    assert_eq!(try_wait(&mut poller), []);
    poller.modify(token, bits::READABLE | bits::EDGE).unwrap();
    assert_eq!(
        try_wait(&mut poller),
        [(token, bits::READABLE)],
        "modify() checks again"
    );
}

#[test]
fn the_relay_and_the_engine_share_a_room_of_one() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let file = File::open("/proc/version").unwrap();
        let mut poller = Poller::with_kind(kind, 1).unwrap();
        let tokens = [reader.as_raw_fd(), file.as_raw_fd()]
            .map(|fd| poller.watch(fd, bits::READABLE).unwrap());
        write(&writer, 1);
        let mut seen = [0; 2];
        for _ in 0..40 {
            poller.begin_wait().unwrap();
            assert!(announces(&poller, 5_000), "{kind:?}");
            for (token, _) in try_wait(&mut poller) {
                seen[usize::from(token == tokens[1])] += 1;
            }
        }
        assert!(seen.iter().all(|seen| *seen >= 10), "{kind:?}: {seen:?}");
        read(&reader, 1);
    }
}

#[test]
fn a_closed_file_is_reported_and_its_number_inherits_nothing() {
    for kind in KINDS {
        let file = File::open("/proc/version").unwrap();
        let fd = file.as_raw_fd();
        let mut poller = poller(kind);
        let token = poller.watch(fd, bits::READABLE).unwrap();
        assert_eq!(try_wait(&mut poller).len(), 1);
        drop(file);
        assert!(poller.check_closed(64), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::CLOSED)], "{kind:?}");
        // A pipe gets the number of a file that the relay watched. Then such a file gets it again.
        let mut number = OwnedFd::from(File::open("/proc/version").unwrap());
        let fd = number.as_raw_fd();
        let old = poller.watch(fd, bits::READABLE).unwrap();
        let (reader, writer) = pipe();
        nix::unistd::dup2(&reader, &mut number).unwrap();
        let new = poller.watch(fd, bits::READABLE).unwrap();
        assert_eq!(try_wait(&mut poller), [(old, bits::CLOSED)], "{kind:?}");
        write(&writer, 1);
        assert_eq!(try_wait(&mut poller), [(new, bits::READABLE)], "{kind:?}");
        let again = File::open("/proc/version").unwrap();
        nix::unistd::dup2(&again, &mut number).unwrap();
        let newest = poller.watch(fd, bits::READABLE).unwrap();
        let reported = try_wait(&mut poller);
        assert_eq!(
            reported,
            [(new, bits::CLOSED), (newest, bits::READABLE)],
            "{kind:?}"
        );
        assert_eq!(poller.unregister(newest), Ok(()), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [], "{kind:?}");
    }
}

#[test]
fn any_file_is_relayed_on_request_and_none_twice() {
    for kind in KINDS {
        let (reader, writer) = pipe();
        let fd = reader.as_raw_fd();
        let mut poller = poller(kind);
        let outer = outer(&poller);
        let token = poller
            .watch(fd, bits::READABLE | bits::POLL_CONSUMES)
            .unwrap();
        assert_eq!(
            poller.watch(fd, bits::READABLE),
            Err(Refusal::Kernel(Errno::EEXIST)),
            "{kind:?}"
        );
        write(&writer, 1);
        assert_eq!(wait(&outer, &mut poller), [bits::READABLE], "{kind:?}");
        poller.unregister(token).unwrap();
        let token = poller.watch(fd, bits::READABLE).unwrap();
        let twice = poller.watch(fd, bits::READABLE | bits::POLL_CONSUMES);
        assert_eq!(twice, Err(Refusal::Kernel(Errno::EEXIST)), "{kind:?}");
        assert_eq!(try_wait(&mut poller), [(token, bits::READABLE)], "{kind:?}");
    }
}

#[test]
fn a_trigger_that_an_engine_refuses_its_relay_refuses() {
    let file = File::open("/proc/version").unwrap();
    for kind in &KINDS[1..] {
        let mut poller = poller(*kind);
        for only in [bits::EDGE, bits::EXCLUSIVE, bits::WAKEUP] {
            let added = poller.watch(file.as_raw_fd(), bits::READABLE | only);
            assert_eq!(added, Err(Refusal::Trigger), "{kind:?}");
        }
        let token = poller.watch(file.as_raw_fd(), bits::READABLE).unwrap();
        let changed = poller.modify(token, bits::READABLE | bits::EDGE);
        assert_eq!(changed, Err(Refusal::Trigger), "{kind:?}");
    }
}
